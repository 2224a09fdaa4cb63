//! Starts tasks that are due, and lets their runs go on.

use orgmirror_domain::ids::OrgKey;
use orgmirror_domain::operation::Limits;
use orgmirror_store::{Store, StoreResult};

/// What comes before the operations of a tick: what it asks for is looked after by this very tick.
pub(crate) async fn look_after(store: &Store, org: OrgKey, limits: &Limits) -> StoreResult<()> {
    let moved = store.advance_task_runs(org, limits).await?;
    // After what has ended: a task that came due while its run was open begins at once.
    let began = store.start_due_tasks(org, limits).await?;
    if began + moved > 0 {
        tracing::info!(began, moved, "runs of tasks began or went on");
    }
    Ok(())
}
