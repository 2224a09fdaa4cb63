//! Arrows of dependency, as cargo itself knows them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What each part may use of ours. Arrows point one way: services, then what they stand on, then the domain.
const ALLOWED: &[(&str, &[&str])] = &[
    ("orgmirror-domain", &[]),
    ("orgmirror-metrics", &["orgmirror-domain"]),
    ("orgmirror-store", &["orgmirror-domain", "orgmirror-metrics"]),
    ("orgmirror-atlassian", &["orgmirror-domain", "orgmirror-metrics"]),
    ("orgmirror-queue", &[]),
    ("orgmirror-runtime", &["orgmirror-domain", "orgmirror-metrics"]),
    ("orgmirror-private-servers", &[]),
    (
        "orgmirror-coordinator",
        &["orgmirror-domain", "orgmirror-metrics", "orgmirror-store", "orgmirror-queue", "orgmirror-runtime"],
    ),
    ("orgmirror-console", &["orgmirror-domain", "orgmirror-store", "orgmirror-queue", "orgmirror-runtime"]),
    (
        "orgmirror-worker",
        &[
            "orgmirror-domain",
            "orgmirror-metrics",
            "orgmirror-store",
            "orgmirror-queue",
            "orgmirror-runtime",
            "orgmirror-atlassian",
        ],
    ),
    ("orgmirror-orgsim", &[]),
];

/// Puts everything together, and may know everybody.
const WIRING: &[&str] = &["orgmirror", "orgmirror-tests", "orgmirror-bench", "xtask"];

/// The domain does no I/O.
const IO: &[&str] = &["tokio", "tokio-util", "futures", "sqlx", "redis", "reqwest", "axum", "apalis", "apalis-core", "rand"];

/// Every dependency of every part; what only its own tests use is left out, unless it is ours.
fn arrows() -> Result<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("ask cargo")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut arrows = Vec::new();
    for package in metadata["packages"].as_array().context("cargo names no packages")? {
        let name = package["name"].as_str().context("a package has no name")?;
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().context("a dependency has no name")?;
            if dependency["kind"] != "dev" || !dependency["path"].is_null() {
                arrows.push((name.to_owned(), used.to_owned()));
            }
        }
    }
    Ok(arrows)
}

/// No part knows what stands above or beside it.
#[test]
fn arrows_point_one_way() -> Result<()> {
    let arrows = arrows()?;
    let ours: BTreeSet<&str> = arrows.iter().map(|(name, _)| name.as_str()).collect();
    let mut wrong = Vec::new();
    for (name, used) in &arrows {
        let is_ours = ours.contains(used.as_str()) || used.starts_with("orgmirror");
        if WIRING.contains(&name.as_str()) || !is_ours {
            continue;
        }
        let allowed = ALLOWED.iter().find(|(part, _)| part == name);
        let allowed = allowed.with_context(|| format!("{name} is new: say here what it may use"))?.1;
        if !allowed.contains(&used.as_str()) {
            wrong.push(format!("{name} -> {used}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    for (part, _) in ALLOWED {
        assert!(ours.contains(part), "{part} is gone, or has another name, so nothing watches over it");
    }
    Ok(())
}

/// Whoever runs the rules, a model checker or a test, needs no server.
#[test]
fn the_domain_does_no_io() -> Result<()> {
    let arrows = arrows()?;
    let io: Vec<_> = arrows.iter().filter(|(name, used)| name == "orgmirror-domain" && IO.contains(&used.as_str())).collect();
    assert!(io.is_empty(), "{io:?}");
    Ok(())
}

/// Only the worker speaks to Atlassian, only the store speaks SQL.
#[test]
fn outside_systems_have_one_door_each() -> Result<()> {
    let arrows = arrows()?;
    let users = |used: &str| -> BTreeSet<String> {
        let names = arrows.iter().filter(|(name, dependency)| dependency == used && !WIRING.contains(&name.as_str()));
        names.map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(users("orgmirror-atlassian"), BTreeSet::from(["orgmirror-worker".to_owned()]));
    assert_eq!(users("sqlx"), BTreeSet::from(["orgmirror-store".to_owned()]));
    Ok(())
}
