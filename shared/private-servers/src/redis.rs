//! A private Redis. It keeps nothing on disk: what it holds can be made again from Postgres.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::account::Account;
use crate::folder::DataFolder;
use crate::leftover::Leftover;
use crate::server::{Launch, Server};
use crate::{ProgramSearch, StartError, port};

/// Some distributions ship Valkey, which speaks the same language, instead of Redis.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// An empty Redis starts in a fraction of a second.
const READY_PATIENCE: Duration = Duration::from_secs(30);
/// There is nothing to write at a shutdown.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// For one answer of a server on this computer.
const PING_PATIENCE: Duration = Duration::from_secs(1);

/// How a private Redis is set up.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Where to look for the program.
    pub programs: ProgramSearch,
}

/// A Redis that this process started and that ends with it.
#[derive(Debug)]
pub struct PrivateRedis {
    launch: Launch,
    port: u16,
    /// Before `_folder`: the server must have ended when the lock is given free.
    server: Option<Server>,
    _folder: DataFolder,
}

impl PrivateRedis {
    /// Starts an empty Redis that works in `data_dir`. One that a killed owner left behind in this folder is stopped first.
    pub async fn start(data_dir: &Path, options: RedisOptions) -> Result<Self, StartError> {
        let folder = DataFolder::take(data_dir).await?;
        leftover(folder.path()).clear().await?;
        let programs: Vec<PathBuf> = PROGRAMS.iter().flat_map(|program| options.programs.all(program)).collect();
        let Some(program) = programs.first() else {
            return Err(options.programs.missing("redis-server", "redis-server or redis"));
        };

        let mut attempt = 1;
        loop {
            let port = port::free()?;
            let launch = launch(program, folder.path(), port);
            match launch.start(async |pid| is_ready(&launch.folder, pid, port).await).await {
                Ok(server) => {
                    tracing::debug!(port, folder = %folder.path().display(), "private Redis is ready");
                    return Ok(Self { launch, port, server: Some(server), _folder: folder });
                }
                Err(error) if error.is_port_taken() && attempt < port::ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The server's address; it stays the same over restarts.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The server's process id; `None` between [`kill`](Self::kill) and [`start_again`](Self::start_again).
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Stops it.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop(STOP_PATIENCE).await;
        }
    }

    /// Ends it as a crash would, for tests: all it held is lost.
    pub async fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.crash().await;
        }
    }

    /// Starts it after [`kill`](Self::kill), empty, at the same address. Does nothing if it runs.
    pub async fn start_again(&mut self) -> Result<(), StartError> {
        if self.server.is_none() {
            leftover(&self.launch.folder).clear().await?;
            self.server = Some(self.launch.start(async |pid| is_ready(&self.launch.folder, pid, self.port).await).await?);
        }
        Ok(())
    }

    /// Loses everything it holds, for tests: ends it as a crash would and starts it at the same address.
    pub async fn restart_empty(&mut self) -> Result<(), StartError> {
        self.kill().await;
        self.start_again().await
    }
}

/// Redis writes it once it listens.
fn pid_file(data_dir: &Path) -> PathBuf {
    data_dir.join("redis.pid")
}

fn leftover(data_dir: &Path) -> Leftover {
    Leftover { programs: &PROGRAMS, folder: data_dir.to_owned(), pid_file: pid_file(data_dir), signal: Signal::SIGTERM }
}

fn launch(program: &Path, data_dir: &Path, port: u16) -> Launch {
    let port = port.to_string();
    let folder = data_dir.display().to_string();
    let pid_file = pid_file(data_dir).display().to_string();
    let args = [
        ["--bind", "127.0.0.1"],
        ["--port", &port],
        ["--dir", &folder],
        ["--pidfile", &pid_file],
        ["--daemonize", "no"],
        ["--save", ""],
        ["--appendonly", "no"],
        // A full queue must refuse, never forget.
        ["--maxmemory-policy", "noeviction"],
    ];
    Launch {
        server: "Redis",
        program: program.to_owned(),
        args: args.iter().flatten().map(|&arg| arg.to_owned()).collect(),
        folder: data_dir.to_owned(),
        log: data_dir.join("redis.log"),
        account: Account::Own,
        stop_signal: Signal::SIGTERM,
        crash_signal: Signal::SIGKILL,
        ready_patience: READY_PATIENCE,
    }
}

/// The answer alone proves nothing: another Redis may have taken the port just before ours tried to.
async fn is_ready(data_dir: &Path, pid: u32, port: u16) -> bool {
    let recorded = fs::read_to_string(pid_file(data_dir)).unwrap_or_default();
    if recorded.trim() != pid.to_string() {
        return false;
    }
    timeout(PING_PATIENCE, ping(port)).await.is_ok_and(|answer| answer.is_ok_and(|pong| pong == *b"+PONG\r\n"))
}

async fn ping(port: u16) -> std::io::Result<[u8; 7]> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Redis that outlived its owner and its guard is ended by the next start.
    #[tokio::test]
    async fn leftover_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = PrivateRedis::start(folder.path(), RedisOptions::default()).await.unwrap();
        let left = first.pid().unwrap();
        std::mem::forget(first.server.take());
        drop(first);

        let second = PrivateRedis::start(folder.path(), RedisOptions::default()).await.unwrap();
        assert_ne!(second.pid().unwrap(), left);
        assert!(!Path::new(&format!("/proc/{left}/cwd")).exists(), "the first server still works");
        second.stop().await;
    }
}
