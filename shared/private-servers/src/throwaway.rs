//! Both servers in a folder of their own that disappears with them: for tests, measurements and developer tasks.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::{PostgresOptions, PrivatePostgres, PrivateRedis, RedisOptions, StartError};

/// A Postgres and a Redis that leave nothing behind.
#[derive(Debug)]
pub struct ThrowawayServers {
    /// The database server.
    pub postgres: PrivatePostgres,
    /// The queue server.
    pub redis: PrivateRedis,
    /// Last: the servers must have ended when it is deleted.
    folder: TempDir,
}

impl ThrowawayServers {
    /// Starts both, with `options` for Postgres.
    pub async fn start(options: PostgresOptions) -> Result<Self, StartError> {
        let folder =
            TempDir::with_prefix("orgmirror-").map_err(StartError::folder("create a folder in", std::env::temp_dir()))?;
        // Whatever the umask says: Postgres may have to be another account than ours.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))
            .map_err(StartError::folder("change the permissions of", folder.path()))?;
        // Redis first, which is quick. Not both at once: the failure of one would leave the other's preparation to a deleted folder.
        let redis = PrivateRedis::start(&folder.path().join("redis"), RedisOptions::default()).await?;
        let postgres = PrivatePostgres::start(&folder.path().join("postgres"), options).await?;
        Ok(Self { postgres, redis, folder })
    }

    /// Stops both and deletes their folder. What they held is thrown away, so nobody waits for Postgres to write it down.
    pub async fn stop(mut self) {
        tokio::join!(self.postgres.kill(), self.redis.kill());
        if let Err(error) = self.folder.close() {
            tracing::debug!(%error, "the folder of the throwaway servers stays behind");
        }
    }
}
