//! Measurements, in the build that people run.

use anyhow::Result;
use clap::Args;

use crate::step::Steps;
use crate::workspace::Workspace;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Passed on to the measuring program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// The task `bench`.
pub(crate) async fn run(workspace: &Workspace, options: Options) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("release build", workspace.cargo().args(["build", "--release", "--package", "orgmirror"])).await?;
    let mut bench = workspace.cargo();
    bench.args(["run", "--release", "--package", "orgmirror-bench", "--"]).args(options.args);
    bench.env("ORGMIRROR_BIN", Workspace::executable(&workspace.target, "release"));
    steps.run("measurements", &mut bench).await?;
    steps.report();
    Ok(())
}
