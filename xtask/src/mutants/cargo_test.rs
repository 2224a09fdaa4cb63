//! Builds and tests the scratch tree, and tells a test that failed from one that never ran.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use orgmirror_private_servers::ThrowawayServers;
use tokio::process::Command;
use tokio::time::timeout;

use super::tree::Tree;
use crate::workspace::{Workspace, cargo};
use crate::{database, servers};

/// A broken rule may keep a run from ever ending. That is noticed as well.
const TEST_PATIENCE: Duration = Duration::from_secs(600);
/// Lines of output worth showing.
const OUTPUT_LINES: usize = 40;

/// Where patched trees are built and tested.
pub(super) struct Scratch<'a> {
    /// For the features of test builds.
    pub(super) workspace: &'a Workspace,
    /// For the compiler and the tests.
    pub(super) servers: &'a ThrowawayServers,
    /// What is built.
    pub(super) tree: &'a Tree,
    /// Where the output goes.
    pub(super) target: PathBuf,
}

/// Whether the tree built.
pub(super) enum Build {
    /// Everything built, tests and executable.
    Done,
    /// The end of the compiler's output.
    Failed(String),
}

/// What the tests said.
pub(super) enum Colour {
    /// At least one ran, none failed.
    Green {
        /// How many ran.
        passed: usize,
    },
    /// At least one failed, or none came to an end.
    Red {
        /// In a few words.
        word: String,
        /// The end of the output.
        output: String,
    },
    /// No test has such a name.
    NothingRan,
}

impl Scratch<'_> {
    /// Builds all that the tests need, against the tree's own schema.
    pub(super) async fn build(&self) -> Result<Build> {
        let made = database::with_schema(self.servers, "mutants", &self.tree.path().join("migrations")).await;
        if let Err(error) = made {
            return Ok(Build::Failed(format!("{error:#}")));
        }
        let mut build = self.cargo(&["build", "--quiet", "--workspace", "--all-targets"]);
        let output = build.kill_on_drop(true).output().await.context("run cargo build")?;
        Ok(if output.status.success() { Build::Done } else { Build::Failed(end_of(&output.stderr)) })
    }

    /// Runs the tests whose names contain one of `filters`.
    pub(super) async fn test(&self, filters: &[String]) -> Result<Colour> {
        let mut test = self.cargo(&["test", "--quiet", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
        test.arg("--").args(filters);
        servers::tell(&mut test, self.servers, &Workspace::executable(&self.target, "debug"));
        // A group of its own, so that a test that never ends can be ended together with the processes it started.
        test.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = test.spawn().context("run cargo test")?;
        let _group = Group(child.id());
        let Ok(output) = timeout(TEST_PATIENCE, child.wait_with_output()).await else {
            return Ok(Colour::Red { word: format!("did not end within {TEST_PATIENCE:?}"), output: String::new() });
        };
        let output = output.context("run cargo test")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(match counts(&text) {
            (_, failed) if failed > 0 => Colour::Red { word: format!("{failed} failed"), output: end_of(text.as_bytes()) },
            _ if !text.lines().any(|line| line.starts_with("running ")) => Colour::NothingRan,
            // A test that takes its whole process along leaves no count.
            _ if !output.status.success() => Colour::Red { word: "aborted".to_owned(), output: end_of(&output.stderr) },
            (0, _) => Colour::NothingRan,
            (passed, _) => Colour::Green { passed },
        })
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut command = cargo(self.tree.path());
        command.args(args).args(self.workspace.test_features()).env("CARGO_TARGET_DIR", &self.target);
        command.env("DATABASE_URL", self.servers.postgres.url_of("mutants")).env("SQLX_OFFLINE", "false");
        command
    }
}

/// A process group that ends with this value.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0.and_then(|pid| i32::try_from(pid).ok()) {
            // Most often all of it has ended already.
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
    }
}

/// Passed and failed tests, summed over the lines `test result: FAILED. 3 passed; 1 failed; ...` of all test programs.
fn counts(output: &str) -> (usize, usize) {
    let number = |line: &str, word: &str| -> usize {
        let before = line.split(word).next().unwrap_or_default();
        before.split_whitespace().next_back().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let results = output.lines().filter(|line| line.starts_with("test result:"));
    results.fold((0, 0), |(passed, failed), line| (passed + number(line, " passed"), failed + number(line, " failed")))
}

fn end_of(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(OUTPUT_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let output = "\nrunning 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\
                      test result: FAILED. 3 passed; 11 failed; 0 ignored; 0 measured; 5 filtered out\n";
        assert_eq!(counts(output), (5, 11));
        assert_eq!(counts("error: could not compile"), (0, 0));
    }
}
