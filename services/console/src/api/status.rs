//! Is the mirror fresh, what runs, what waits and why.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::run::Hold;
use orgmirror_queue::LaneDepth;
use orgmirror_store::progress::{Freshness, RunView, Which};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Console;
use crate::problem::ApiProblem;
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/status", Need::whole(Role::Viewer), status)
}

/// How the installation is.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    freshness: Freshness,
    /// Seconds since the moment that the mirror is fresh as of.
    age_s: Option<i64>,
    /// Runs that have not ended.
    runs: Vec<RunView>,
    /// `accepted` until a run is held because of it: then `rejected` or `lacks scope`.
    key: &'static str,
    /// The key's last day, where somebody told it.
    key_expires_on: Option<NaiveDate>,
    /// Null while Redis does not answer.
    queue: Option<Queue>,
    /// When a sync starts by itself; null without a schedule.
    next_sync_at: Option<DateTime<Utc>>,
}

/// How full the queue is.
#[derive(Serialize, ToSchema)]
pub(super) struct Queue {
    /// Heard of within a lease.
    workers: usize,
    interactive: Lane,
    bulk: Lane,
    /// Set aside.
    dead: u64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Lane {
    ready: u64,
    delivered: u64,
    delayed: u64,
}

/// How fresh the mirror is, what runs, what waits and why.
#[utoipa::path(get, path = "/api/v1/status", tag = "status", responses((status = 200, body = Status)))]
pub(super) async fn status(State(console): State<Console>) -> Result<Json<Status>, ApiProblem> {
    let (store, org) = (console.store(), console.org());
    let (freshness, runs, now, key) =
        tokio::try_join!(store.freshness(org), store.runs(Which::Open(org)), store.now(), store.current_key(org))?;
    Ok(Json(Status {
        age_s: freshness.watermark_at.map(|at| (now - at).num_seconds()),
        freshness,
        key: match runs.iter().find_map(|run| run.hold) {
            Some(Hold::KeyRejected) => "rejected",
            Some(Hold::ScopeMissing) => "lacks scope",
            _ => "accepted",
        },
        key_expires_on: key.1,
        runs,
        queue: queue(&console).await,
        next_sync_at: console.settings().schedule.as_ref().and_then(|schedule| schedule.next_after(now)),
    }))
}

/// Without waiting long: a status page is asked for when something is wrong.
async fn queue(console: &Console) -> Option<Queue> {
    let asked = async { tokio::try_join!(console.queue().depth(), console.queue().workers()) };
    let (depth, workers) = tokio::time::timeout(std::time::Duration::from_secs(2), asked).await.ok()?.ok()?;
    let lane = |lane: LaneDepth| Lane { ready: lane.ready, delivered: lane.delivered, delayed: lane.delayed };
    Some(Queue { workers, interactive: lane(depth.interactive), bulk: lane(depth.bulk), dead: depth.dead })
}
