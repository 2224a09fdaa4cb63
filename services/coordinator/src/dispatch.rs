//! From the ledger to the queue. The queue holds a bounded window; whatever was not heard of for a lease is published again, so any
//! loss of Redis costs time and nothing else.

use std::time::Duration;

use orgmirror_domain::ids::{JobKey, OrgKey};
use orgmirror_domain::job::JobMessage;
use orgmirror_queue::{Lane, Publisher};
use orgmirror_store::dispatch::Waiting;
use orgmirror_store::{Store, StoreResult};

/// Jobs of a lane outstanding in Redis at most: enough for any number of workers, small enough to be lost without regret. A full bulk
/// lane keeps no interactive job from being published.
const WINDOW: u64 = 2_000;

/// Publishes what nobody has heard of.
pub(crate) async fn dispatch(store: &Store, publisher: &Publisher, org: OrgKey, lease: Duration) -> StoreResult<()> {
    let depth = match publisher.depth().await {
        Ok(depth) => depth,
        Err(error) => {
            // Nothing was taken, so nothing is late when Redis is back.
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot ask the queue for its depth");
            return Ok(());
        }
    };
    for (lane, waiting) in [(Lane::Interactive, Waiting::Interactive), (Lane::Bulk, Waiting::Bulk)] {
        let room = WINDOW.saturating_sub(depth.lane(lane).outstanding());
        if let Ok(room @ 1..) = u32::try_from(room) {
            let unheard = store.take_unheard(org, waiting, lease, room).await?;
            publish(store, publisher, lane, &unheard).await?;
        }
    }
    Ok(())
}

/// Publishes, then says so: a crash in between publishes twice, which changes nothing.
async fn publish(store: &Store, publisher: &Publisher, lane: Lane, jobs: &[JobKey]) -> StoreResult<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let messages: Vec<JobMessage> = jobs.iter().map(|job| JobMessage { job: *job }).collect();
    if let Err(error) = publisher.publish(lane, &messages).await {
        tracing::warn!(error = &error as &dyn std::error::Error, jobs = jobs.len(), "cannot publish jobs; they come again");
        return Ok(());
    }
    fail::fail_point!("coordinator::after_push_before_mark");
    store.heard(jobs).await
}
