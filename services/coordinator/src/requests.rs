//! Requests for a sync from outside: anything that can push JSON to Redis can ask.
//!
//! A request is acknowledged only after its transaction. What cannot be read is set aside with the reason.

use std::time::Duration;

use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::{AccountId, OrgId};
use orgmirror_domain::run::{RunKind, Scope};
use orgmirror_domain::traceparent::Traceparent;
use orgmirror_metrics::REQUESTS_REJECTED;
use orgmirror_queue::{Inbox, InboxEntry};
use orgmirror_store::{Store, StoreResult};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The stream that requests are pushed to.
pub const REQUESTS_STREAM: &str = "orgmirror:sync-requests";
/// The coordinators' consumer group on it.
pub const REQUESTS_GROUP: &str = "coordinators";

/// Requests taken at once.
const BATCH: usize = 100;
/// Ids of a scoped request at most: beyond that a full run costs fewer calls.
const SCOPE_IDS: usize = 10_000;

/// A request as it stands in the stream's field `request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncRequest {
    /// Chosen by the requester; the same id asks once.
    pub id: Uuid,
    /// Which organisation.
    pub org_id: OrgId,
    /// Why.
    #[serde(default = "manual")]
    pub kind: RunKind,
    /// What.
    #[serde(default = "full")]
    pub scope: Scope,
}

fn manual() -> RunKind {
    RunKind::Manual
}

fn full() -> Scope {
    Scope::Full
}

/// Takes requests over until `stop` is cancelled.
pub(crate) async fn answer_for_ever(store: Store, inbox: Inbox, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let entries = tokio::select! {
            entries = inbox.next_batch(BATCH, Duration::from_secs(1)) => entries,
            () = stop.cancelled() => return,
        };
        for entry in entries {
            answer(&store, &inbox, &entry).await;
        }
    }
}

/// One request. If the database is away it is not acknowledged and comes again.
async fn answer(store: &Store, inbox: &Inbox, entry: &InboxEntry) {
    let request = match read(entry) {
        Ok(request) => request,
        Err(reason) => {
            tracing::warn!(entry = entry.id, reason, "a sync request cannot be read and is set aside");
            REQUESTS_REJECTED.add(1, []);
            if let Err(error) = inbox.reject(entry, &reason).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot set a request aside; it comes again");
            }
            return;
        }
    };
    // Beside the request, as other programs send it; what cannot be read links nothing.
    let asker = entry.fields.get("traceparent").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    match take_over(store, &request, asker).await {
        Ok(Some(())) => {
            if let Err(error) = inbox.acknowledge(&entry.id).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot acknowledge a request; it comes again");
            }
        }
        Ok(None) => {
            let reason = format!("there is no organisation {}", request.org_id);
            REQUESTS_REJECTED.add(1, []);
            if let Err(error) = inbox.reject(entry, &reason).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot set a request aside; it comes again");
            }
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, request = %request.id, "cannot take a sync request over; it comes again")
        }
    }
}

fn read(entry: &InboxEntry) -> Result<SyncRequest, String> {
    let body = entry.fields.get("request").ok_or("the entry has no field `request`")?;
    let request: SyncRequest =
        serde_json::from_slice(body).map_err(|error| format!("the field `request` cannot be read: {error}"))?;
    let ids = match &request.scope {
        Scope::Full => 1,
        Scope::Accounts { ids } if !ids.iter().all(is_account_id) => {
            return Err("an account id has 1 to 128 letters, digits, or any of _|:-".to_owned());
        }
        Scope::Accounts { ids } => ids.len(),
        Scope::Groups { ids } => ids.len(),
    };
    if (1..=SCOPE_IDS).contains(&ids) {
        Ok(request)
    } else {
        Err(format!("a scope has 1 to {SCOPE_IDS} ids, this one has {ids}"))
    }
}

/// The API's own rule for account ids.
fn is_account_id(id: &AccountId) -> bool {
    let id = id.as_str();
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_|:-".contains(&byte))
}

async fn take_over(store: &Store, request: &SyncRequest, asker: Option<Traceparent>) -> StoreResult<Option<()>> {
    let Some(org) = store.find_org(&request.org_id).await? else { return Ok(None) };
    let by = Actor::program("queue");
    let ticket = store.request_sync_from(org, request.id, request.kind, &request.scope, &by, asker).await?;
    tracing::info!(request = %request.id, run = %ticket.run_id, "a sync was requested");
    Ok(Some(()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn entry(request: &str) -> InboxEntry {
        InboxEntry {
            id: "1-0".to_owned(),
            fields: HashMap::from([("request".to_owned(), request.as_bytes().to_vec())]),
            delivery: 1,
        }
    }

    #[test]
    fn the_documented_requests_are_read() {
        let id = "6a1e0b2c-0000-4000-8000-000000000001";
        let full = format!(r#"{{"id":"{id}","org_id":"o","kind":"manual","scope":{{"type":"full"}}}}"#);
        assert_eq!(read(&entry(&full)).map(|request| request.scope), Ok(Scope::Full));
        let accounts = format!(r#"{{"id":"{id}","org_id":"o","kind":"manual","scope":{{"type":"accounts","ids":["a"]}}}}"#);
        assert!(matches!(read(&entry(&accounts)).map(|request| request.scope), Ok(Scope::Accounts { ids }) if ids.len() == 1));
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        assert!(read(&entry("{")).is_err_and(|reason| reason.contains("cannot be read")));
        let id = "6a1e0b2c-0000-4000-8000-000000000001";
        let empty = format!(r#"{{"id":"{id}","org_id":"o","scope":{{"type":"groups","ids":[]}}}}"#);
        assert!(read(&entry(&empty)).is_err_and(|reason| reason.contains("1 to")));
    }
}
