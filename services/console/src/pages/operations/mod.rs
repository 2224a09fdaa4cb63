//! Operations: the list of them, and the words for what they do.

mod choose;
mod preview;
mod watch;

pub(in crate::pages) use choose::{Understood, Wish, fields as wish_fields};
pub(in crate::pages) use preview::part;

use axum::extract::State;
use chrono::Utc;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::action::Action;
use orgmirror_store::operation::view::{Counts, OperationView};

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;
use crate::words::{ago, count, spoken};

/// Operations that the page lists.
const ROWS: i64 = 100;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/operations", Need::whole(Role::Viewer), page);
    watch::routes(preview::routes(choose::routes(routes)))
}

async fn page(State(console): State<Console>, frame: Frame) -> Result<Markup, PageProblem> {
    let operations = console.store().operations(console.org(), None, ROWS).await?;
    let now = Utc::now();
    let content = html! {
        @if operations.is_empty() {
            div.empty {
                p { strong { "No operation was asked for yet." } }
                p { "An operation changes many users at once. Begin with " a href="/users" { "Users" } ": filter, tick rows, and choose what to change. Nothing happens before you have seen a preview." }
            }
        } @else {
            div.scroll tabindex="0" { table.rows {
                caption.hidden { "Operations" }
                thead { tr { th scope="col" { "Operation" } th scope="col" { "State" } th scope="col" { "Users" } th scope="col" { "Asked by" } th scope="col" { "When" } } }
                tbody { @for one in &operations { tr {
                    th scope="row" { a.open href={ "/operations/" (one.operation_id) } { (action_words(&one.action, None)) } }
                    td data-title="State" { span.state { (spoken(one.state.as_str())) } @if let Some(why) = &one.waits_for { div.faint { (why) } } }
                    td data-title="Users" { (came_to(one)) }
                    td data-title="Asked by" { bdi { (one.requested_by) } }
                    td data-title="When" { (ago(one.requested_at, now)) }
                } } }
            } }
        }
    };
    Ok(frame.page(Place::Operations, "Operations", content))
}

/// `3 done, 1 failed of 12`.
fn came_to(operation: &OperationView) -> String {
    let parts = states(&operation.items).into_iter().filter(|(_, number)| *number > 0);
    let parts: Vec<String> = parts.map(|(state, number)| format!("{} {state}", count(number))).collect();
    if parts.is_empty() { "nobody".to_owned() } else { parts.join(", ") }
}

fn states(items: &Counts) -> [(&'static str, i64); 7] {
    [
        ("waiting", items.pending),
        ("being changed", items.running),
        ("done", items.done),
        ("already so", items.already_so),
        ("skipped", items.skipped),
        ("failed", items.failed),
        ("to be read back", items.unknown),
    ]
}

/// What an action does, with a capital at its start.
pub(super) fn action_words(action: &Action, group: Option<&str>) -> String {
    let words = action.in_words(group);
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
