//! Ends what an earlier owner left running in a folder that is now ours.
//!
//! Called with the folder's lock held, so whatever still works there has no owner any more. A process id from a file proves nothing (ids
//! are used again, in a restarted container even the same ones); a server is recognised by its name and by the folder it works in, which
//! both Postgres and Redis enter. Without `/proc` the name of the recorded process must do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use crate::StartError;

/// For an orderly shutdown of a loaded Postgres, with its checkpoint.
const POLITE_PATIENCE: Duration = Duration::from_secs(30);
/// For the kernel to take down what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// What a leftover would look like.
pub(crate) struct Leftover {
    /// The program's name as the kernel knows it, or its names.
    pub(crate) programs: &'static [&'static str],
    /// Where it works.
    pub(crate) folder: PathBuf,
    /// Where it wrote its process id: in the first line.
    pub(crate) pid_file: PathBuf,
    /// What makes it end in order.
    pub(crate) signal: Signal,
}

impl Leftover {
    /// Ends all of it, and removes its process id file. Does nothing where nothing was left.
    pub(crate) async fn clear(&self) -> Result<(), StartError> {
        if self.processes().is_empty() {
            return self.forget_pid();
        }
        tracing::info!(folder = %self.folder.display(), "ending a {} of an earlier run", self.programs.join(" or "));
        // The recorded process is the one that knows how to take the others down with it.
        if let Some(first) = self.recorded_pid().filter(|pid| self.processes().contains(pid)) {
            let _ = kill(first, self.signal);
        }
        if !self.gone_within(POLITE_PATIENCE).await {
            for pid in self.processes() {
                let _ = kill(pid, Signal::SIGKILL);
            }
            if !self.gone_within(KILL_PATIENCE).await
                && let Some(pid) = self.processes().first()
            {
                return Err(StartError::LeftoverStays { pid: pid.as_raw(), folder: self.folder.clone() });
            }
        }
        self.forget_pid()
    }

    async fn gone_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while !self.processes().is_empty() {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(PAUSE).await;
        }
        true
    }

    /// The leftover's processes; a dead one that nobody has collected is none, for it no longer works anywhere.
    fn processes(&self) -> Vec<Pid> {
        match fs::read_dir("/proc/self").and_then(|_| fs::read_dir("/proc")) {
            Ok(entries) => entries.flatten().filter_map(|entry| self.recognise(&entry.path())).collect(),
            Err(_) => self.recorded_pid().filter(|pid| runs(*pid, self.programs)).into_iter().collect(),
        }
    }

    fn recognise(&self, proc: &Path) -> Option<Pid> {
        let pid = proc.file_name()?.to_str()?.parse().ok()?;
        let name = fs::read_to_string(proc.join("comm")).ok()?;
        let folder = fs::read_link(proc.join("cwd")).ok()?;
        (self.programs.contains(&name.trim_end()) && folder == self.folder).then(|| Pid::from_raw(pid))
    }

    fn recorded_pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(&self.pid_file).ok()?;
        let pid: i32 = text.lines().next()?.trim().parse().ok()?;
        (pid > 1).then(|| Pid::from_raw(pid))
    }

    /// A stale id that now belongs to somebody else would make Postgres refuse to start.
    fn forget_pid(&self) -> Result<(), StartError> {
        match fs::remove_file(&self.pid_file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(StartError::Folder { action: "remove the stale file", path: self.pid_file.clone(), source })
            }
            _ => Ok(()),
        }
    }
}

/// Whether `pid` runs one of `programs`, asked of `ps` where there is no `/proc`.
fn runs(pid: Pid, programs: &[&str]) -> bool {
    let said = Command::new("ps").args(["-o", "stat=,comm=", "-p", &pid.to_string()]).output();
    said.is_ok_and(|out| {
        let line = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        !line.starts_with('Z') && programs.iter().any(|program| line.ends_with(program))
    })
}
