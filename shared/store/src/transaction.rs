//! Runs a transaction whole, and again when Postgres ended it for another one's sake.

use sqlx::{Postgres, Transaction};

/// A transaction under way.
pub(crate) type Tx = Transaction<'static, Postgres>;

/// How often a transaction is repeated before its conflict is reported. Lock order makes conflicts rare, so more than a few in a
/// row are a defect and not bad luck.
pub(crate) const REPEATS: usize = 5;

/// Runs a block in a READ COMMITTED transaction of a store and commits it; the block may run again from its beginning. In it, `tx` is
/// the transaction, and `return` ends the block.
///
/// A macro, since the compiler cannot yet prove that an async closure over a borrowed transaction may move between threads.
macro_rules! transact {
    ($store:expr, |$tx:ident| $body:block) => {{
        let mut repeats = 0;
        loop {
            let mut transaction = $store.pool.begin().await?;
            let $tx = &mut transaction;
            let outcome: $crate::StoreResult<_> = async { $body }.await;
            let outcome = match outcome {
                Ok(value) => transaction.commit().await.map(|()| value).map_err($crate::StoreError::from),
                Err(error) => Err(error),
            };
            $store.last_write.ended(&outcome);
            match outcome {
                Err(error) if error.is_conflict() && repeats < $crate::transaction::REPEATS => repeats += 1,
                outcome => break outcome,
            }
        }
    }};
}
pub(crate) use transact;
