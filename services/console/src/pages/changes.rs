//! What changed: since the last full sync, in one run, of one user or group.

use axum::extract::State;
use axum_extra::extract::Query;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::ids::RunId;
use orgmirror_domain::listing::ChangeWord;
use orgmirror_store::browse::changes::{ChangeRow, Changes, NamedGroup};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;
use crate::words::{ago, change, count, name, run_kind, spoken};

/// Changes of a page.
const ROWS: i64 = 100;
/// Groups that a change names before it counts the rest.
const NAMED: usize = 8;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/changes", Need::whole(Role::Viewer), page)
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Address {
    run: String,
    what: String,
    before: String,
}

/// The list of changes of a word, of a run or since the last full sync.
pub(super) fn address(run: Option<RunId>, word: Option<ChangeWord>) -> String {
    let run = run.map(|run| ("run", run.to_string()));
    let word = word.map(|word| ("what", word.to_string()));
    let query = serde_html_form::to_string(run.into_iter().chain(word).collect::<Vec<_>>()).unwrap_or_default();
    format!("/changes?{query}")
}

async fn page(State(console): State<Console>, frame: Frame, Query(asked): Query<Address>) -> Result<Markup, PageProblem> {
    let (store, org, now) = (console.store(), console.org(), Utc::now());
    let run = asked.run.parse::<Uuid>().ok().map(RunId);
    let word: Option<ChangeWord> = asked.what.parse().ok();
    let (which, key) = match run {
        Some(run) => {
            let key = store.run_key(org, run).await?;
            (Changes::Run(key), Some(key))
        }
        None => (Changes::SinceLastSync, None),
    };
    let counts = store.change_counts(org, key).await?;
    let changes = store.changes(org, which, word, asked.before.parse().ok(), ROWS).await?;
    let content = html! {
        p.lead {
            @match run {
                Some(run) => { "Noticed by " a href={ "/syncs/" (run) } { "this run" } "." },
                None => "Noticed by the newest completed full sync, and since.",
            }
            " Times of activity change daily and are not listed; neither is the first sync."
        }
        nav.chips aria-label="Kinds of change" {
            a href=(address(run, None)) aria-current=[word.is_none().then_some("page")] { "All" }
            @for (kind, number) in &counts {
                a href=(address(run, Some(*kind))) aria-current=[(word == Some(*kind)).then_some("page")] { (change(*kind)) " " span.faint { (count(*number)) } }
            }
        }
        (history(&changes, true, now))
        @if changes.len() as i64 == ROWS {
            @if let Some(last) = changes.last() { nav.pages aria-label="Pages" { a rel="next" href={ (address(run, word)) "&before=" (last.change_key) } { "Older" } } }
        }
    };
    Ok(frame.page(Place::Syncs, "What changed", content))
}

/// Changes as a table; `named` where they are of several users and groups.
pub(super) fn history(changes: &[ChangeRow], named: bool, now: DateTime<Utc>) -> Markup {
    html! {
        @if changes.is_empty() { p.faint { "No change is known." } } @else {
            div.scroll tabindex="0" { table {
                thead { tr { th scope="col" { "Noticed" } @if named { th scope="col" { "Who" } } th scope="col" { "What" } th scope="col" { "By" } } }
                tbody { @for row in changes { tr {
                    td { (ago(row.changed_at, now)) }
                    @if named { th scope="row" { (entity(row)) } }
                    td { (what(row)) }
                    td { @if let Some(run) = row.run_id { a href={ "/syncs/" (run) } { (row.run_kind.map_or("a sync", run_kind)) } } }
                } } }
            } }
        }
    }
}

fn entity(row: &ChangeRow) -> Markup {
    let place = if row.kind == "account" { "users" } else { "groups" };
    html! { a href={ "/" (place) "/" (row.id) } { (name(row.name.as_deref())) } @if row.kind == "group" { " " span.faint { "group" } } }
}

fn what(row: &ChangeRow) -> Markup {
    html! {
        ul.plain-list {
            @match row.change.as_str() {
                "added" => li { "Came" },
                "removed" => li { "Left" },
                "returned" => li { "Came back" },
                _ => {},
            }
            @if !row.joined.is_empty() { li { "Joined " (groups(&row.joined)) } }
            @if !row.departed.is_empty() { li { "Left " (groups(&row.departed)) } }
            @if let Value::Object(fields) = &row.fields { @if row.change == "changed" { @for (field, sides) in fields {
                li { (spoken(field)) ": " (side(sides.get(0))) " \u{2192} " (side(sides.get(1))) }
            } } }
        }
    }
}

fn groups(groups: &[NamedGroup]) -> Markup {
    html! {
        @for (position, group) in groups.iter().take(NAMED).enumerate() {
            @if position > 0 { ", " }
            a href={ "/groups/" (group.id) } { (name(group.name.as_deref())) }
        }
        @if groups.len() > NAMED { " and " (count(groups.len() - NAMED)) " more" }
    }
}

fn side(value: Option<&Value>) -> Markup {
    html! {
        @match value {
            None | Some(Value::Null) => span.faint { "nothing" },
            Some(Value::String(text)) => bdi { (text) },
            Some(Value::Array(items)) if items.is_empty() => span.faint { "none" },
            Some(Value::Array(items)) => bdi { (items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), spoken)).collect::<Vec<_>>().join(", ")) },
            Some(other) => (other.to_string()),
        }
    }
}
