//! A process of the product, that ends with its owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::guard::Guard;

/// Between two looks at a process that starts.
const PAUSE: Duration = Duration::from_millis(20);
/// The largest simulated organisation is generated in seconds, on a busy computer in more.
const READY_PATIENCE: Duration = Duration::from_secs(180);
/// A worker finishes the calls that it has in flight.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
/// Lines of a log that an error shows.
const TAIL_LINES: usize = 15;

/// A running process. Dropping it kills it; should this program itself be killed, its guard does.
#[derive(Debug)]
pub(crate) struct Service {
    name: String,
    child: Child,
    _guard: Guard,
    log: PathBuf,
}

impl Service {
    /// Starts `command`, and waits until its log contains `ready`.
    pub(crate) async fn start(name: String, mut command: Command, folder: &Path, ready: &str) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log).context("create a log file")?;
        let err = out.try_clone().context("open a log file")?;
        // A process group of its own: Ctrl-C reaches this program alone, which then ends everything in order.
        command.current_dir(folder).process_group(0).kill_on_drop(true).stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().with_context(|| format!("start the {name}"))?;
        let pid = child.id().with_context(|| format!("the {name} ended at once"))?;
        let guard = Guard::over(pid)?;
        let mut service = Self { name, child, _guard: guard, log };
        service.wait_for(ready).await?;
        Ok(service)
    }

    async fn wait_for(&mut self, ready: &str) -> Result<()> {
        let deadline = Instant::now() + READY_PATIENCE;
        while !self.log().contains(ready) {
            self.check()?;
            if Instant::now() > deadline {
                bail!("the {} was not ready after {READY_PATIENCE:?}; it said:\n{}", self.name, self.tail());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Fails if it has ended, which it must not by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait().with_context(|| format!("look at the {}", self.name))? {
            Some(status) => bail!("the {} ended ({status}); it said:\n{}", self.name, self.tail()),
            None => Ok(()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// All it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of it.
    pub(crate) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Stops it in order; by force when it takes too long.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM).with_context(|| format!("stop the {}", self.name))?;
        }
        if tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await.with_context(|| format!("kill the {}", self.name))?;
        }
        Ok(())
    }
}
