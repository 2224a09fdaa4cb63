//! Tasks: operations that start by themselves.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::action::ActionError;
use orgmirror_domain::name::{Name, NoName};
use orgmirror_domain::schedule::ScheduleError;
use orgmirror_domain::task::{ACTIONS_MAX, Task};
use orgmirror_store::task::view::{TaskRunView, TaskView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::problem::{ApiProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::{Console, filter};

/// Runs of a task's log, unless asked otherwise, and at most.
const LOG: u16 = 20;
const LONGEST_LOG: u16 = 200;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/tasks", Need::whole(Role::Viewer), list)
        .post("/api/v1/tasks", Need::whole(Role::Operator), create)
        .get("/api/v1/tasks/{name}", Need::whole(Role::Viewer), one)
        .delete("/api/v1/tasks/{name}", Need::whole(Role::Operator), delete)
        .post("/api/v1/tasks/{name}/enable", Need::whole(Role::Operator), enable)
        .post("/api/v1/tasks/{name}/disable", Need::whole(Role::Operator), disable)
        .post("/api/v1/tasks/{name}/run", Need::whole(Role::Operator), run)
        .get("/api/v1/tasks/{name}/log", Need::whole(Role::Viewer), log)
}

/// All of them, by name.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "tasks", responses((status = 200, body = Vec<TaskView>)))]
pub(super) async fn list(State(console): State<Console>) -> Result<Json<Vec<TaskView>>, ApiProblem> {
    Ok(Json(console.store().tasks(console.org(), None).await?))
}

/// A task to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    name: String,
    /// Whom it is about: a filter, or `@NAME` of a saved one as it is now.
    filter: String,
    /// What is done to each of them, in this order, as `orgmirror tasks create --help` writes it: `remove-from-group <id>`.
    actions: Vec<String>,
    /// When, as `weekdays 06:00 Europe/Berlin`; `docs/command-line.md` has all forms.
    schedule: String,
    /// A run that chooses more accounts does nothing.
    max_items: u32,
    /// Whether it starts by itself at once.
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// Makes a task.
#[utoipa::path(post, path = "/api/v1/tasks", tag = "tasks", request_body = Wanted, responses((status = 201, body = TaskView), (status = 409, description = "The name is taken")))]
pub(super) async fn create(
    State(console): State<Console>,
    visitor: Visitor,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<TaskView>), ApiProblem> {
    let name = named(&wanted.name)?;
    let (filter, _) = filter::select(&console, &visitor, &wanted.filter).await?;
    let actions = wanted.actions.iter().map(|text| text.parse().map_err(|error: ActionError| Problem::unfit(error.to_string())));
    let actions: Vec<_> = actions.collect::<Result<_, _>>()?;
    if !(1..=ACTIONS_MAX).contains(&actions.len()) {
        return Err(Problem::unfit(format!("a task has between 1 and {ACTIONS_MAX} actions")).into());
    }
    let schedule = wanted.schedule.parse().map_err(|error: ScheduleError| Problem::unfit(error.to_string()))?;
    let task = Task { name: name.clone(), filter, actions, schedule, max_items: wanted.max_items };
    console.store().create_task(console.org(), &task, wanted.active, &visitor.actor()).await?;
    Ok((StatusCode::CREATED, Json(find(&console, &name).await?)))
}

/// One task, and its last run.
#[utoipa::path(get, path = "/api/v1/tasks/{name}", tag = "tasks", params(("name" = String, Path, description = "Its name")), responses((status = 200, body = TaskView)))]
pub(super) async fn one(State(console): State<Console>, Path(name): Path<String>) -> Result<Json<TaskView>, ApiProblem> {
    Ok(Json(find(&console, &named(&name)?).await?))
}

/// Deletes a task; what its runs have begun goes on.
#[utoipa::path(delete, path = "/api/v1/tasks/{name}", tag = "tasks", params(("name" = String, Path, description = "Its name")), responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    console.store().delete_task(console.org(), &named(&name)?, &visitor.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a task start by itself.
#[utoipa::path(post, path = "/api/v1/tasks/{name}/enable", tag = "tasks", params(("name" = String, Path, description = "Its name")), responses((status = 200, body = TaskView)))]
pub(super) async fn enable(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<TaskView>, ApiProblem> {
    let name = named(&name)?;
    console.store().enable_task(console.org(), &name, &visitor.actor()).await?;
    Ok(Json(find(&console, &name).await?))
}

/// Lets a task start no more by itself.
#[utoipa::path(post, path = "/api/v1/tasks/{name}/disable", tag = "tasks", params(("name" = String, Path, description = "Its name")), responses((status = 200, body = TaskView)))]
pub(super) async fn disable(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<TaskView>, ApiProblem> {
    let name = named(&name)?;
    console.store().disable_task(console.org(), &name, &visitor.actor()).await?;
    Ok(Json(find(&console, &name).await?))
}

/// Asks for a run beside the schedule.
#[utoipa::path(post, path = "/api/v1/tasks/{name}/run", tag = "tasks", params(("name" = String, Path, description = "Its name")), responses((status = 202, body = TaskView)))]
pub(super) async fn run(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<TaskView>), ApiProblem> {
    let name = named(&name)?;
    console.store().ask_for_task_run(console.org(), &name, &visitor.actor()).await?;
    Ok((StatusCode::ACCEPTED, Json(find(&console, &name).await?)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// How many, 20 unless said, 200 at most.
    limit: Option<u16>,
}

/// What its runs did, newest first.
#[utoipa::path(get, path = "/api/v1/tasks/{name}/log", tag = "tasks", params(("name" = String, Path, description = "Its name"), Asked), responses((status = 200, body = Vec<TaskRunView>)))]
pub(super) async fn log(
    State(console): State<Console>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<TaskRunView>>, ApiProblem> {
    let limit = asked.limit.unwrap_or(LOG).clamp(1, LONGEST_LOG);
    Ok(Json(console.store().task_runs(console.org(), &named(&name)?, None, limit).await?))
}

fn named(name: &str) -> Result<Name, Problem> {
    name.parse().map_err(|error: NoName| Problem::unfit(error.to_string()))
}

async fn find(console: &Console, name: &Name) -> Result<TaskView, Problem> {
    let found = console.store().tasks(console.org(), Some(name)).await?.pop();
    found.ok_or_else(|| Problem::not_found(format!("there is no task {name}")))
}
