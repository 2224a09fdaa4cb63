//! All checks, the cheap ones first.

use anyhow::Result;
use clap::Args;
use orgmirror_private_servers::ThrowawayServers;
use tokio::process::Command;

use crate::step::Steps;
use crate::workspace::Workspace;
use crate::{prepare_sql, servers};

/// Which checks.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The tests alone: no format, no lints, no query data.
    #[arg(long)]
    quick: bool,
    /// Passed on to `cargo test`: a part of a test's name, or more after another `--`.
    #[arg(last = true)]
    args: Vec<String>,
}

/// The task `test`.
pub(crate) async fn run(workspace: &Workspace, options: Options) -> Result<()> {
    let mut steps = Steps::default();
    if !options.quick {
        steps.run("format", workspace.cargo().args(["fmt", "--all", "--check"])).await?;
        let lints = ["clippy", "--workspace", "--all-targets"];
        let mut clippy = workspace.cargo();
        clippy.args(lints).args(workspace.test_features()).args(["--", "-D", "warnings"]);
        steps.run("lints", &mut clippy).await?;
    }
    // All targets, although only the executable is needed first: the features of dependencies depend on what is built together, and so
    // `cargo test` finds everything done.
    steps.run("build", &mut build(workspace)).await?;

    let servers = servers::start().await?;
    let outcome = with_servers(workspace, &options, &servers, &mut steps).await;
    servers.stop().await;
    outcome?;
    steps.report();
    Ok(())
}

fn build(workspace: &Workspace) -> Command {
    let mut build = workspace.cargo();
    build.args(["build", "--workspace", "--all-targets"]).args(workspace.test_features());
    build
}

async fn with_servers(workspace: &Workspace, options: &Options, servers: &ThrowawayServers, steps: &mut Steps) -> Result<()> {
    let mut test = workspace.cargo();
    test.args(["test", "--workspace"]).args(workspace.test_features()).args(&options.args);
    servers::tell(&mut test, servers, &Workspace::executable(&workspace.target, "debug"));
    steps.run("tests", &mut test).await?;
    if !options.quick {
        let outcome = prepare_sql::check(workspace, servers).await;
        steps.done("query data", outcome)?;
    }
    Ok(())
}
