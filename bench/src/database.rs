//! What is asked of Postgres: how far its log is, what the mirror holds, how long a run's chains were.

use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Row};
use tokio::time::{Instant, sleep};

use crate::simulator::Digest;

/// Long enough for all that is done now and then: the coordinator looks every ten seconds for something to tidy.
const QUIET_FOR: Duration = Duration::from_secs(13);
/// Tidying after a full run takes less.
const QUIET_PATIENCE: Duration = Duration::from_secs(180);
/// What an idle server may write meanwhile.
const QUIET_BYTES: u64 = 64 * 1_024;

/// A few connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pool: PgPool,
}

/// A position in the write-ahead log, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogPosition(u64);

impl LogPosition {
    /// Bytes written from an earlier position to this one.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Database {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(2).connect(url).await.context("connect to Postgres")?;
        Ok(Self { pool })
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Makes an empty database on the same server.
    pub(crate) async fn create(&self, name: &str) -> Result<()> {
        self.execute(format!("CREATE DATABASE {name}")).await
    }

    pub(crate) async fn execute(&self, statement: String) -> Result<()> {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&self.pool).await;
        done.with_context(|| format!("run `{statement}`"))?;
        Ok(())
    }

    /// So that the next measurement pays for its own pages and for no earlier ones.
    pub(crate) async fn checkpoint(&self) -> Result<LogPosition> {
        self.execute("CHECKPOINT".to_owned()).await?;
        self.log_position().await
    }

    pub(crate) async fn log_position(&self) -> Result<LogPosition> {
        let position: i64 =
            sqlx::query_scalar("SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint").fetch_one(&self.pool).await?;
        Ok(LogPosition(position.unsigned_abs()))
    }

    /// Waits until what ended runs leave behind is tidied up, so that it is part of no later measurement.
    pub(crate) async fn quiet(&self) -> Result<()> {
        let deadline = Instant::now() + QUIET_PATIENCE;
        while Instant::now() < deadline {
            let before = self.log_position().await?;
            sleep(QUIET_FOR).await;
            if self.log_position().await?.since(before) < QUIET_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// By how many rows the mirror's views and the truth differ in number, and what the views hold.
    pub(crate) async fn compare(&self, truth: &Digest) -> Result<(i64, String)> {
        let counts = sqlx::query(
            "SELECT (SELECT count(*) FROM mirror.accounts), (SELECT count(*) FROM mirror.groups), (SELECT count(*) FROM mirror.memberships)",
        );
        let row = counts.fetch_one(&self.pool).await.context("count the mirror's rows")?;
        let (accounts, groups, memberships): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let difference =
            (accounts - truth.accounts).abs() + (groups - truth.groups).abs() + (memberships - truth.memberships).abs();
        Ok((difference, format!("{accounts} accounts, {groups} groups, {memberships} memberships")))
    }

    /// Pages of the longest chain of the newest run: calls that had to follow one another.
    pub(crate) async fn longest_chain(&self) -> Result<i64> {
        let longest = sqlx::query_scalar(
            "SELECT coalesce(max(chain.pages), 0) FROM (
                SELECT count(*) AS pages FROM sync_job
                WHERE run_key = (SELECT max(run_key) FROM sync_run) AND kind IN ('users_page', 'groups_page') AND state = 'done'
                GROUP BY kind, partition, descending
            ) AS chain",
        );
        longest.fetch_one(&self.pool).await.context("find the longest chain")
    }

    pub(crate) async fn close(self) {
        self.pool.close().await;
    }
}
