//! One running server process: started, watched, ended.

use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::StartError;
use crate::account::Account;
use crate::guard::Guard;
use crate::log;

/// Between two looks at a process that starts or ends.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a drop waits for the server: a caller usually deletes the folder next.
const DROP_PATIENCE: Duration = Duration::from_secs(5);

/// How to start a server and how to end it.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// For messages.
    pub(crate) server: &'static str,
    /// The program's path.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Where it works.
    pub(crate) folder: PathBuf,
    /// Where its output goes.
    pub(crate) log: PathBuf,
    /// Who it runs as.
    pub(crate) account: Account,
    /// Ends it in order, without waiting for its clients.
    pub(crate) stop_signal: Signal,
    /// Ends it at once, as a crash would.
    pub(crate) crash_signal: Signal,
    /// How long it may take to be ready.
    pub(crate) ready_patience: Duration,
}

/// A process started from a [`Launch`].
pub(crate) struct Server {
    launch: Launch,
    child: Child,
    _guard: Guard,
}

impl Launch {
    /// Starts the server and waits until `ready` says so.
    pub(crate) async fn start(&self, ready: impl AsyncFn(u32) -> bool) -> Result<Server, StartError> {
        let mut server = self.spawn()?;
        let deadline = Instant::now() + self.ready_patience;
        while !ready(server.pid()).await {
            if let Some(status) = server.ended() {
                let tail = log::tail(&self.log);
                return Err(StartError::Ended { server: self.server, status: status.to_string(), log: self.log.clone(), tail });
            }
            if Instant::now() >= deadline {
                let tail = log::tail(&self.log);
                return Err(StartError::NotReady {
                    server: self.server,
                    waited: self.ready_patience,
                    log: self.log.clone(),
                    tail,
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(server)
    }

    fn spawn(&self) -> Result<Server, StartError> {
        let out = log::fresh(&self.log)?;
        let err = out.try_clone().map_err(StartError::folder("open the log file", &self.log))?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder).process_group(0).stdin(Stdio::null()).stdout(out).stderr(err);
        self.account.apply(&mut command);
        let child = command.spawn().map_err(|source| StartError::Spawn { program: self.program.clone(), source })?;
        let guard = Guard::over(child.id(), self.stop_signal, &self.account);
        Ok(Server { launch: self.clone(), child, _guard: guard })
    }
}

impl Server {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in order; by force after `patience`.
    pub(crate) async fn stop(mut self, patience: Duration) {
        self.signal(self.launch.stop_signal);
        if !self.ended_within(patience).await {
            tracing::warn!("{} did not stop within {patience:?} and is ended by force", self.launch.server);
        }
    }

    /// Ends it as a crash would.
    pub(crate) async fn crash(mut self) {
        self.signal(self.launch.crash_signal);
        self.ended_within(DROP_PATIENCE).await;
    }

    async fn ended_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.ended().is_none() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        true
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// A collected child's id may belong to somebody else by now, so only a running one is signalled.
    fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Ok(pid) = i32::try_from(self.child.id())
        {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Server {
    /// Nothing to do for a server that has ended; otherwise there is no time for order.
    fn drop(&mut self) {
        self.signal(self.launch.crash_signal);
        let deadline = Instant::now() + DROP_PATIENCE;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
        // A frozen process (a test's SIGSTOP) heeds this signal alone.
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.launch.server, self.child.id())
    }
}
