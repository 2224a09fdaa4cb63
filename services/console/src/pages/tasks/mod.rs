//! Tasks: operations that start by themselves, each as a sentence, with the log of its runs.

mod create;

use axum::extract::{Path, State};
use axum::response::Redirect;
use axum_extra::extract::Form;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::name::Name;
use orgmirror_domain::task::TaskRunState;
use orgmirror_store::StoreError;
use orgmirror_store::task::view::{TaskRunView, TaskView};
use serde::Deserialize;

use super::users::Address;
use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::words::{ago, clock, count, spoken};

/// Runs that a task's page shows.
const RUNS: u16 = 50;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/tasks", Need::whole(Role::Viewer), page);
    let routes = create::routes(routes);
    let routes = routes.get("/tasks/{task}", Need::whole(Role::Viewer), task);
    routes.post("/tasks/{task}", Need::whole(Role::Operator), act)
}

async fn page(State(console): State<Console>, frame: Frame) -> Result<Markup, PageProblem> {
    let tasks = console.store().tasks(console.org(), None).await?;
    let now = Utc::now();
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    let content = html! {
        @if may_operate { p { a.plain href="/tasks/new" { "Make a task" } } }
        @if tasks.is_empty() {
            div.empty {
                p { strong { "There is no task yet." } }
                p { "A task does an operation on a schedule, for whoever matches a filter at that time. It reads them anew first, and acts only on who matches both times." }
            }
        } @else {
            div.scroll tabindex="0" { table.rows {
                caption.hidden { "Tasks" }
                thead { tr { th scope="col" { "Task" } th scope="col" { "State" } th scope="col" { "Next run" } th scope="col" { "Last run" } } }
                tbody { @for one in &tasks { (row(one, now)) } }
            } }
        }
    };
    Ok(frame.page(Place::Tasks, "Tasks", content))
}

fn row(task: &TaskView, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            th.sentence-cell scope="row" { a.open href={ "/tasks/" (task.name.as_str()) } { (task.name.as_str()) } div.faint { (task.sentence) } }
            td data-title="State" { span class={ "state " @if task.active { "active" } } { @if task.active { "On" } @else { "Off" } } }
            td data-title="Next run" { (next(task)) }
            td data-title="Last run" { @match &task.last_run { Some(run) => { (came_to(run)) " " (ago(run.started_at, now)) }, None => span.faint { "never" } } }
        }
    }
}

fn next(task: &TaskView) -> Markup {
    html! {
        @match (&task.run_asked_by, task.next_at) {
            (Some(by), _) => { "at once, for " bdi { (by) } },
            (None, Some(at)) => (clock(at)),
            (None, None) => span.faint { "none planned" },
        }
    }
}

fn came_to(run: &TaskRunView) -> Markup {
    html! { span class={ "state " @if run.state == TaskRunState::Failed { "alarm" } } { (spoken(run.state.as_str())) } }
}

async fn task(State(console): State<Console>, frame: Frame, Path(name): Path<String>) -> Result<Markup, PageProblem> {
    let (store, org, now) = (console.store(), console.org(), Utc::now());
    let name = named(&name)?;
    let missing = || StoreError::NotFound { what: "task", id: name.to_string() };
    let task = store.tasks(org, Some(&name)).await?.pop().ok_or_else(missing)?;
    let runs = store.task_runs(org, &name, None, RUNS).await?;
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    let content = html! {
        p.crumbs { a href="/tasks" { "Tasks" } " / " (task.name.as_str()) }
        p.sentence { (task.sentence) }
        p { "Whom it is about by now: " a href=(Address::of(&task.filter)) { "the list of its filter" } ". Next run: " (next(&task)) ". Asked for by " bdi { (task.asked_by) } ", made " (ago(task.created_at, now)) "." }
        @if may_operate { div.acts {
            (button(if task.active { "disable" } else { "enable" }, if task.active { "Switch off" } else { "Switch on" }, "plain"))
            (button("run", "Run now", ""))
            (button("delete", "Delete", "plain"))
        } }
        section { h2 { "Log" } (log(&runs, now)) }
    };
    Ok(frame.page(Place::Tasks, task.name.as_str(), content))
}

fn button(act: &str, title: &str, class: &str) -> Markup {
    html! { form method="post" { input type="hidden" name="act" value=(act); button class=(class) type="submit" { (title) } } }
}

fn log(runs: &[TaskRunView], now: DateTime<Utc>) -> Markup {
    html! {
        @if runs.is_empty() { p.faint { "It has not run yet." } } @else {
            div.scroll tabindex="0" { table.rows {
                thead { tr { th scope="col" { "Began" } th scope="col" { "State" } th.number scope="col" { "Matched" } th.number scope="col" { "Dropped out" } th.number scope="col" { "Match only now" } th scope="col" { "Operations" } } }
                tbody { @for run in runs { tr {
                    th scope="row" { (ago(run.started_at, now)) div.faint { @match run.planned_at { Some(at) => { "planned for " (clock(at)) }, None => { "for " bdi { (run.asked_by) } } } } }
                    td data-title="State" { (came_to(run)) @if let Some(reason) = &run.reason { div.faint { (reason) } } }
                    td.number data-title="Matched" { (count(run.selected)) }
                    td.number data-title="Dropped out" { (run.dropped.map_or_else(|| "–".to_owned(), count)) }
                    td.number data-title="Match only now" { (run.appeared.map_or_else(|| "–".to_owned(), count)) }
                    td data-title="Operations" {
                        @if let Some(refresh) = run.refresh { a href={ "/syncs/" (refresh) } { "read anew" } " " }
                        @for step in &run.operations { a href={ "/operations/" (step.id) } { (spoken(step.state.as_str())) } " " }
                    }
                } } }
            } }
        }
    }
}

#[derive(Deserialize)]
struct Act {
    act: String,
}

async fn act(
    State(console): State<Console>,
    frame: Frame,
    Path(name): Path<String>,
    Form(asked): Form<Act>,
) -> Result<Redirect, PageProblem> {
    let (store, org, by, name) = (console.store(), console.org(), frame.visitor.actor(), named(&name)?);
    match asked.act.as_str() {
        "enable" => store.enable_task(org, &name, &by).await?,
        "disable" => store.disable_task(org, &name, &by).await?,
        "run" => store.ask_for_task_run(org, &name, &by).await?,
        "delete" => {
            store.delete_task(org, &name, &by).await?;
            return Ok(Redirect::to("/tasks"));
        }
        _ => return Err(Problem::unfit("a task is switched on or off, run, or deleted").into()),
    }
    Ok(Redirect::to(&format!("/tasks/{name}")))
}

fn named(text: &str) -> Result<Name, Problem> {
    text.parse().map_err(|error: orgmirror_domain::name::NoName| Problem::unfit(error.to_string()))
}
