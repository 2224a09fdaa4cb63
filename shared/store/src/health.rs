//! Whether the database can be worked with, for `readyz` and `doctor`: there, of this program's schema, writable, with room.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::{Store, StoreError, StoreResult};

/// Why Postgres refuses to write, as its last refusal said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// 53100.
    #[error("the disk of Postgres is full; make room on it. Work waits and goes on by itself, and nothing is lost")]
    DiskFull,
    /// 25006.
    #[error(
        "Postgres is read-only; ORGMIRROR_DATABASE_URL may name a standby, or somebody has set default_transaction_read_only. \
         Work waits and goes on by itself"
    )]
    ReadOnly,
}

impl Unwritable {
    /// What an error of the database tells; `None` for any other trouble.
    pub(crate) fn told_by(error: &sqlx::Error) -> Option<Self> {
        match error.as_database_error()?.code()?.as_ref() {
            "53100" => Some(Self::DiskFull),
            "25006" => Some(Self::ReadOnly),
            _ => None,
        }
    }
}

/// Whether the last transaction of this process could write. A full disk cannot be asked for: only who writes meets it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastWrite(Arc<Mutex<Option<Unwritable>>>);

impl LastWrite {
    /// A transaction has ended.
    pub(crate) fn ended<T>(&self, outcome: &StoreResult<T>) {
        let refusal = match outcome {
            Ok(_) => None,
            Err(StoreError::Unwritable { why, .. }) => Some(*why),
            // Says nothing about writing.
            Err(_) => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }

    fn refusal(&self) -> Option<Unwritable> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Whether work can be done, and the database's clock: schema, read-only mode, and what the last write met.
    pub async fn check_health(&self) -> StoreResult<DateTime<Utc>> {
        self.check_schema().await?;
        let row = sqlx::query!(
            r#"-- health.check
            SELECT clock_timestamp() AS "now!",
                pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS "read_only!""#
        );
        let row = row.fetch_one(&self.pool).await?;
        if row.read_only {
            return Err(StoreError::Unwritable { why: Unwritable::ReadOnly, source: None });
        }
        match self.last_write.refusal() {
            Some(why) => Err(StoreError::Unwritable { why, source: None }),
            None => Ok(row.now),
        }
    }

    /// Writes a megabyte and takes it back: a full disk shows itself to nobody else.
    pub async fn check_room(&self) -> StoreResult<()> {
        let mut tx = self.pool.begin().await?;
        let filled = sqlx::query!(
            r#"-- health.room
            CREATE TEMPORARY TABLE room ON COMMIT DROP AS SELECT repeat('x', 1000) AS filling FROM generate_series(1, 1000)"#
        );
        filled.execute(&mut *tx).await?;
        Ok(tx.rollback().await?)
    }
}
