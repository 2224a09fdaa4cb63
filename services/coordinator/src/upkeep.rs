//! What is done now and then: small, and never in the way of a run.

use std::time::{Duration, Instant};

use orgmirror_store::{Store, StoreResult};
use tokio_util::sync::CancellationToken;

/// Between two slices while there is more to clear.
const SLICE_PAUSE: Duration = Duration::from_millis(200);
/// Between two looks when there was nothing.
const PAUSE: Duration = Duration::from_secs(10);
/// The archive's and the change log's limits are counted in days.
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);

/// Clears what ended runs left, slice by slice.
pub(crate) async fn for_ever(store: Store, stop: CancellationToken) {
    let mut expired: Option<Instant> = None;
    while !stop.is_cancelled() {
        let more = match store.tidy().await {
            Ok(more) => more,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "cannot tidy the ledger now");
                false
            }
        };
        // The trend of seats has a day's row soon after the first sync, and then soon after midnight.
        if let Err(error) = store.keep_licence_days().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot keep today's seats for the trend");
        }
        if expired.is_none_or(|at| at.elapsed() > EXPIRE_EVERY) {
            match store.expire().await {
                Ok(()) => expired = Some(Instant::now()),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot drop what has expired"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(if more { SLICE_PAUSE } else { PAUSE }) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Lets runs go on that were held because nothing answered: their first job is the probe, and holds them again if need be.
pub(crate) async fn resume_after_outage(store: &Store, after: Duration) -> StoreResult<()> {
    for run in store.held_by_outage(after).await? {
        tracing::info!(run.key = run.0, "trying again after an outage of the API");
        store.resume_run(run, None).await?;
    }
    Ok(())
}
