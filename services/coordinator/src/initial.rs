//! The first sync of an organisation, which nobody has to ask for.

use orgmirror_domain::ids::{OrgId, OrgKey};
use orgmirror_domain::run::{RunKind, Scope};
use orgmirror_store::{Store, StoreResult};
use uuid::Uuid;

/// The id of the one request for an organisation's first sync: whoever asks under it, and however often, one run answers.
pub fn initial_request(org: &OrgId) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("orgmirror:{org}:initial").as_bytes())
}

/// Asks for the first sync of an organisation that was never synced. One that failed or was cancelled is left to people.
pub(crate) async fn ask(store: &Store, org: OrgKey, org_id: &OrgId) -> StoreResult<()> {
    if store.was_ever_asked_to_sync(org).await? {
        return Ok(());
    }
    let ticket = store.request_sync(org, initial_request(org_id), RunKind::Initial, &Scope::Full).await?;
    tracing::info!(run = %ticket.run_id, "the first sync of the organisation was asked for");
    Ok(())
}
