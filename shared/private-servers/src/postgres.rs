//! A private Postgres.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::account::Account;
use crate::cluster::{Cluster, NAME};
use crate::folder::DataFolder;
use crate::leftover::Leftover;
use crate::server::{Launch, Server};
use crate::{ProgramSearch, StartError, port};

/// Recovery after a crash replays up to `max_wal_size`, which a slow disk may take minutes for.
const READY_PATIENCE: Duration = Duration::from_secs(180);
/// A shutdown writes all changed pages.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// The system's limit for the address of a socket is 108 bytes, sometimes 104, with the file's own name in it.
const SOCKET_FOLDER_BYTES_MAX: usize = 80;

/// What becomes of the data when the power fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Committed is committed.
    #[default]
    Kept,
    /// Nothing is flushed to disk. For data that is thrown away anyway: much faster, and lost at a crash of the computer.
    Throwaway,
}

/// Whether a commit waits until it is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitWait {
    /// `synchronous_commit = on`
    #[default]
    ForDisk,
    /// `synchronous_commit = off`: a crash may lose the last moments, though never the order.
    ForNothing,
}

/// How a private Postgres is set up; the default fits `orgmirror up`.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Memory for pages, in MiB.
    pub shared_buffers_mib: u32,
    /// Most connections at once.
    pub connections_max: u32,
    /// What becomes of the data when the power fails.
    pub durability: Durability,
    /// Whether a commit waits until it is on disk.
    pub commit_wait: CommitWait,
    /// Where to look for the programs.
    pub programs: ProgramSearch,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            shared_buffers_mib: 256,
            connections_max: 200,
            durability: Durability::default(),
            commit_wait: CommitWait::default(),
            programs: ProgramSearch::default(),
        }
    }
}

impl PostgresOptions {
    /// For tests: nothing is flushed to disk.
    pub fn throwaway() -> Self {
        Self { durability: Durability::Throwaway, ..Self::default() }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let on = |yes: bool| if yes { "on" } else { "off" }.to_owned();
        let kept = self.durability == Durability::Kept;
        vec![
            ("shared_buffers", format!("{}MB", self.shared_buffers_mib)),
            ("max_connections", self.connections_max.to_string()),
            ("synchronous_commit", on(self.commit_wait == CommitWait::ForDisk)),
            ("fsync", on(kept)),
            ("full_page_writes", on(kept)),
            ("wal_compression", "on".to_owned()),
            ("max_wal_size", "2GB".to_owned()),
            // Compiling a plan costs more than the short statements of the ledger save.
            ("jit", "off".to_owned()),
            // Solid-state disks: an index is worth using earlier than the default says.
            ("random_page_cost", "1.1".to_owned()),
        ]
    }
}

/// A Postgres that this process started and that ends with it.
#[derive(Debug)]
pub struct PrivatePostgres {
    launch: Launch,
    port: u16,
    /// Before `_folder`: the server must have ended when the lock is given free.
    server: Option<Server>,
    _folder: DataFolder,
}

impl PrivatePostgres {
    /// Starts Postgres on the data in `data_dir`, which is created with an empty database `orgmirror` if there is none yet.
    ///
    /// A server that a killed owner left behind in this folder is stopped first.
    pub async fn start(data_dir: &Path, options: PostgresOptions) -> Result<Self, StartError> {
        let folder = DataFolder::take(data_dir).await?;
        let cluster_folder = folder.path().join("cluster");
        let account = Account::for_cluster(&cluster_folder)?;
        if matches!(account, Account::Other { .. }) {
            folder.open_for_passage()?;
        }
        account.check_reach(folder.path())?;
        leftover(&cluster_folder).clear().await?;
        let cluster = make_cluster(cluster_folder, account, options.programs.clone()).await?;

        let mut attempt = 1;
        loop {
            let port = port::free()?;
            let launch = launch(&cluster, folder.path(), &options, port);
            match launch.start(async |pid| is_ready(&launch.folder, pid)).await {
                Ok(server) => {
                    tracing::debug!(port, folder = %folder.path().display(), "private Postgres is ready");
                    return Ok(Self { launch, port, server: Some(server), _folder: folder });
                }
                Err(error) if error.is_port_taken() && attempt < port::ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The address of the database `orgmirror`, as its superuser.
    pub fn url(&self) -> String {
        self.url_of(NAME)
    }

    /// The address of another database of this server, such as the maintenance database `postgres`.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{NAME}@127.0.0.1:{}/{database}", self.port)
    }

    /// The server's process id; `None` between [`kill`](Self::kill) and [`start_again`](Self::start_again).
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Stops it in order: open transactions are rolled back, clients are disconnected, all data is on disk.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop(STOP_PATIENCE).await;
        }
    }

    /// Ends it as a crash would, for tests. What was committed is there again after [`start_again`](Self::start_again).
    pub async fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.crash().await;
        }
    }

    /// Starts it after [`kill`](Self::kill), at the same address. Does nothing if it runs.
    pub async fn start_again(&mut self) -> Result<(), StartError> {
        if self.server.is_none() {
            leftover(&self.launch.folder).clear().await?;
            self.server = Some(self.launch.start(async |pid| is_ready(&self.launch.folder, pid)).await?);
        }
        Ok(())
    }
}

/// `initdb` takes a second or two and blocks, so it has a thread of its own.
async fn make_cluster(folder: PathBuf, account: Account, programs: ProgramSearch) -> Result<Cluster, StartError> {
    let place = folder.clone();
    let made = tokio::task::spawn_blocking(move || Cluster::find_or_make(&folder, account, &programs)).await;
    made.unwrap_or_else(|error| Err(StartError::Folder { action: "prepare", path: place, source: std::io::Error::other(error) }))
}

fn leftover(cluster: &Path) -> Leftover {
    Leftover {
        programs: &["postgres"],
        folder: cluster.to_owned(),
        pid_file: cluster.join("postmaster.pid"),
        signal: Signal::SIGINT,
    }
}

fn launch(cluster: &Cluster, data_dir: &Path, options: &PostgresOptions, port: u16) -> Launch {
    let folder = cluster.folder.display().to_string();
    // Inside the cluster, which only the server's own account may enter; TCP alone where the path is too long for a socket.
    let sockets = if folder.len() > SOCKET_FOLDER_BYTES_MAX { String::new() } else { format!("\"{folder}\"") };
    let mut args = vec!["-D".to_owned(), folder];
    let mut set = |name: &str, value: String| args.extend(["-c".to_owned(), format!("{name}={value}")]);
    set("listen_addresses", "127.0.0.1".to_owned());
    set("port", port.to_string());
    set("unix_socket_directories", sockets);
    set("logging_collector", "off".to_owned());
    for (name, value) in options.settings() {
        set(name, value);
    }
    Launch {
        server: "Postgres",
        program: cluster.program.clone(),
        args,
        folder: cluster.folder.clone(),
        log: data_dir.join("postgres.log"),
        account: cluster.account.clone(),
        stop_signal: Signal::SIGINT,   // "fast shutdown"
        crash_signal: Signal::SIGQUIT, // "immediate shutdown": takes its children along, which a SIGKILL would not
        ready_patience: READY_PATIENCE,
    }
}

/// The eighth line of Postgres' own process id file tells its state, as `pg_ctl` reads it; the first line whose.
fn is_ready(cluster: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines();
    lines.next().is_some_and(|line| line.trim() == pid.to_string()) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Postgres that outlived its owner and its guard is ended by the next start.
    #[tokio::test]
    async fn leftover_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = PrivatePostgres::start(folder.path(), PostgresOptions::throwaway()).await.unwrap();
        let left = first.pid().unwrap();
        std::mem::forget(first.server.take());
        drop(first);

        let second = PrivatePostgres::start(folder.path(), PostgresOptions::throwaway()).await.unwrap();
        assert_ne!(second.pid().unwrap(), left);
        assert!(!Path::new(&format!("/proc/{left}/cwd")).exists(), "the first server still works");
        second.stop().await;
    }

    /// A lock file whose process id now belongs to somebody else (here: this test) does not stop the start.
    #[tokio::test]
    async fn stale_lock_of_a_reused_id() {
        let folder = tempfile::tempdir().unwrap();
        let mut postgres = PrivatePostgres::start(folder.path(), PostgresOptions::throwaway()).await.unwrap();
        postgres.kill().await;
        let lock = folder.path().join("cluster/postmaster.pid");
        fs::write(&lock, format!("{}\n", std::process::id())).unwrap();
        postgres.start_again().await.unwrap();
        postgres.stop().await;
    }
}
