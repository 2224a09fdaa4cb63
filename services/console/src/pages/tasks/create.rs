//! Making a task: whom, what, when, and at most how many.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::Query;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::name::Name;
use orgmirror_domain::schedule::Schedule;
use orgmirror_domain::task::Task;
use orgmirror_store::StoreError;
use serde::Deserialize;

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::pages::operations::{Understood, Wish, part, wish_fields};
use crate::problem::PageProblem;
use crate::routes::Routes;

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/tasks/new", Need::whole(Role::Operator), page);
    routes.post("/tasks", Need::whole(Role::Operator), create)
}

/// What the form says beside the action.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Draft {
    name: String,
    filter: String,
    schedule: String,
    max: String,
}

async fn page(State(console): State<Console>, frame: Frame, Query(draft): Query<Draft>) -> Result<Markup, PageProblem> {
    shown(&console, &frame, &draft, &Wish::default(), None).await
}

async fn create(State(console): State<Console>, frame: Frame, form: Bytes) -> Result<Response, PageProblem> {
    let (draft, wish): (Draft, Wish) = (part(&form)?, part(&form)?);
    let (store, org) = (console.store(), console.org());
    let task = match understood(&console, &draft, &wish).await? {
        Ok(task) => task,
        Err(problem) => return Ok(shown(&console, &frame, &draft, &wish, Some(&problem)).await?.into_response()),
    };
    match store.create_task(org, &task, true, &frame.visitor.actor()).await {
        Ok(_) => Ok(Redirect::to(&format!("/tasks/{}", task.name)).into_response()),
        Err(error @ StoreError::Taken { .. }) => {
            Ok(shown(&console, &frame, &draft, &wish, Some(&error.to_string())).await?.into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// The task, or what is wrong with it. Names in the filter must be there, as for a filter that somebody looks at.
async fn understood(console: &Console, draft: &Draft, wish: &Wish) -> Result<Result<Task, String>, PageProblem> {
    let (store, org) = (console.store(), console.org());
    let name: Name = match draft.name.trim().parse::<Name>() {
        Ok(name) => name,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let filter: Filter = match draft.filter.parse::<Filter>() {
        Ok(filter) => filter,
        Err(error) => return Ok(Err(format!("the filter: {}; expected {}", error.problem, error.expected))),
    };
    match store.select(org, &filter, chrono::Utc::now()).await {
        Ok(_) => {}
        Err(error @ StoreError::UnknownName { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    }
    let schedule: Schedule = match draft.schedule.parse::<Schedule>() {
        Ok(schedule) => schedule,
        Err(error) => return Ok(Err(format!("when: {error}"))),
    };
    let max_items = match draft.max.replace(',', "").parse::<u32>() {
        Ok(max) if max > 0 => max,
        _ => return Ok(Err("say at most how many users a run may change".to_owned())),
    };
    Ok(match wish.understood(store, org).await? {
        Understood::Action(action, _) => Ok(Task { name, filter, actions: vec![action], schedule, max_items }),
        Understood::WhichGroup(_) => Err("several groups have that name; write the id of the one that is meant".to_owned()),
        Understood::Lacks(what) => Err(what),
    })
}

async fn shown(
    console: &Console,
    frame: &Frame,
    draft: &Draft,
    wish: &Wish,
    problem: Option<&str>,
) -> Result<Markup, PageProblem> {
    let places = console.store().product_places(console.org()).await?;
    let content = html! {
        p.crumbs { a href="/tasks" { "Tasks" } " / Make a task" }
        @if let Some(problem) = problem { p.wrong role="alert" { "Not made: " (problem) "." } }
        form.choose.task method="post" action="/tasks" {
            label for="name" { "Name" }
            input #name name="name" value=(draft.name) required maxlength="64" autocomplete="off";
            label for="filter" { "For whoever matches" }
            input #filter name="filter" value=(draft.filter) required maxlength="10000" autocomplete="off" spellcheck="false" aria-describedby="filter-note";
            p #filter-note .faint { "As in " a href="/users" { "Users" } "; filter there first and see whom it means." }
            (wish_fields(wish, &places))
            label for="schedule" { "When" }
            input #schedule name="schedule" value=(draft.schedule) required maxlength="200" autocomplete="off" aria-describedby="when-note";
            p #when-note .faint { "For example: " code { "weekdays 06:00 Europe/Berlin" } ", " code { "daily 03:00 UTC" } ", " code { "every 6h" } "." }
            label for="max" { "At most so many users in one run; a run that matches more does nothing" }
            input #max name="max" inputmode="numeric" value=(if draft.max.is_empty() { "100" } else { &draft.max }) required;
            button type="submit" { "Make the task" }
        }
    };
    Ok(frame.page(Place::Tasks, "Make a task", content))
}
