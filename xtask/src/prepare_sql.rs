//! Query data for builds without a database.
//!
//! The macros of sqlx ask a database about each statement at compile time. Given `SQLX_OFFLINE_DIR` they also write the answers down, one
//! file per statement; with these files in `.sqlx`, everybody else builds without a database. This is what `cargo sqlx prepare` does,
//! without another program to install, and with a database of its own.
//!
//! Invariant: `.sqlx` says what the migrations in this tree say, never what some developer's database says.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use orgmirror_private_servers::ThrowawayServers;
use serde_json::Value;

use crate::step::{self, Steps};
use crate::workspace::Workspace;
use crate::{database, servers};

/// The only package with SQL.
const PACKAGE: &str = "orgmirror-store";
/// Stale statements that the error lists; more than that are counted.
const LISTED_MAX: usize = 20;

/// What to do with the query data.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Change nothing; fail and list the statements whose data in `.sqlx` is stale.
    #[arg(long)]
    check: bool,
}

/// File name and content.
type Files = BTreeMap<OsString, Vec<u8>>;

/// The task `prepare-sql`.
pub(crate) async fn run(workspace: &Workspace, options: Options) -> Result<()> {
    let servers = servers::start().await?;
    let outcome = if options.check { check(workspace, &servers).await } else { write(workspace, &servers).await };
    servers.stop().await;
    outcome
}

/// Fails if `.sqlx` is not what the macros would write now.
pub(crate) async fn check(workspace: &Workspace, servers: &ThrowawayServers) -> Result<()> {
    let fresh = ask_macros(workspace, servers).await?;
    let stale = differences(&read(&workspace.root.join(".sqlx"))?, &fresh);
    if stale.is_empty() {
        eprintln!("The query data of all {} statements is up to date.", fresh.len());
        return Ok(());
    }
    let mut list: Vec<String> = stale.iter().take(LISTED_MAX).map(|line| format!("  {line}")).collect();
    if stale.len() > LISTED_MAX {
        list.push(format!("  and {} more", stale.len() - LISTED_MAX));
    }
    bail!("the query data in .sqlx is stale; run `cargo xtask prepare-sql` and commit .sqlx:\n{}", list.join("\n"))
}

async fn write(workspace: &Workspace, servers: &ThrowawayServers) -> Result<()> {
    let fresh = ask_macros(workspace, servers).await?;
    let folder = workspace.root.join(".sqlx");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let old = read(&folder)?;
    for (name, content) in &fresh {
        // What is the same stays untouched, or cargo would build again for nothing.
        if old.get(name) != Some(content) {
            fs::write(folder.join(name), content).with_context(|| format!("write {}", folder.join(name).display()))?;
        }
    }
    for name in old.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name)).with_context(|| format!("remove {}", folder.join(name).display()))?;
    }
    eprintln!("{} statements in .sqlx, {} changes.", fresh.len(), differences(&old, &fresh).len());
    Ok(())
}

/// Compiles the package against a fresh schema and collects what the macros write.
async fn ask_macros(workspace: &Workspace, servers: &ThrowawayServers) -> Result<Files> {
    Steps::heading("query data");
    let url = database::with_schema(servers, "prepare_sql", &workspace.root.join("migrations")).await?;
    // An output folder of its own: the macros of a crate that is up to date would not run, and other builds stay up to date.
    let target = workspace.target.join("prepare-sql");
    fs::create_dir_all(&target).with_context(|| format!("create {}", target.display()))?;
    let answers = tempfile::tempdir_in(&target)?;
    step::run(workspace.cargo().args(["clean", "--quiet", "--package", PACKAGE, "--target-dir"]).arg(&target)).await?;
    let mut check = workspace.cargo();
    check.args(["check", "--quiet", "--package", PACKAGE, "--all-targets", "--target-dir"]).arg(&target);
    check.env("DATABASE_URL", url).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", answers.path());
    step::run(&mut check).await?;
    read(answers.path())
}

/// The query data in `folder`; none where there is no folder.
fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_owned();
        if name.to_string_lossy().starts_with("query-") {
            files.insert(name, fs::read(&path).with_context(|| format!("read {}", path.display()))?);
        }
    }
    Ok(files)
}

/// A line per statement whose data differs.
fn differences(old: &Files, fresh: &Files) -> Vec<String> {
    let new = fresh.iter().filter_map(|(name, content)| match old.get(name) {
        None => Some(format!("missing: {}", statement(content))),
        Some(before) if before != content => Some(format!("changed meaning: {}", statement(content))),
        Some(_) => None,
    });
    let gone = old
        .iter()
        .filter(|(name, _)| !fresh.contains_key(*name))
        .map(|(_, content)| format!("no longer used: {}", statement(content)));
    new.chain(gone).collect()
}

/// The statement's first line, which is its name where the style is kept.
fn statement(content: &[u8]) -> String {
    let data: Value = serde_json::from_slice(content).unwrap_or_default();
    let sql = data["query"].as_str().unwrap_or("(unreadable file)");
    sql.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(empty statement)").trim_start_matches("-- ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        let content = |sql: &str| serde_json::json!({ "query": sql }).to_string().into_bytes();
        entries.iter().map(|(name, sql)| (OsString::from(name), content(sql))).collect()
    }

    #[test]
    fn differences_name_statements() {
        let old = files(&[("query-1.json", "-- run.start"), ("query-2.json", "-- run.end"), ("query-3.json", "same")]);
        let fresh =
            files(&[("query-1.json", "-- run.begin"), ("query-4.json", "\n  -- gate.open\nSELECT 1"), ("query-3.json", "same")]);
        assert_eq!(differences(&old, &fresh), ["changed meaning: run.begin", "missing: gate.open", "no longer used: run.end"]);
    }
}
