//! A run's lock: shared by those who write its pages, exclusive for those who move it on.
//!
//! Each function is one statement, so that the caller's next statement sees what the last holder committed.

use orgmirror_domain::ids::{OrgKey, RunKey};

use crate::StoreResult;
use crate::transaction::Tx;

/// For a transition: waits until no page of the run is being written.
pub(crate) async fn exclusive(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", run.0).execute(&mut **tx).await?;
    Ok(())
}

/// For the start of a run: no page of the organisation is being written when its watermark is drawn.
pub(crate) async fn start(tx: &mut Tx, org: OrgKey) -> StoreResult<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(-$1::bigint)", i64::from(org.0)).execute(&mut **tx).await?;
    Ok(())
}

/// For pages: no run of the organisation starts meanwhile, and this one does not move on.
pub(crate) async fn pages(tx: &mut Tx, org: OrgKey, run: RunKey) -> StoreResult<()> {
    sqlx::query!("SELECT lock_pages($1, $2)", org.0, run.0).execute(&mut **tx).await?;
    Ok(())
}

/// For a write: waits only for a transition. Makes the transaction's statements look rows up by key, whatever the planner believes
/// about the tables' sizes: during a first load it believes that they are empty.
///
/// Its commit does not wait for the disk. A crash of Postgres may lose it whole, rows, log and the job's mark together, and then the
/// job is pending as before. What relies on it (a transition, a completed run) waits for the disk, and the log is written in order.
pub(crate) async fn shared(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!("SELECT lock_run($1)", run.0).execute(&mut **tx).await?;
    Ok(())
}
