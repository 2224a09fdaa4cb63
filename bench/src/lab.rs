//! Where a part is measured: servers of its own, a folder of its own, and nothing left of them afterwards.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use orgmirror_private_servers::{PostgresOptions, ThrowawayServers};
use tempfile::TempDir;

use crate::database::Database;
use crate::installation::Installation;
use crate::options::{Options, Size};
use crate::progress::say;
use crate::simulator::Simulator;

/// Private servers, set up as `orgmirror up` does it: what is committed is on disk.
#[derive(Debug)]
pub(crate) struct Lab {
    executable: PathBuf,
    pub(crate) servers: ThrowawayServers,
    /// Settings that the product reads by itself lie in the folder it works in; this one has none.
    folder: TempDir,
}

impl Lab {
    pub(crate) async fn start(options: &Options) -> Result<Self> {
        say("starting Postgres and Redis");
        let executable = options.executable.canonicalize();
        let executable = executable.with_context(|| format!("find the executable {}", options.executable.display()))?;
        let servers = ThrowawayServers::start(PostgresOptions::default()).await.context("start the servers")?;
        let folder = TempDir::with_prefix("orgmirror-bench-").context("create a folder")?;
        Ok(Self { executable, servers, folder })
    }

    /// For files that are only needed until the end.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A simulated organisation; `arguments` are added to its command line.
    pub(crate) async fn simulator(&self, size: Size, arguments: &[&str]) -> Result<Simulator> {
        Simulator::start(&self.executable, self.folder(), size, arguments).await
    }

    /// The product with an empty database of its own and an empty Redis.
    pub(crate) async fn installation(&self, name: &str, simulator: &Simulator) -> Result<Installation> {
        let mut redis = self.redis().await?;
        redis::cmd("FLUSHALL").exec_async(&mut redis).await.context("empty Redis")?;
        let server = Database::connect(&self.servers.postgres.url()).await?;
        server.create(name).await?;
        let url = self.servers.postgres.url_of(name);
        let installation = Installation::new(&self.executable, self.folder(), &url, &self.servers.redis.url(), simulator).await?;
        installation.migrate().await?;
        Ok(installation)
    }

    pub(crate) async fn redis(&self) -> Result<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(self.servers.redis.url()).context("open Redis")?;
        client.get_multiplexed_async_connection().await.context("connect to Redis")
    }

    pub(crate) async fn stop(self) {
        self.servers.stop().await;
    }
}
