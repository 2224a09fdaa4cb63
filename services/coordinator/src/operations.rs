//! Drives bulk operations: asks for the readings that their items wait for, publishes the items that may act, reads back what nobody
//! answered for, and settles what the API shows.
//!
//! All from data alone, in whatever order ticks come and coordinators die: each step is a transaction of the store that asks what is so now.

use std::time::Duration;

use orgmirror_domain::ids::{ItemKey, OrgKey};
use orgmirror_domain::job::ItemMessage;
use orgmirror_domain::run::RunKind;
use orgmirror_queue::{Lane, Publisher};
use orgmirror_store::{Store, StoreResult};

/// Items with workers at most. Enough for any number of them, and few enough that somebody else's readings find their way.
const WINDOW: u32 = 200;

/// What comes before the runs of a tick: what readings have told, and which are needed next.
/// Returns whether there was anything to look after.
pub(crate) async fn look_after(store: &Store, org: OrgKey, settle_within: Duration) -> StoreResult<bool> {
    if !store.operations_are_open(org).await? {
        return Ok(false);
    }
    let expired = store.expire_attempts(org).await?;
    if expired > 0 {
        tracing::warn!(items = expired, "calls of an operation were not answered for; they are read back");
    }
    store.settle_items(org, settle_within).await?;
    store.give_up_items(org).await?;
    for kind in [RunKind::PreOperation, RunKind::PostOperation] {
        if let Some(run) = store.request_readings(org, kind).await? {
            tracing::info!(run.key = run.0, %kind, "operations wait for a reading");
        }
    }
    store.advance_operations(org).await?;
    Ok(true)
}

/// Publishes items whose gate might open.
pub(crate) async fn dispatch(store: &Store, publisher: &Publisher, org: OrgKey, lease: Duration) -> StoreResult<()> {
    let ready: Vec<ItemKey> = store.take_ready_items(org, lease, WINDOW).await?;
    let messages: Vec<ItemMessage> = ready.into_iter().map(|item| ItemMessage { item }).collect();
    if let Err(error) = publisher.publish(Lane::Interactive, &messages).await {
        // They were not heard of from then on, and so come again after a lease.
        tracing::warn!(error = &error as &dyn std::error::Error, items = messages.len(), "cannot publish items; they come again");
    }
    Ok(())
}
