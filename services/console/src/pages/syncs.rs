//! Syncs: how fresh the mirror is, the button that asks for a sync, and every run.

use axum::extract::State;
use axum::response::Redirect;
use axum_extra::extract::Query;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::ids::RunKey;
use orgmirror_domain::run::{Phase, RunKind, Scope};
use orgmirror_store::browse::pulse::Pulse;
use orgmirror_store::browse::run::RunLine;
use serde::Deserialize;
use uuid::Uuid;

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::words::{age, ago, clock, count, phase, run_kind};

/// Runs of a page.
const ROWS: i64 = 50;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/syncs", Need::whole(Role::Viewer), page);
    routes.post("/syncs", Need::whole(Role::Operator), ask)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Address {
    /// `full` leaves the small runs around operations and events out.
    only: String,
    before: String,
}

async fn page(State(console): State<Console>, frame: Frame, Query(asked): Query<Address>) -> Result<Markup, PageProblem> {
    let (store, org) = (console.store(), console.org());
    let pulse = store.pulse(org).await?;
    let scoped = asked.only != "full";
    let runs = store.run_lines(org, scoped, asked.before.parse().ok().map(RunKey), ROWS).await?;
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    let content = html! {
        p.lead { (freshness(&pulse)) }
        @if may_operate { (sync_button()) }
        nav.chips aria-label="Which runs" {
            a href="/syncs" aria-current=[scoped.then_some("page")] { "All runs" }
            a href="/syncs?only=full" aria-current=[(!scoped).then_some("page")] { "Full syncs" }
        }
        @if runs.is_empty() {
            div.empty { p { strong { "Nothing was ever read." } } p { "Ask for a sync here, by " code { "orgmirror sync" } ", or set a schedule under Settings." } }
        } @else { (table(&runs, pulse.now)) }
        @if runs.len() as i64 == ROWS { @if let Some(last) = runs.last() {
            nav.pages aria-label="Pages" { a rel="next" href={ "/syncs?only=" (if scoped { "" } else { "full" }) "&before=" (last.run.0) } { "Older" } }
        } }
    };
    Ok(frame.page(Place::Syncs, "Syncs", content))
}

/// Last synced: a time and an age, and by what kind of run.
fn freshness(pulse: &Pulse) -> Markup {
    html! {
        @match (pulse.fresh_as_of, pulse.last_synced_at, pulse.last_run) {
            (Some(as_of), Some(ended), Some((run, kind))) => {
                "Fresh as of " (clock(as_of)) ", " (ago(as_of, pulse.now)) ": everything that " a href={ "/syncs/" (run) } { "the last full sync" }
                " could read was read after that. It was " span.lower { (run_kind(kind)) } " and ended " (ago(ended, pulse.now)) "."
            },
            _ => "No full sync has completed yet.",
        }
    }
}

/// Asks for a full sync. Asking while one runs is fine: the next one answers, since the running one may have read the rows already.
pub(super) fn sync_button() -> Markup {
    html! {
        form method="post" action="/syncs" {
            input type="hidden" name="id" value=(Uuid::now_v7());
            button type="submit" { "Sync users and groups" }
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    /// Makes a second click the same request.
    id: Uuid,
}

async fn ask(
    State(console): State<Console>,
    visitor: Visitor,
    axum_extra::extract::Form(asked): axum_extra::extract::Form<Asked>,
) -> Result<Redirect, PageProblem> {
    let ticket =
        console.store().request_sync_by(console.org(), asked.id, RunKind::Manual, &Scope::Full, &visitor.actor()).await?;
    Ok(Redirect::to(&format!("/syncs/{}", ticket.run_id)))
}

fn table(runs: &[RunLine], now: DateTime<Utc>) -> Markup {
    html! {
        div.scroll tabindex="0" { table.rows {
            caption.hidden { "Runs" }
            thead { tr {
                th scope="col" { "Run" } th scope="col" { "State" } th scope="col" { "Asked for" } th scope="col" { "Took" }
                th.number scope="col" { "Calls" } th.number scope="col" { "Rows written" } th.number scope="col" { "Discrepancies" }
            } }
            tbody { @for run in runs { (row(run, now)) } }
        } }
    }
}

fn row(run: &RunLine, now: DateTime<Utc>) -> Markup {
    let took = run.started_at.map(|started| age((run.finished_at.unwrap_or(now) - started).num_seconds()));
    let summed = run.finished_at.is_some();
    html! {
        tr {
            th scope="row" {
                a.open href={ "/syncs/" (run.run_id) } { (run_kind(run.kind)) }
                span.faint { @match run.subjects { None => " · everything", Some(subjects) => { " · " (count(subjects)) " by name" } } }
            }
            td data-title="State" {
                @match run.hold {
                    Some(hold) => span.state.alarm { "Held · " (hold.in_words()) },
                    None => span class={ "state " @if run.phase == Phase::Failed { "alarm" } } { (phase(run.phase)) },
                }
            }
            td data-title="Asked for" { (ago(run.requested_at, now)) }
            td data-title="Took" { (took.unwrap_or_else(|| "–".to_owned())) }
            td.number data-title="Calls" { @if summed { (count(run.calls)) } @else { "–" } }
            td.number data-title="Rows written" { @if summed { (count(run.rows)) } @else { "–" } }
            td.number data-title="Discrepancies" { @if run.discrepancies > 0 { strong { (count(run.discrepancies)) } } @else { "0" } }
        }
    }
}
