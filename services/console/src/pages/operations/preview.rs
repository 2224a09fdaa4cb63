//! Second step: what would happen, to whom, by which call; and the confirmation of exactly that.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{AccountId, OperationId};
use orgmirror_store::operation::preview::{Outlook, Preview, PreviewItem};
use orgmirror_store::operation::request::Wanted;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::action_words;
use super::choose::{Chosen, Understood, Wish, form};
use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::words::{count, counted, name};

/// From so many changes on, the number is typed.
const TYPED_FROM: usize = 20;
/// Users that each group of the preview names.
const NAMED: usize = 200;

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes.post("/operations/preview", Need::whole(Role::Operator), page);
    routes.post("/operations", Need::whole(Role::Operator), confirm)
}

/// What was shown, and what confirms it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Confirmed {
    /// Makes a second click the same request.
    id: Uuid,
    /// Digest of the list that was shown.
    list: String,
    /// The number that was typed.
    number: String,
}

async fn page(State(console): State<Console>, frame: Frame, form: Bytes) -> Result<Markup, PageProblem> {
    let (chosen, wish): (Chosen, Wish) = (part(&form)?, part(&form)?);
    shown(&console, &frame, &chosen, &wish, None).await
}

async fn confirm(State(console): State<Console>, frame: Frame, form: Bytes) -> Result<Response, PageProblem> {
    let (chosen, wish, asked): (Chosen, Wish, Confirmed) = (part(&form)?, part(&form)?, part(&form)?);
    let (store, org, limits) = (console.store(), console.org(), &console.settings().limits);
    let Understood::Action(action, _) = wish.understood(store, org).await? else {
        return Ok(shown(&console, &frame, &chosen, &wish, None).await?.into_response());
    };
    let accounts = chosen.accounts(store, org, limits.max_items).await?;
    let preview = store.preview_operation(org, &action, &accounts, limits).await?;
    let problem = if digest(&accounts) != asked.list {
        Some("The selection is another one by now. This is what it is; nothing was changed.")
    } else if preview.writes >= TYPED_FROM && asked.number.replace([',', ' '], "") != preview.writes.to_string() {
        Some("The number that was typed is not the number of changes. Nothing was changed.")
    } else {
        None
    };
    if problem.is_some() {
        return Ok(shown(&console, &frame, &chosen, &wish, problem).await?.into_response());
    }
    let wanted = Wanted {
        id: OperationId(asked.id),
        action,
        accounts,
        requested_by: frame.visitor.name.clone(),
        filter: chosen.filter()?,
    };
    store.request_operation(org, &wanted, limits).await?;
    Ok(Redirect::to(&format!("/operations/{}", wanted.id)).into_response())
}

/// The fields of a form that a part of it is about.
pub(in crate::pages) fn part<T: serde::de::DeserializeOwned>(form: &Bytes) -> Result<T, Problem> {
    serde_html_form::from_bytes(form).map_err(|error| Problem::unreadable(format!("the form cannot be read: {error}")))
}

async fn shown(
    console: &Console,
    frame: &Frame,
    chosen: &Chosen,
    wish: &Wish,
    problem: Option<&str>,
) -> Result<Markup, PageProblem> {
    let (store, org, limits) = (console.store(), console.org(), &console.settings().limits);
    let understood = wish.understood(store, org).await?;
    let Understood::Action(action, group) = &understood else {
        return Ok(frame.page(Place::Operations, "What to change", form(console, chosen, wish, Some(&understood)).await?));
    };
    let accounts = chosen.accounts(store, org, limits.max_items).await?;
    let preview = store.preview_operation(org, action, &accounts, limits).await?;
    let content = html! {
        p.crumbs { a href="/users" { "Users" } " / Select \u{2192} Choose \u{2192} " strong { "Preview" } " \u{2192} Watch" }
        @if let Some(problem) = problem { p.wrong role="alert" { (problem) } }
        (sentence(action, group.as_deref(), &preview))
        (cost(&preview))
        @if preview.writes > 0 && !preview.too_large { (confirmation(chosen, wish, &accounts, &preview)) }
        (outcomes(&preview))
    };
    Ok(frame.page(Place::Operations, "Preview", content))
}

fn sentence(action: &Action, group: Option<&str>, preview: &Preview) -> Markup {
    html! {
        p.sentence {
            (action_words(action, group)) ": "
            strong { (counted(preview.writes as i64, "user")) } " would be changed"
            @if preview.writes == 0 { ", so there is nothing to do" }
            "."
        }
    }
}

/// What it costs, and what comes before and after.
fn cost(preview: &Preview) -> Markup {
    html! {
        dl.figures {
            div { dt { "Calls that change something" } dd { (count(preview.writes)) } }
            div { dt { "Calls that read first" } dd { (count(preview.reads_before)) } }
            div { dt { "Calls that look afterwards" } dd { (count(preview.reads_after)) } }
        }
        p.faint { "Each user is read anew before they are changed; who needs no change by then is left alone." }
        @if preview.too_large { p.wrong role="alert" { "This is more than one operation may change. Narrow the selection, or raise ORGMIRROR_OPERATION__MAX_ITEMS." } }
        @if preview.needs_approval { p.note { "A second person has to approve this list before anything happens." } }
    }
}

fn confirmation(chosen: &Chosen, wish: &Wish, accounts: &[AccountId], preview: &Preview) -> Markup {
    html! {
        form.confirm method="post" action="/operations" {
            (chosen.carried()) (wish.carried())
            input type="hidden" name="id" value=(Uuid::now_v7());
            input type="hidden" name="list" value=(digest(accounts));
            @if preview.writes >= TYPED_FROM {
                label for="number" { "Type " strong { (preview.writes) } " to confirm so many changes" }
                input #number name="number" inputmode="numeric" autocomplete="off" required pattern="[0-9, ]+";
            }
            button.danger type="submit" { @if preview.needs_approval { "Ask for approval of " } @else { "Change " } (counted(preview.writes as i64, "user")) }
            a.plain href="/users" { "Leave it" }
        }
    }
}

/// Grouped by what would become of each.
fn outcomes(preview: &Preview) -> Markup {
    let will: Vec<_> = preview.items.iter().filter(|item| matches!(item.outlook, Outlook::Call { .. })).collect();
    let so: Vec<_> = preview.items.iter().filter(|item| matches!(item.outlook, Outlook::AlreadySo)).collect();
    let mut reasons: Vec<(&'static str, Vec<&PreviewItem>)> = Vec::new();
    for item in &preview.items {
        let Outlook::Skipped { reason } = item.outlook else { continue };
        match reasons.iter_mut().find(|(words, _)| *words == reason.in_words()) {
            Some((_, items)) => items.push(item),
            None => reasons.push((reason.in_words(), vec![item])),
        }
    }
    html! {
        (outcome("Will change", None, &will, true))
        @for (reason, items) in &reasons { (outcome("Skipped", Some(reason), items, true)) }
        (outcome("Already so", None, &so, false))
    }
}

fn outcome(title: &str, reason: Option<&str>, items: &[&PreviewItem], open: bool) -> Markup {
    html! {
        @if !items.is_empty() {
            details.outcome open[open] {
                summary { h2 { (title) " " span.faint { (count(items.len())) } } @if let Some(reason) = reason { span { (reason) } } }
                div.scroll tabindex="0" { table.rows {
                    thead { tr { th scope="col" { "User" } th scope="col" { "E-mail" } th scope="col" { "Call" } } }
                    tbody { @for item in items.iter().take(NAMED) { tr {
                        th scope="row" { a href={ "/users/" (item.account_id) } { (name(item.name.as_deref())) } }
                        td { @if let Some(email) = &item.email { bdi { (email) } } @else { span.code { (item.account_id) } } }
                        td.call { @if let Outlook::Call { call } = &item.outlook { span.code { (call.in_words()) } } @else { span.faint { "none" } } }
                    } } }
                } }
                @if items.len() > NAMED { p.faint { "and " (count(items.len() - NAMED)) " more like these." } }
            }
        }
    }
}

/// Names a list of accounts: what is confirmed is what was shown.
fn digest(accounts: &[AccountId]) -> String {
    let mut hash = Sha256::new();
    for account in accounts {
        hash.update(account.as_str());
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
