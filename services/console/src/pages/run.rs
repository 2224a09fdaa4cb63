//! One run: a sentence first, then its steps, lists, what it changed and what it could not read.

use axum::extract::{Path, State};
use axum::response::Redirect;
use axum_extra::extract::Form;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::ids::{RunId, RunKey};
use orgmirror_domain::run::{Hold, Phase};
use orgmirror_store::StoreError;
use orgmirror_store::browse::run::{Chain, Exception, RunTimes, Step};
use orgmirror_store::progress::{Going, RunView, Which};
use orgmirror_store::run::Moved;
use serde::Deserialize;
use uuid::Uuid;

use super::changes;
use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::words::{about, age, ago, change, clock, count, counted, name, phase, run_kind, spoken};

/// Rows of the approval list that the page names; the rest is counted.
const GOING: usize = 200;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/syncs/{run}", Need::whole(Role::Viewer), page);
    let routes = routes.get("/syncs/{run}/live", Need::whole(Role::Viewer), live);
    routes.post("/syncs/{run}", Need::whole(Role::Operator), act)
}

/// Everything that a run's page shows.
struct Shown {
    run: RunView,
    times: RunTimes,
    steps: Vec<Step>,
    chains: Vec<Chain>,
    now: DateTime<Utc>,
}

async fn shown(console: &Console, run: RunId) -> Result<(RunKey, Shown), PageProblem> {
    let (store, org) = (console.store(), console.org());
    let key = store.run_key(org, run).await?;
    let missing = || StoreError::NotFound { what: "run", id: run.to_string() };
    let view = store.runs(Which::One(key)).await?.pop().ok_or_else(missing)?;
    let shown = Shown {
        run: view,
        times: store.run_times(key).await?,
        steps: store.run_steps(key).await?,
        chains: store.run_chains(key).await?,
        now: store.now().await?,
    };
    Ok((key, shown))
}

async fn page(State(console): State<Console>, frame: Frame, Path(run): Path<Uuid>) -> Result<Markup, PageProblem> {
    let (key, shown) = shown(&console, RunId(run)).await?;
    let store = console.store();
    let counts = store.change_counts(console.org(), Some(key)).await?;
    let exceptions = store.run_exceptions(key).await?;
    let going = if shown.run.hold == Some(Hold::Approval) { store.sweep_list(key).await? } else { Vec::new() };
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    let run = &shown.run;
    let content = html! {
        p.crumbs { a href="/syncs" { "Syncs" } " / " (run_kind(run.kind)) }
        (region(&shown))
        @if may_operate { (buttons(run, &going)) }
        section { h2 { "What it changed" }
            @if counts.is_empty() { p.faint { "Nothing so far, or it was the first sync, of which no list is kept." } }
            ul.plain-list { @for (word, number) in &counts { li { a href=(changes::address(Some(run.run_id), Some(*word))) { (change(*word)) " " strong { (count(*number)) } } } } }
        }
        section { h2 { "Discrepancies" } (discrepancies(run)) }
        section { h2 { "Could not be read" } (unread(&exceptions)) }
    };
    Ok(frame.page(Place::Syncs, run_kind(run.kind), content))
}

async fn live(State(console): State<Console>, Path(run): Path<Uuid>) -> Result<Markup, PageProblem> {
    let (_, shown) = shown(&console, RunId(run)).await?;
    Ok(region(&shown))
}

/// What moves while the run does. It asks for itself again until the run has ended.
fn region(shown: &Shown) -> Markup {
    let run = &shown.run;
    let address = format!("/syncs/{}/live", run.run_id);
    let goes_on = !run.phase.has_ended();
    html! {
        div #live hx-get=[goes_on.then_some(address)] hx-trigger=[goes_on.then_some("every 2s")] hx-swap="outerHTML" {
            p.sentence role="status" .alarm[run.hold.is_some() || run.phase == Phase::Failed] { (sentence(shown)) }
            @if let Some((since, _)) = &shown.times.held { p { "Since " (clock(*since)) ". " (run.hold_reason.as_deref().unwrap_or_default()) } }
            @if let Some(failure) = &run.failure { p { (failure) } }
            (phases(shown))
            dl.figures {
                div { dt { "Calls" } dd { (count(run.calls)) } }
                div { dt { "Rows added" } dd { (count(run.rows_added)) } }
                div { dt { "Rows changed" } dd { (count(run.rows_changed)) } }
                div { dt { "Rows removed" } dd { (count(run.rows_removed)) } }
                div { dt { "Memberships listed" } dd { (count(run.memberships)) } }
            }
            @if !shown.steps.is_empty() { section { h2 { "Steps" } (steps(&shown.steps)) } }
            @if !shown.chains.is_empty() { section { h2 { "Lists" } (chains(&shown.chains)) } }
        }
    }
}

fn sentence(shown: &Shown) -> Markup {
    let run = &shown.run;
    let done = run.part_done().map(|part| format!("{:.0} %", (part * 100.0).floor()));
    html! {
        @match (run.hold, run.phase) {
            (Some(hold), at) => { "Held while " span.lower { (phase(at)) } ": " (hold.in_words()) "." },
            (None, Phase::Requested) => "Waits for its turn; it starts when the running sync has ended.",
            (None, Phase::Planning) => "Planning: asks how many users and groups there are, and splits them into lists that are read at the same time.",
            (None, Phase::Scanning) => {
                "Reading: " (done.unwrap_or_default()) " (" (count(run.users.done)) " of " (count(run.users.of)) " users, " (count(run.groups.done)) " of " (count(run.groups.of)) " groups)"
                @if let Some((rate, left)) = run.pace(shown.now) { ", " (format!("{rate:.0}")) " calls a second, " (about(left)) " left" }
                "."
            },
            (None, Phase::Verifying) => { "Verifying: asks by name for what no list showed, " (count(run.jobs.done)) " of " (count(run.jobs.of)) " jobs done." },
            (None, Phase::Sweeping) => "Sweeping: hides what was proven gone.",
            (None, Phase::Completed) => {
                "Completed" @if let (Some(from), Some(to)) = (run.watermark_at, run.finished_at) { " in " (age((to - from).num_seconds())) ", " (ago(to, shown.now)) }
                ": " (counted(run.rows_added + run.rows_changed + run.rows_removed, "row")) " written with " (counted(run.calls, "call")) "."
            },
            (None, ended) => { (phase(ended)) @if let Some(at) = run.finished_at { " " (ago(at, shown.now)) } "." },
        }
    }
}

/// The way of a run as a line.
fn phases(shown: &Shown) -> Markup {
    let way = [Phase::Requested, Phase::Planning, Phase::Scanning, Phase::Verifying, Phase::Sweeping, Phase::Completed];
    let here = way.iter().position(|one| *one == shown.run.phase);
    html! {
        ol.phases aria-label="Phases" {
            @for (position, one) in way.iter().enumerate() {
                @let state = match here { Some(here) if position < here => "past", Some(here) if position == here => "here", _ => "ahead" };
                li class=(state) aria-current=[(state == "here").then_some("step")] {
                    (phase(*one))
                    @if state == "here" && !shown.run.phase.has_ended() { span.faint { " since " (ago(shown.times.entered_at, shown.now)) } }
                }
            }
        }
    }
}

fn steps(steps: &[Step]) -> Markup {
    html! {
        div.scroll tabindex="0" { table {
            thead { tr { th scope="col" { "Jobs" } th.number scope="col" { "Done" } th.number scope="col" { "Calls" } th.number scope="col" { "Rows listed" } th scope="col" { "From" } th scope="col" { "To" } } }
            tbody { @for step in steps { tr {
                th scope="row" { (spoken(step.kind.as_str())) }
                td.number { (count(step.done)) " of " (count(step.jobs)) }
                td.number { (count(step.calls)) }
                td.number { (count(step.listed)) }
                td { @if let Some(at) = step.first_at { (at.format("%H:%M:%S")) } }
                td { @if let Some(at) = step.last_at { (at.format("%H:%M:%S")) } }
            } } }
        } }
    }
}

fn chains(chains: &[Chain]) -> Markup {
    html! {
        div.scroll tabindex="0" { table {
            thead { tr { th scope="col" { "List" } th.wide scope="col" { "Progress" } th.number scope="col" { "Rows" } th.number scope="col" { "Pages" } th scope="col" { "State" } } }
            tbody { @for chain in chains { tr {
                th scope="row" { (if chain.of_users { "Users" } else { "Groups" }) " " span.faint { (filter_words(&chain.filter)) @if chain.two_ended { ", from both ends" } } }
                td { (bar(chain.listed, chain.expected.unwrap_or(chain.listed))) }
                td.number { (count(chain.listed)) @if let Some(expected) = chain.expected { span.faint { " of " (count(expected)) } } }
                td.number { (count(chain.pages)) }
                td { (if chain.open { "reading" } else { "read" }) }
            } } }
        } }
    }
}

/// The filter of a list in words: `membership status active, claim status managed`.
fn filter_words(filter: &serde_json::Value) -> String {
    let Some(fields) = filter.as_object() else { return String::new() };
    let set = fields.iter().filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
    let words = set.map(|(field, value)| {
        format!("{} {}", field.replace('_', " "), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn bar(done: i64, of: i64) -> Markup {
    let part = if of > 0 { (done * 100 / of).clamp(0, 100) } else { 0 };
    html! { progress max="100" value=(part) aria-label={ (part) " %" } {} }
}

fn discrepancies(run: &RunView) -> Markup {
    html! {
        @if run.discrepancies.is_empty() { p.faint { "None: what the API counts and what it lists are the same." } } @else {
            div.scroll tabindex="0" { table {
                thead { tr { th scope="col" { "About" } th scope="col" { "Difference" } } }
                tbody { @for one in &run.discrepancies { tr {
                    th scope="row" { (spoken(&one.kind)) " " @if one.kind == "group_members" { a href={ "/groups/" (one.subject) } { (one.subject) } } @else { (one.subject) } }
                    td { (one.detail) }
                } } }
            } }
        }
    }
}

fn unread(exceptions: &[Exception]) -> Markup {
    html! {
        @if exceptions.is_empty() { p.faint { "Everything could be read." } } @else {
            ul.plain-list { @for one in exceptions {
                li { a href={ "/" (if one.kind == "account" { "users" } else { "groups" }) "/" (one.id) } { (name(one.name.as_deref())) } " " span.faint { (one.id) } ": " (one.reason) }
            } }
        }
    }
}

/// The buttons that fit the run's state, each with what it does.
fn buttons(run: &RunView, going: &[Going]) -> Markup {
    html! {
        @if !run.phase.has_ended() {
            div.acts {
                @if run.hold == Some(Hold::Approval) {
                    section { h2 { "What would leave the mirror" }
                        ul.plain-list.tall { @for one in going.iter().take(GOING) { li { (spoken(&one.kind)) " " (name(one.name.as_deref())) @if let Some(email) = &one.email { " " bdi.faint { (email) } } } } }
                        @if going.len() > GOING { p { "and " (count(going.len() - GOING)) " more; " code { "orgmirror approve " (run.run_id) } " lists all." } }
                    }
                    form method="post" { input type="hidden" name="act" value="approve"; input type="hidden" name="revision" value=(run.sweep_revision);
                        button.danger type="submit" { "Approve: hide these " (count(going.len())) } }
                } @else if run.hold.is_some() {
                    form method="post" { input type="hidden" name="act" value="resume"; button type="submit" { "Resume" } }
                }
                form method="post" { input type="hidden" name="act" value="cancel"; button.plain type="submit" { "Cancel this sync" } }
                p.faint { "Cancelling keeps what was read; nothing is removed." }
            }
        }
    }
}

#[derive(Deserialize)]
struct Act {
    act: String,
    #[serde(default)]
    revision: i32,
}

async fn act(
    State(console): State<Console>,
    visitor: Visitor,
    Path(run): Path<Uuid>,
    Form(asked): Form<Act>,
) -> Result<Redirect, PageProblem> {
    let store = console.store();
    let key = store.run_key(console.org(), RunId(run)).await?;
    let by = visitor.actor();
    let moved = match asked.act.as_str() {
        "approve" => store.approve_run(key, asked.revision, &by).await?,
        "resume" => store.resume_run(key, Some(&by)).await?,
        "cancel" => store.cancel_run(key, &by).await?,
        other => return Err(Problem::unfit(format!("a run is approved, resumed or cancelled, and not {other:?}")).into()),
    };
    match moved {
        Moved::Yes => Ok(Redirect::to(&format!("/syncs/{run}"))),
        Moved::TooLate => {
            Err(Problem::conflict("the run is in another state by now, or its list has changed; open its page again and look")
                .into())
        }
    }
}
