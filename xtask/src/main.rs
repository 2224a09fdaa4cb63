//! Every developer task that is more than one command, as Rust: the same on each computer and in continuous integration.
//!
//! `cargo xtask help` lists them. Servers that a task needs are started for it and end with it, so no task asks for a set-up.

mod bench;
mod database;
mod mutants;
mod prepare_sql;
mod servers;
mod step;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::workspace::Workspace;

/// Developer tasks of Orgmirror.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check format, lints, tests and query data, with private servers. `make test` does this.
    Test(test::Options),
    /// Write what the compiler needs to know about each SQL statement into `.sqlx`. Needed after a change of SQL or of a migration.
    PrepareSql(prepare_sql::Options),
    /// Break one rule at a time (`tests/mutants/*.patch`) and check that its test notices.
    Mutants(mutants::Options),
    /// Measure the product in a release build.
    Bench(bench::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match until_interrupted(arguments.task).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// An interrupted task is dropped, not cut off: dropping ends its servers and removes their folders.
async fn until_interrupted(task: Task) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = run(task) => result,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("asked to end"),
    }
}

async fn run(task: Task) -> Result<()> {
    let workspace = Workspace::find().await?;
    match task {
        Task::Test(options) => test::run(&workspace, options).await,
        Task::PrepareSql(options) => prepare_sql::run(&workspace, options).await,
        Task::Mutants(options) => mutants::run(&workspace, options).await,
        Task::Bench(options) => bench::run(&workspace, options).await,
    }
}
