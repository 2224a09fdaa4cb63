//! All SQL of Orgmirror: the mirror, the ledger of jobs, the barrier, runs, bulk operations.
//!
//! Each transaction of the protocol is one function, named after what it does; its first line says which (T1 to T10). A transaction
//! is opened in one place, makes no call to anything else, and is repeated whole when Postgres ends it for a deadlock or a
//! serialisation conflict ([`transaction`]).
//!
//! Invariants
//! - Locks are taken in one statement and what they protect is read in the next: a statement that waited for a lock still sees what
//!   was true before the wait.
//! - Instants are `nextval('instant')`; the clock is only told to people.
//!
//! Absent: HTTP, Redis, and any decision that `orgmirror_domain` can take.

mod account;
mod array;
pub mod attempt;
pub mod audit;
pub mod barrier;
pub mod browse;
mod change_log;
pub mod console;
mod direct_role;
pub mod dispatch;
mod error;
pub mod events;
pub mod exception;
pub mod filter;
mod fingerprint;
pub mod gauges;
mod group;
pub mod groups;
pub mod health;
pub mod housekeeping;
pub mod keys;
pub mod licence;
mod lock;
pub mod lookup;
mod observe;
pub mod operation;
pub mod org;
pub mod page;
pub mod places;
pub mod progress;
pub mod request;
pub mod run;
pub mod schedule;
pub mod start;
pub mod sweep;
pub mod task;
mod transaction;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use error::{StoreError, StoreResult};
pub use sqlx::postgres::PgListener;

/// Postgres, with the keys of API ids that this process has met.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    keys: Arc<keys::KeyCache>,
    memory: Arc<browse::Memory>,
    last_write: health::LastWrite,
}

/// The channel on which a commit without a child job wakes the coordinator.
pub const RUN_CHANNEL: &str = "orgmirror_run";

impl Store {
    /// Opens a pool of at most `connections`. Statements are ended after a minute, silent transactions after ten seconds, so that a
    /// frozen process cannot hold a run's lock for ever.
    pub async fn connect(url: &str, connections: u32) -> StoreResult<Self> {
        let options: PgConnectOptions = url.parse().map_err(StoreError::connecting)?;
        let options = options.application_name("orgmirror").options([
            ("statement_timeout", "60s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("jit", "off"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options)
            .await
            .map_err(StoreError::connecting)?;
        Ok(Self { pool, keys: Arc::default(), memory: Arc::default(), last_write: health::LastWrite::default() })
    }

    /// Brings the schema up to date. Returns how many migrations were applied.
    pub async fn migrate(&self) -> StoreResult<usize> {
        let applied = self.applied_migrations().await?;
        // Indexes and rewrites may take longer than any statement of a service.
        let mut connection = self.pool.acquire().await?;
        sqlx::query!("SET statement_timeout = 0").execute(&mut *connection).await?;
        let outcome = MIGRATIONS.run(&mut *connection).await;
        sqlx::query!("SET statement_timeout = '60s'").execute(&mut *connection).await?;
        outcome.map_err(StoreError::migrating)?;
        Ok(MIGRATIONS.iter().count() - applied)
    }

    /// Refuses a database whose schema is not exactly this program's.
    pub async fn check_schema(&self) -> StoreResult<()> {
        let (applied, known) = (self.applied_migrations().await?, MIGRATIONS.iter().count());
        if applied == known { Ok(()) } else { Err(StoreError::Schema { applied, known }) }
    }

    async fn applied_migrations(&self) -> StoreResult<usize> {
        let table = sqlx::query_scalar!(r#"SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS "there!""#);
        if !table.fetch_one(&self.pool).await? {
            return Ok(0);
        }
        let count = sqlx::query_scalar!(
            r#"-- migrations.applied
            SELECT count(*) AS "count!" FROM _sqlx_migrations WHERE success"#
        );
        Ok(usize::try_from(count.fetch_one(&self.pool).await?).unwrap_or_default())
    }

    /// Listens for commits that may have opened a barrier.
    pub async fn listen(&self) -> StoreResult<PgListener> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(RUN_CHANNEL).await?;
        Ok(listener)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");
