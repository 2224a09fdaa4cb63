//! Runs a transaction whole, and again when Postgres ended it for another one's sake.

use sqlx::{Postgres, Transaction};

use crate::{Store, StoreResult};

/// A transaction under way.
pub(crate) type Tx = Transaction<'static, Postgres>;

/// How often a transaction is repeated before its conflict is reported. Lock order makes conflicts rare, so more than a few in a
/// row are a defect and not bad luck.
const REPEATS: usize = 5;

impl Store {
    /// Runs `body` in a READ COMMITTED transaction and commits it. `body` may be called again from the beginning.
    pub(crate) async fn transact<T>(&self, mut body: impl AsyncFnMut(&mut Tx) -> StoreResult<T>) -> StoreResult<T> {
        let mut repeats = 0;
        loop {
            let mut tx = self.pool.begin().await?;
            let outcome = match body(&mut tx).await {
                Ok(value) => tx.commit().await.map(|()| value).map_err(Into::into),
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if error.is_conflict() && repeats < REPEATS => repeats += 1,
                outcome => return outcome,
            }
        }
    }
}
