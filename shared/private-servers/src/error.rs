//! Why a private server did not start, told to the person who can mend it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a private server did not start. Each message ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The distribution's package is not installed, or not where programs are looked for.
    #[error(
        "the program `{program}` was not found in any of these folders: {searched}; install it with `sh deploy/install-servers.sh` (package {package}), or set the address of a server that already runs"
    )]
    ProgramMissing {
        /// The program's file name.
        program: &'static str,
        /// What the distributions call its package.
        package: &'static str,
        /// The folders looked at, comma-separated.
        searched: String,
    },
    /// A live process holds the folder.
    #[error("another process is using the folder {folder}; stop that one first, or choose another folder")]
    FolderInUse {
        /// The data folder.
        folder: PathBuf,
    },
    /// Postgres refuses to run as root, and its unprivileged account cannot reach the data.
    #[error(
        "Postgres cannot run as root and the account `{account}` it runs as instead may not enter {closed}; allow that with `chmod o+x {closed}`, or choose a data folder elsewhere"
    )]
    FolderClosed {
        /// The first folder on the way that cannot be entered.
        closed: PathBuf,
        /// The unprivileged account.
        account: String,
    },
    /// Root, but no account to drop to.
    #[error(
        "Postgres cannot run as root and this computer has neither an account `postgres` nor `nobody`; start orgmirror as an ordinary user, or create one of them"
    )]
    NoAccount,
    /// The data was written by a Postgres version that is not installed.
    #[error(
        "the data in {folder} was written by Postgres {found}, but installed here: {installed}; install Postgres {found}, or move the folder away and let the next sync fill a new one"
    )]
    WrongVersion {
        /// The data folder.
        folder: PathBuf,
        /// Major version of the data.
        found: String,
        /// Major versions of the programs.
        installed: String,
    },
    /// The operating system refused something about the data folder.
    #[error("could not {action} {path}: {source}; check that this account may write there and that the disk is not full")]
    Folder {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A program is there but cannot be run.
    #[error("could not run {program}: {source}; check that it may be executed, or install it again")]
    Spawn {
        /// The program's path.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A new database folder could not be prepared.
    #[error("{program} could not prepare {folder}; it said:\n{output}")]
    Initialise {
        /// The program that failed.
        program: PathBuf,
        /// The folder it was to prepare.
        folder: PathBuf,
        /// The end of its output.
        output: String,
    },
    /// A process of an earlier run is in the way and does not end.
    #[error("process {pid} of an earlier run still uses {folder} and does not end; end it with `kill -9 {pid}` and start again")]
    LeftoverStays {
        /// The process in the way.
        pid: i32,
        /// The data folder.
        folder: PathBuf,
    },
    /// The server ended instead of starting.
    #[error("{server} ended while starting ({status}); the end of its log {log} says:\n{tail}")]
    Ended {
        /// `Postgres` or `Redis`.
        server: &'static str,
        /// How it ended.
        status: String,
        /// The log file.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The server runs but does not answer.
    #[error("{server} was not ready after {waited:?} and was stopped; the end of its log {log} says:\n{tail}")]
    NotReady {
        /// `Postgres` or `Redis`.
        server: &'static str,
        /// How long it was waited for.
        waited: Duration,
        /// The log file.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
}

impl StartError {
    /// For `map_err` on calls about one path: "could not `action` `path`".
    pub(crate) fn folder(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { action, path, source }
    }

    /// Whether somebody else took the port between its choice and its use: worth another port.
    pub(crate) fn is_port_taken(&self) -> bool {
        // Postgres and Redis both print the system's words for EADDRINUSE.
        matches!(self, Self::Ended { tail, .. } if tail.to_lowercase().contains("address already in use"))
    }
}
