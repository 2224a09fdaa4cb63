//! Has the stream of audit events read, again and again: the call is a worker's, the rhythm is Postgres's.

use orgmirror_domain::ids::OrgKey;
use orgmirror_domain::job::EventsMessage;
use orgmirror_queue::{Lane, Publisher};
use orgmirror_store::{Store, StoreResult};

/// Publishes the next reading, if it is due. Whoever reads it or not, the one after it is due after a while.
pub(crate) async fn have_read(store: &Store, publisher: &Publisher, org: OrgKey) -> StoreResult<()> {
    if !store.take_due_events(org).await? {
        return Ok(());
    }
    if let Err(error) = publisher.publish(Lane::Interactive, &[EventsMessage { events_of: org }]).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "cannot ask for the next events; they are asked for again");
    }
    Ok(())
}
