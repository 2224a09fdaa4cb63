//! Steps of a task: a heading, the work, and at the end a sentence about what passed.

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// What passed so far.
#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<&'static str>);

impl Steps {
    /// Prints the heading of the next step.
    pub(crate) fn heading(title: &str) {
        eprintln!("\n== {title} ==");
    }

    /// Runs `command` as the step `name`.
    pub(crate) async fn run(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        Self::heading(name);
        run(command).await.with_context(|| self.failed(name))?;
        self.0.push(name);
        Ok(())
    }

    /// Takes the outcome of a step that is more than a command; its heading is already printed.
    pub(crate) fn done(&mut self, name: &'static str, outcome: Result<()>) -> Result<()> {
        outcome.with_context(|| self.failed(name))?;
        self.0.push(name);
        Ok(())
    }

    /// The final line.
    pub(crate) fn report(&self) {
        eprintln!("\nPassed: {}.", self.0.join(", "));
    }

    fn failed(&self, name: &str) -> String {
        match self.0.as_slice() {
            [] => format!("failed: {name}"),
            passed => format!("failed: {name} (passed before it: {})", passed.join(", ")),
        }
    }
}

/// Runs `command` to its end; anything but success is an error that quotes it.
pub(crate) async fn run(command: &mut Command) -> Result<()> {
    let quoted = quote(command);
    let status = command.status().await.with_context(|| format!("run `{quoted}`"))?;
    if !status.success() {
        bail!("`{quoted}` ended with {status}");
    }
    Ok(())
}

fn quote(command: &Command) -> String {
    let command = command.as_std();
    let program = command.get_program().to_string_lossy();
    let name = program.rsplit('/').next().unwrap_or_default().to_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}
