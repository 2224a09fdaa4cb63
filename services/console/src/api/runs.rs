//! Runs: what was synced, asking for a sync, and what a person does with a run that waits.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::ids::RunId;
use orgmirror_domain::run::{Hold, RunKind, Scope};
use orgmirror_store::StoreError;
use orgmirror_store::progress::{Going, RunView, Which};
use orgmirror_store::run::Moved;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::idempotency::Started;
use crate::Console;
use crate::problem::{ApiProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;

/// Runs of a list, unless asked otherwise, and at most: each is added up from its jobs.
const LIST: i64 = 20;
const LONGEST_LIST: i64 = 200;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/runs", Need::whole(Role::Viewer), list)
        .post("/api/v1/runs", Need::whole(Role::Operator), request)
        .get("/api/v1/runs/{id}", Need::whole(Role::Viewer), one)
        .post("/api/v1/runs/{id}/cancel", Need::whole(Role::Operator), cancel)
        .post("/api/v1/runs/{id}/resume", Need::whole(Role::Operator), resume)
        .post("/api/v1/runs/{id}/approve", Need::whole(Role::Operator), approve)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// How many, 20 unless said, 200 at most.
    limit: Option<i64>,
}

/// Runs, newest first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", params(Asked), responses((status = 200, body = Vec<RunView>)))]
pub(super) async fn list(State(console): State<Console>, Query(asked): Query<Asked>) -> Result<Json<Vec<RunView>>, ApiProblem> {
    let limit = asked.limit.unwrap_or(LIST).clamp(1, LONGEST_LIST);
    Ok(Json(console.store().runs(Which::Newest(console.org(), limit)).await?))
}

/// A run, and the list that waits for a person's approval.
#[derive(Serialize, ToSchema)]
pub(super) struct Shown {
    #[serde(flatten)]
    run: RunView,
    /// What would leave the mirror, if the run waits for approval.
    would_remove: Vec<Going>,
}

/// All about one run.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = Uuid, Path, description = "The run's id")), responses((status = 200, body = Shown)))]
pub(super) async fn one(State(console): State<Console>, Path(id): Path<Uuid>) -> Result<Json<Shown>, ApiProblem> {
    let run = find(&console, id).await?;
    let would_remove = if run.hold == Some(Hold::Approval) { console.store().sweep_list(run.run).await? } else { Vec::new() };
    Ok(Json(Shown { run, would_remove }))
}

/// What to sync; all of it without a list.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    /// Only these accounts.
    accounts: Option<Vec<String>>,
    /// Only these groups and their members.
    groups: Option<Vec<Uuid>>,
}

/// The run that answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Answering {
    #[schema(value_type = Uuid)]
    id: RunId,
}

/// Asks for a sync. While one runs, the next one answers.
#[utoipa::path(post, path = "/api/v1/runs", tag = "runs", request_body = Request, responses((status = 202, body = Answering)))]
pub(super) async fn request(
    State(console): State<Console>,
    visitor: Visitor,
    Started(request): Started,
    Json(asked): Json<Request>,
) -> Result<(StatusCode, Json<Answering>), ApiProblem> {
    let scope = match (asked.accounts, asked.groups) {
        (None, None) => Scope::Full,
        (Some(ids), None) if !ids.is_empty() => Scope::Accounts { ids: ids.into_iter().map(Into::into).collect() },
        (None, Some(ids)) if !ids.is_empty() => {
            Scope::Groups { ids: ids.into_iter().map(orgmirror_domain::ids::GroupId).collect() }
        }
        _ => return Err(Problem::unreadable("name accounts or groups, one or more, and not both; or neither, for all").into()),
    };
    let ticket = console.store().request_sync_by(console.org(), request, RunKind::Manual, &scope, &visitor.actor()).await?;
    Ok((StatusCode::ACCEPTED, Json(Answering { id: ticket.run_id })))
}

/// Stops a run.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", tag = "runs", params(("id" = Uuid, Path, description = "The run's id")), responses((status = 200, body = RunView), (status = 409, description = "It has ended")))]
pub(super) async fn cancel(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
) -> Result<Json<RunView>, ApiProblem> {
    let run = find(&console, id).await?;
    let moved = console.store().cancel_run(run.run, &visitor.actor()).await?;
    Ok(after(&console, id, moved, "it has ended already").await?)
}

/// Lets a held run go on; workers take the key that is current where they run.
#[utoipa::path(post, path = "/api/v1/runs/{id}/resume", tag = "runs", params(("id" = Uuid, Path, description = "The run's id")), responses((status = 200, body = RunView), (status = 409, description = "It is not held")))]
pub(super) async fn resume(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
) -> Result<Json<RunView>, ApiProblem> {
    let run = find(&console, id).await?;
    let moved = console.store().resume_run(run.run, Some(&visitor.actor())).await?;
    Ok(after(&console, id, moved, "only a held run can be resumed, and one that waits for approval must be approved").await?)
}

/// Which list is agreed to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// `sweep_revision` of the run that was looked at.
    revision: i32,
}

/// Agrees to what a held run would remove from the mirror.
#[utoipa::path(post, path = "/api/v1/runs/{id}/approve", tag = "runs", params(("id" = Uuid, Path, description = "The run's id")), request_body = Approval, responses((status = 200, body = RunView), (status = 409, description = "It waits for no approval, or has another list")))]
pub(super) async fn approve(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
    Json(approval): Json<Approval>,
) -> Result<Json<RunView>, ApiProblem> {
    let run = find(&console, id).await?;
    let moved = console.store().approve_run(run.run, approval.revision, &visitor.actor()).await?;
    Ok(after(
        &console,
        id,
        moved,
        "only a run that waits for approval can be approved, under the revision of the list that was looked at",
    )
    .await?)
}

pub(super) async fn find(console: &Console, id: Uuid) -> Result<RunView, Problem> {
    let key = console.store().run_key(console.org(), RunId(id)).await?;
    let run = console.store().runs(Which::One(key)).await?.into_iter().next();
    run.ok_or_else(|| Problem::not_found(format!("there is no run {id}")))
}

async fn after(console: &Console, id: Uuid, moved: Moved, remedy: &'static str) -> Result<Json<RunView>, Problem> {
    let run = find(console, id).await?;
    match moved {
        Moved::Yes => Ok(Json(run)),
        Moved::TooLate => {
            let is = run.hold.map_or_else(|| run.phase.to_string(), |hold| format!("{}, held: {}", run.phase, hold.in_words()));
            Err(StoreError::WrongState { run: id.to_string(), is, remedy }.into())
        }
    }
}
