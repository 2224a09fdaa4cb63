//! Third step: one operation, from its approval until Atlassian shows the result.

use axum::extract::{Path, State};
use axum::response::Redirect;
use axum_extra::extract::Form;
use chrono::Utc;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::ids::OperationId;
use orgmirror_domain::item::ItemState;
use orgmirror_domain::operation::{NoApproval, OperationState};
use orgmirror_store::StoreError;
use orgmirror_store::operation::view::{ItemView, OperationView};
use orgmirror_store::run::Moved;
use serde::Deserialize;
use uuid::Uuid;

use super::{action_words, states};
use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::words::{ago, count, counted, name, spoken};

/// Users that the page names; the download has all.
const ITEMS: usize = 300;

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/operations/{operation}", Need::whole(Role::Viewer), page);
    let routes = routes.get("/operations/{operation}/live", Need::whole(Role::Viewer), live);
    routes.post("/operations/{operation}", Need::whole(Role::Operator), act)
}

async fn shown(console: &Console, id: OperationId) -> Result<(OperationView, Vec<ItemView>, Option<String>), Problem> {
    let (store, org) = (console.store(), console.org());
    let key = store.operation_key(org, id).await?;
    let view = store.operations(org, Some(key), 1).await?.pop();
    let view = view.ok_or_else(|| Problem::from(StoreError::NotFound { what: "operation", id: id.to_string() }))?;
    let group = match view.action.group() {
        Some(group) => store.group_row(org, group).await.ok().and_then(|group| group.name),
        None => None,
    };
    Ok((view, store.operation_items(key).await?, group))
}

async fn page(State(console): State<Console>, frame: Frame, Path(id): Path<Uuid>) -> Result<Markup, PageProblem> {
    let (operation, items, group) = shown(&console, OperationId(id)).await?;
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    let content = html! {
        p.crumbs { a href="/operations" { "Operations" } " / Select \u{2192} Choose \u{2192} Preview \u{2192} " strong { "Watch" } }
        (region(&operation, &items, group.as_deref(), may_operate, &frame.visitor.name))
    };
    Ok(frame.page(Place::Operations, "Operation", content))
}

async fn live(State(console): State<Console>, frame: Frame, Path(id): Path<Uuid>) -> Result<Markup, PageProblem> {
    let (operation, items, group) = shown(&console, OperationId(id)).await?;
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    Ok(region(&operation, &items, group.as_deref(), may_operate, &frame.visitor.name))
}

/// All that moves. It asks for itself again until the operation has ended.
fn region(operation: &OperationView, items: &[ItemView], group: Option<&str>, may_operate: bool, visitor: &str) -> Markup {
    let now = Utc::now();
    let goes_on = !operation.state.has_ended();
    let address = format!("/operations/{}/live", operation.operation_id);
    let total = items.len();
    html! {
        div #live hx-get=[goes_on.then_some(address)] hx-trigger=[goes_on.then_some("every 2s")] hx-swap="outerHTML" {
            p.sentence role="status" { (action_words(&operation.action, group)) ". " (stands(operation)) }
            @if let Some(why) = &operation.waits_for { p.note { "Waits: " (why) @if let Some(until) = operation.waits_until { ". Given up " span title=(until.to_rfc3339()) { "at " (until.format("%H:%M UTC")) } " if nothing comes" } "." } }
            p.faint { "Asked for by " bdi { (operation.requested_by) } " " (ago(operation.requested_at, now)) @if let Some(by) = &operation.approved_by { ", approved by " bdi { (by) } } "." }
            dl.figures {
                @for (state, number) in states(&operation.items) { @if number > 0 { div { dt { (spoken(state)) } dd { (count(number)) } } } }
                @if operation.items.differing > 0 { div.alarm { dt { "Differ" } dd { (count(operation.items.differing)) } } }
            }
            @if may_operate { (buttons(operation, visitor)) }
            p { "Download: " a href={ "/api/v1/operations/" (operation.operation_id) "/items?format=csv" } download { "CSV" } ", " a href={ "/api/v1/operations/" (operation.operation_id) "/items?format=json" } download { "JSON" } }
            div.scroll tabindex="0" { table.rows {
                caption { "What came of " (counted(total as i64, "user")) }
                thead { tr { th scope="col" { "User" } th scope="col" { "State" } th scope="col" { "Why, or what Atlassian says" } th scope="col" { "Shown by Atlassian" } } }
                tbody { @for item in items.iter().take(ITEMS) { (row(item)) } }
            } }
            @if total > ITEMS { p.faint { "and " (count(total - ITEMS)) " more; the download has all." } }
        }
    }
}

fn stands(operation: &OperationView) -> &'static str {
    match operation.state {
        OperationState::Approval => "Waits for a second person's approval; nothing has happened.",
        OperationState::Running => "Users are read and changed, one call each.",
        OperationState::Checking => "Every call is made; Atlassian does not show every result yet.",
        OperationState::Settled if operation.items.failed > 0 => "Ended; some were refused.",
        OperationState::Settled => "Settled: Atlassian shows what was done.",
        OperationState::Differs => "Ended, and Atlassian shows something else for some.",
        OperationState::Cancelled => "Cancelled: what had not begun was not done.",
    }
}

fn row(item: &ItemView) -> Markup {
    html! {
        tr {
            th scope="row" { a.open href={ "/users/" (item.account_id) } { (name(item.name.as_deref())) } @if let Some(email) = &item.email { div.faint { bdi { (email) } } } }
            td data-title="State" { span class={ "state " @if item.state == ItemState::Failed || item.difference.is_some() { "alarm" } } { (spoken(item.state.as_str())) } }
            td data-title="Why" {
                @if let Some(reason) = item.reason { (reason.in_words()) }
                @if let Some(words) = &item.words { (words) }
                @if let Some(difference) = &item.difference { strong { (difference) } }
            }
            td data-title="Shown" { @match item.settled_at { Some(at) => (at.format("%H:%M:%S UTC")), None => "–" } }
        }
    }
}

fn buttons(operation: &OperationView, visitor: &str) -> Markup {
    let may_cancel = matches!(operation.state, OperationState::Approval | OperationState::Running);
    let own = operation.requested_by.trim().eq_ignore_ascii_case(visitor.trim());
    html! {
        div.acts {
            @if operation.state == OperationState::Approval {
                @if own { p.note { "You asked for this, so somebody else has to approve it." } } @else {
                    form method="post" action={ "/operations/" (operation.operation_id) } {
                        input type="hidden" name="act" value="approve"; input type="hidden" name="revision" value=(operation.revision);
                        button.danger type="submit" { "Approve this list" }
                    }
                }
            }
            @if may_cancel { form method="post" action={ "/operations/" (operation.operation_id) } { input type="hidden" name="act" value="cancel"; button.plain type="submit" { "Stop" } } }
            @if operation.items.failed > 0 && operation.state != OperationState::Running {
                form method="post" action={ "/operations/" (operation.operation_id) } { input type="hidden" name="act" value="retry"; button type="submit" { "Try " (count(operation.items.failed)) " failed again" } }
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
    frame: Frame,
    Path(id): Path<Uuid>,
    Form(asked): Form<Act>,
) -> Result<Redirect, PageProblem> {
    let store = console.store();
    let key = store.operation_key(console.org(), OperationId(id)).await?;
    let by = frame.visitor.actor();
    let refused = match asked.act.as_str() {
        "approve" => match store.approve_operation(key, &frame.visitor.name, asked.revision).await? {
            Ok(()) => None,
            Err(NoApproval::SamePerson) => Some("whoever asked for an operation cannot approve it"),
            Err(NoApproval::OtherList) => Some("the list has changed since it was shown; look at it again"),
            Err(NoApproval::NotAwaited) => Some("the operation does not wait for an approval any more"),
        },
        "cancel" => (store.cancel_operation(key, &by).await? == Moved::TooLate).then_some("there is nothing left to stop"),
        "retry" => {
            (store.retry_operation(key, &by).await? == 0).then_some("nothing of it failed, so there is nothing to try again")
        }
        _ => Some("an operation is approved, stopped or tried again"),
    };
    match refused {
        None => Ok(Redirect::to(&format!("/operations/{id}"))),
        Some(why) => Err(Problem::conflict(why).into()),
    }
}
