//! Coordinators and workers as processes, for stories in which one is killed or frozen.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::world::{Size, World};
use orgmirror_private_servers::{PrivateRedis, RedisOptions};

/// A world whose services are processes, on a Redis of its own: the executable's names in Redis are fixed.
pub struct Processes {
    /// The organisation and database.
    pub world: World,
    /// Its Redis.
    pub redis: PrivateRedis,
    executable: PathBuf,
    folder: TempDir,
}

/// A service's process; dropping it kills it.
pub struct Process {
    child: Child,
}

impl Processes {
    /// A world without services.
    pub async fn of(size: Size) -> Result<Self> {
        let folder = TempDir::new()?;
        let redis = PrivateRedis::start(&folder.path().join("redis"), RedisOptions::default()).await?;
        let world = World::on(size, redis.url()).await?;
        let executable = std::env::var_os("ORGMIRROR_BIN")
            .context("ORGMIRROR_BIN names the executable with fail points; run the tests by `make test`")?;
        Ok(Self { world, redis, executable: executable.into(), folder })
    }

    /// Starts `coordinator` or `worker`, with fail points if there are any: `name=action;name=action`.
    pub fn start(&self, service: &str, failpoints: &str) -> Result<Process> {
        self.start_with(service, failpoints, &[])
    }

    /// The same, with more settings.
    pub fn start_with(&self, service: &str, failpoints: &str, settings: &[(&str, &str)]) -> Result<Process> {
        let mut command = self.executable();
        command.arg(service).env("FAILPOINTS", failpoints).envs(settings.iter().copied()).stdin(Stdio::null());
        Ok(Process { child: command.spawn().context("start the executable")? })
    }

    /// Starts a service whose words go to a file.
    pub fn start_logged(&self, service: &str, settings: &[(&str, &str)], log: &Path) -> Result<Process> {
        let (out, err) = (File::create(log)?, File::options().append(true).open(log)?);
        let mut command = self.executable();
        command.arg(service).envs(settings.iter().copied()).stdin(Stdio::null()).stdout(out).stderr(err);
        Ok(Process { child: command.spawn().context("start the executable")? })
    }

    /// All that Redis holds, as it would write it to its disk, uncompressed.
    pub async fn memory_of_redis(&self) -> Result<Vec<u8>> {
        let mut redis = redis::Client::open(self.redis.url())?.get_multiplexed_async_connection().await?;
        redis::cmd("CONFIG").arg("SET").arg("rdbcompression").arg("no").exec_async(&mut redis).await?;
        redis::cmd("SAVE").exec_async(&mut redis).await?;
        let of = async |name: &str, redis: &mut redis::aio::MultiplexedConnection| -> Result<String> {
            let (_, value): (String, String) = redis::cmd("CONFIG").arg("GET").arg(name).query_async(redis).await?;
            Ok(value)
        };
        let (folder, name) = (of("dir", &mut redis).await?, of("dbfilename", &mut redis).await?);
        Ok(std::fs::read(Path::new(&folder).join(name))?)
    }

    /// Runs a command as a person would, to its end.
    pub async fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Output> {
        let mut command = self.executable();
        command.args(arguments).envs(settings.iter().copied()).stdin(Stdio::null());
        command.output().await.context("run the executable")
    }

    /// The executable with this world's settings and nothing else in its environment.
    fn executable(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("ORGMIRROR_DATABASE_URL", &self.world.database_url)
            .env("ORGMIRROR_REDIS_URL", self.world.redis_url())
            .env("ORGMIRROR_ATLASSIAN__BASE_URL", self.world.sim.base_url())
            .env("ORGMIRROR_ATLASSIAN__ORG_ID", self.world.sim.org_id())
            .env("ORGMIRROR_ATLASSIAN__API_KEY", self.world.sim.key())
            .env("ORGMIRROR_WORKER__CONCURRENCY", "4")
            .env("ORGMIRROR_SYNC__LEASE", "2s")
            .env("ORGMIRROR_SYNC__INITIAL", "false")
            .env("ORGMIRROR_SYNC__EVENTS", "false")
            .env("ORGMIRROR_OPERATION__SETTLE_WITHIN", "1s")
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned()))
            .kill_on_drop(true);
        command
    }
}

impl Process {
    /// SIGKILL.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGSTOP: frozen, with all its connections open.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// SIGTERM, and its end.
    pub async fn terminate(mut self) -> Result<std::process::ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        Ok(self.child.wait().await?)
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> Result<std::process::ExitStatus> {
        Ok(self.child.wait().await?)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.child.id().context("the process has ended")?;
        Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
    }
}
