//! The servers of a task, and how tests are told about them.

use std::path::Path;

use anyhow::Result;
use orgmirror_private_servers::{PostgresOptions, ThrowawayServers};
use tokio::process::Command;

use crate::step::Steps;

/// Starts servers that keep nothing.
pub(crate) async fn start() -> Result<ThrowawayServers> {
    Steps::heading("private servers");
    let servers = ThrowawayServers::start(PostgresOptions::throwaway()).await?;
    eprintln!("Postgres {}\nRedis    {}", maintenance_url(&servers), servers.redis.url());
    Ok(servers)
}

/// Where databases can be created and dropped.
pub(crate) fn maintenance_url(servers: &ThrowawayServers) -> String {
    servers.postgres.url_of("postgres")
}

/// Tells the tests that `command` runs where the servers and the executable are.
pub(crate) fn tell(command: &mut Command, servers: &ThrowawayServers, executable: &Path) {
    command
        .env("ORGMIRROR_TEST_DATABASE_URL", maintenance_url(servers))
        .env("ORGMIRROR_TEST_REDIS_URL", servers.redis.url())
        .env("ORGMIRROR_BIN", executable);
}
