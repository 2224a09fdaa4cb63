//! A page of the organisation's stream of audit events. Whom it names is read again by runs that the page's transaction asks for.
//!
//! No job of a run: the stream goes on while nothing runs, and what becomes of a reading is written with its position.

use std::time::Duration;

use apalis::prelude::BoxDynError;
use orgmirror_atlassian::{ApiError, EVENTS_PER_PAGE, Event, ListPage, Operation, Verdict};
use orgmirror_domain::event::{Subject, Touched};
use orgmirror_queue::Lane;
use orgmirror_store::StoreResult;
use orgmirror_store::events::{EventPosition, EventsRead, Trouble};

use crate::env::Env;
use crate::read::{Left, SHORT_WAIT};
use crate::settle::in_full;

/// Between two readings of a stream that has nothing new: 30 calls a minute of the 50 that are documented.
const PAUSE: Duration = Duration::from_secs(2);
/// After a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(15);
/// While the key may not read the stream; a person has to act.
const WHILE_NOT_PERMITTED: Duration = Duration::from_secs(300);

/// Reads the next page of the stream.
pub(crate) async fn follow_events(env: &Env) -> Result<(), BoxDynError> {
    if let Err(error) = read_page(env).await {
        // The stream is due again after a while, at the position where it was.
        tracing::warn!(error = &error as &dyn std::error::Error, "the database failed under the stream of events");
    }
    Ok(())
}

async fn read_page(env: &Env) -> StoreResult<()> {
    let Some(position) = env.store.event_position(env.org).await? else { return Ok(()) };
    let client = env.api.client();
    let permit = match env.permit(&client, Lane::Bulk, Operation::EventStream, SHORT_WAIT, 0).await {
        Ok(permit) => permit,
        Err(Left::Budget { wait, .. }) => return env.store.put_events_off(env.org, wait).await,
        Err(_) => return env.store.put_events_off(env.org, Duration::ZERO).await,
    };
    let from = position.cursor.is_none().then_some(position.from);
    match client.event_stream(permit, from, None, position.cursor.as_deref()).await {
        Ok(page) => {
            env.circuit.answered();
            let read = read(position, page);
            if env.store.commit_events(env.org, &read).await? && read.events > 0 {
                tracing::debug!(events = read.events, accounts = read.touched.accounts.len(), "events were read");
            }
            Ok(())
        }
        Err(error) => failed(env, &position, &error).await,
    }
}

/// What a page tells, and where the stream goes on behind it.
fn read(from: EventPosition, page: ListPage<Event>) -> EventsRead {
    let full = page.rows.len() >= EVENTS_PER_PAGE as usize;
    let ids = page.rows.iter().map(|event| event.event_id.clone()).collect();
    let mut touched = Touched::default();
    let mut events = 0;
    for event in page.rows.into_iter().filter(|event| !from.seen_ids.contains(&event.event_id)) {
        let subjects = event.context.iter().filter_map(|object| Subject::parse(object.kind.as_deref(), &object.id));
        touched.add(event.action.as_deref(), subjects);
        events += 1;
    }
    let next = match page.next {
        Some(cursor) => EventPosition { cursor: Some(cursor), from: from.from, seen_ids: Vec::new() },
        // No cursor behind the newest event: the same page comes again, with what is new.
        None => EventPosition { seen_ids: ids, ..from.clone() },
    };
    EventsRead { from, next, touched, events, again_in: if full { Duration::ZERO } else { PAUSE } }
}

async fn failed(env: &Env, position: &EventPosition, error: &ApiError) -> StoreResult<()> {
    let reason = in_full(error);
    match error.verdict() {
        Verdict::HoldRun => {
            if let ApiError::KeyRefused { fingerprint, .. } | ApiError::ScopeMissing { fingerprint, .. } = error
                && env.has_another_key_than(fingerprint).await?
            {
                return env.store.put_events_off(env.org, Duration::ZERO).await;
            }
            tracing::warn!(%error, "events cannot be followed; changes made elsewhere show with the next full sync");
            env.store.events_unread(env.org, Trouble::NotPermitted, &reason, WHILE_NOT_PERMITTED).await
        }
        Verdict::RestartChain => {
            tracing::warn!(%error, "the position in the stream of events is lost; a full sync makes up for what may be missing");
            env.store.lose_event_position(env.org, position).await
        }
        // The budget knows by now, and asks for the wait.
        Verdict::RetryAfter(told) if matches!(error, ApiError::RateLimited { .. }) => {
            env.store.put_events_off(env.org, told.unwrap_or(PAUSE)).await
        }
        Verdict::Retry | Verdict::RetryAfter(_) | Verdict::GiveUp => {
            tracing::info!(%error, "the stream of events cannot be read now");
            env.store.events_unread(env.org, Trouble::Unavailable, &reason, AFTER_FAILURE).await
        }
    }
}
