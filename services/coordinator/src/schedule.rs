//! Syncs that start by themselves.
//!
//! The moment is Postgres's, so coordinators' clocks do not matter. A request's id is made of the planned moment, so any number of
//! coordinators ask for one run, whichever of them dies between asking and saying so. A sync that is due while another runs is answered by
//! the one after it, as every request is.

use chrono::TimeDelta;
use orgmirror_domain::ids::{OrgId, OrgKey};
use orgmirror_domain::run::{RunKind, Scope};
use orgmirror_domain::schedule::Schedule;
use orgmirror_store::{Store, StoreResult};
use uuid::Uuid;

/// When syncs start.
#[derive(Clone, Debug)]
pub struct SyncSchedule {
    /// The times.
    pub schedule: Schedule,
    /// By how much later at most, so that not every organisation starts in the same second.
    pub jitter: TimeDelta,
}

/// Asks for the sync that is due, if one is.
pub(crate) async fn start_due(store: &Store, org: OrgKey, org_id: &OrgId, wanted: &SyncSchedule) -> StoreResult<()> {
    let state = store.schedule_state(org).await?;
    let Some(planned) = wanted.schedule.due(state.handled, state.now) else { return Ok(()) };
    let request = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("orgmirror:{org_id}:{}", planned.timestamp()).as_bytes());
    let [a, b, c, d, ..] = *request.as_bytes();
    // The same share for every coordinator, another one for every organisation and moment.
    let share = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX);
    if wanted.schedule.start_of(planned, wanted.jitter, share) > state.now {
        return Ok(());
    }
    let ticket = store.request_sync(org, request, RunKind::Scheduled, &Scope::Full).await?;
    store.schedule_was_handled(org, state.now).await?;
    tracing::info!(run = %ticket.run_id, %planned, "a scheduled sync was asked for");
    Ok(())
}
