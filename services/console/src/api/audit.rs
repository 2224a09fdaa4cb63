//! The audit log.

use axum::Json;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::audit::Event;
use orgmirror_store::audit::{AuditEntry, Wanted};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Console;
use crate::problem::ApiProblem;
use crate::routes::Routes;

/// Entries of a page, unless asked otherwise, and at most.
const PAGE: u16 = 100;
const LARGEST_PAGE: u16 = 1_000;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/audit", Need::whole(Role::Admin), list)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// At this time or later.
    since: Option<DateTime<Utc>>,
    /// Of this event.
    event: Option<Event>,
    /// By whoever has this name.
    actor: Option<String>,
    /// About this id or name.
    subject: Option<String>,
    /// `next` of the page before.
    cursor: Option<i64>,
    /// Entries of the page, 100 unless said, 1000 at most.
    limit: Option<u16>,
}

/// Part of the log, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Entries {
    entries: Vec<AuditEntry>,
    /// `cursor` of the next page; null at the end.
    next: Option<i64>,
}

/// Who asked for what, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Asked), responses((status = 200, body = Entries)))]
pub(super) async fn list(State(console): State<Console>, Query(asked): Query<Asked>) -> Result<Json<Entries>, ApiProblem> {
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let wanted = Wanted {
        since: asked.since,
        event: asked.event,
        actor: asked.actor.as_deref(),
        subject: asked.subject.as_deref(),
        before: asked.cursor,
    };
    let entries = console.store().audit(console.org(), &wanted, limit).await?;
    let next = entries.last().filter(|_| entries.len() == usize::from(limit)).map(|entry| entry.number);
    Ok(Json(Entries { entries, next }))
}
