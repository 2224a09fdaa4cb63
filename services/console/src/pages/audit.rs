//! The audit log: who asked for what, newest first.

use axum::extract::{Query, State};
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::audit::Event;
use orgmirror_store::audit::{AuditEntry, Wanted};
use serde::{Deserialize, Deserializer};

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::query::encode;
use crate::routes::Routes;

/// Entries of a page.
const PAGE: u16 = 50;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/audit", Need::whole(Role::Admin), page)
}

/// What is wanted, in the address: a copy of it shows the same.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    #[serde(deserialize_with = "chosen")]
    event: Option<Event>,
    actor: String,
    subject: String,
    before: Option<i64>,
}

/// A form sends an empty word for no choice.
fn chosen<'de, D: Deserializer<'de>>(word: D) -> Result<Option<Event>, D::Error> {
    let word = String::deserialize(word)?;
    if word.is_empty() { Ok(None) } else { word.parse().map(Some).map_err(serde::de::Error::custom) }
}

async fn page(frame: Frame, State(console): State<Console>, Query(asked): Query<Asked>) -> Result<Markup, PageProblem> {
    let wanted = Wanted {
        since: None,
        event: asked.event,
        actor: Some(asked.actor.trim()).filter(|name| !name.is_empty()),
        subject: Some(asked.subject.trim()).filter(|about| !about.is_empty()),
        before: asked.before,
    };
    let entries = console.store().audit(console.org(), &wanted, PAGE).await?;
    let older = entries.last().filter(|_| entries.len() == usize::from(PAGE)).map(|entry| entry.number);
    let content = html! {
        form.line method="get" action="/audit" {
            div {
                label for="event" { "What" }
                select #event name="event" {
                    option value="" { "anything" }
                    @for event in Event::ALL { option value=(event) selected[asked.event == Some(*event)] { (words(event.as_str())) } }
                }
            }
            div { label for="actor" { "Who" } input #actor name="actor" value=(asked.actor); }
            div { label for="subject" { "About this id or name" } input #subject name="subject" value=(asked.subject); }
            button type="submit" { "Show" }
        }
        @if entries.is_empty() {
            p { "The log has no such entry." }
        } @else {
            table {
                caption { "Entries are never changed; " code { "orgmirror audit verify" } " checks that." }
                thead { tr { th scope="col" { "Number" } th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "About" } th scope="col" { "More" } } }
                tbody { @for entry in &entries { (row(entry)) } }
            }
        }
        @if let Some(number) = older {
            p { a href=(address(&asked, number)) { "Older entries" } }
        }
    };
    Ok(frame.page(Place::Audit, "Audit", content))
}

fn row(entry: &AuditEntry) -> Markup {
    let about = match entry.event.split('_').next() {
        Some("operation") => Some(format!("/operations/{}", entry.subject)),
        Some("run") => Some(format!("/syncs/{}", entry.subject)),
        _ => None,
    };
    html! {
        tr {
            td { (entry.number) }
            td { time datetime=(entry.at.to_rfc3339()) { (entry.at.format("%Y-%m-%d %H:%M:%S UTC")) } }
            td { (if entry.actor.is_empty() { &entry.actor_kind } else { &entry.actor }) }
            td { (words(&entry.event)) }
            td { @match about { Some(address) => a href=(address) { (entry.subject) }, None => (entry.subject) } }
            td.faint { @for (name, value) in entry.detail.as_object().into_iter().flatten() { div { (words(name)) ": " (plain(value)) } } }
        }
    }
}

fn words(word: &str) -> String {
    word.replace('_', " ")
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn address(asked: &Asked, before: i64) -> String {
    let event = asked.event.map(Event::as_str).unwrap_or_default();
    format!("/audit?event={event}&actor={}&subject={}&before={before}", encode(&asked.actor), encode(&asked.subject))
}
