//! Users: any filter as text and as menus, any order, pages with a stable position, a selection that leads to an operation.

mod address;
mod menus;
mod narrow;
pub(in crate::pages) mod opened;
mod table;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::{Form, Query};
use chrono::Utc;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::filter::{Filter, FilterError};
use orgmirror_domain::name::{Name, NoName};
use orgmirror_store::StoreError;
use orgmirror_store::browse::users::{UserList, UserQuery};
use orgmirror_store::filter::saved::SavedFilter;
use serde::Deserialize;

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::words::count;

pub(crate) use address::Address;
pub(crate) use narrow::narrowed;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/users", Need::by_site(Role::Viewer), page);
    let routes = routes.get("/users/{account}/row", Need::by_site(Role::Viewer), opened::row);
    let routes = routes.post("/filters", Need::whole(Role::Operator), save_filter);
    routes.post("/filters/delete", Need::whole(Role::Operator), delete_filter)
}

/// What a list could not be made of, told where it stands.
enum Shown {
    List(UserList),
    Unread(FilterError),
    Unknown(String),
}

async fn page(
    State(console): State<Console>,
    frame: Frame,
    Query(address): Query<Address>,
    Query(added): Query<menus::Added>,
) -> Result<Response, PageProblem> {
    if let Some(text) = added.merged(&address.q) {
        return Ok(Redirect::to(&address.with_filter(&text).to_string()).into_response());
    }
    let (store, org) = (console.store(), console.org());
    let (filter, shown) = match address.q.parse::<Filter>() {
        Err(error) => (Filter::default(), Shown::Unread(error)),
        Ok(filter) => {
            let query = UserQuery {
                filter: narrowed(&frame.visitor.rights.sites, filter.clone()),
                sort: address.sort(),
                direction: address.direction(),
            };
            let shown = match store.user_list(org, &query, &address.place(), address.limit()).await {
                Ok(list) => Shown::List(list),
                Err(error @ StoreError::UnknownName { .. }) => Shown::Unknown(error.to_string()),
                Err(error) => return Err(error.into()),
            };
            (filter, shown)
        }
    };
    let everybody = store.user_count(org, &narrowed(&frame.visitor.rights.sites, Filter::default())).await?;
    let saved = store.saved_filters(org).await?;
    let places = store.product_places(org).await?;
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    let content = html! {
        (search(&address, &saved, may_operate))
        div #list {
            (menus::bar(&address, &filter, &places))
            @match &shown {
                Shown::List(list) => (table::list(&address, &filter, list, everybody, may_operate, Utc::now())),
                Shown::Unread(error) => (mistake(error)),
                Shown::Unknown(problem) => { p.wrong role="alert" { (capital(problem)) "." } p.faint { "Correct the filter, or " a href="/users" { "show everybody" } "." } }
            }
        }
    };
    Ok(frame.page(Place::Users, "Users", content).into_response())
}

/// The filter as text; typing replaces the list below it.
fn search(address: &Address, saved: &[SavedFilter], may_operate: bool) -> Markup {
    html! {
        div.search {
            form #search method="get" action="/users" role="search"
                hx-get="/users" hx-target="#list" hx-select="#list" hx-swap="outerHTML" hx-push-url="true" hx-sync="this:replace"
                hx-trigger="submit, input changed delay:250ms from:#q" {
                label.hidden for="q" { "Filter" }
                input #q type="search" name="q" value=(address.q) autocomplete="off" spellcheck="false" autocapitalize="off"
                    placeholder="A name, an address, or a filter: product:confluence inactive>90d" aria-describedby="filter-help";
                (address.hidden_but_filter())
                button.plain type="submit" { "Search" }
            }
            details.menu {
                summary { "Saved filters" }
                div.sheet {
                    @if saved.is_empty() { p.faint { "None yet. A saved filter has a name and can be used by tasks and the command line." } }
                    ul.plain-list {
                        @for filter in saved {
                            li { a href=(address.with_filter(&filter.expression)) { (filter.name) } span.faint { " " (filter.expression) } }
                        }
                    }
                    @if may_operate {
                        form.line method="post" action="/filters" {
                            input type="hidden" name="expression" value=(address.q);
                            label for="filter-name" { "Save this filter as" }
                            input #filter-name name="name" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9_.\\-]*";
                            button.plain type="submit" { "Save" }
                        }
                        @if !saved.is_empty() {
                            form.line method="post" action="/filters/delete" {
                                label for="filter-gone" { "Forget" }
                                select #filter-gone name="name" { @for filter in saved { option { (filter.name) } } }
                                button.plain type="submit" { "Forget" }
                            }
                        }
                    }
                }
            }
        }
        p #filter-help .hidden { "Conditions side by side must all hold. Help explains the words." }
    }
}

/// The text with its mistake underlined, and what would fit there.
fn mistake(error: &FilterError) -> Markup {
    let (before, rest) = error.text.split_at(error.place.start.min(error.text.len()));
    let (wrong, after) = rest.split_at(error.place.len().min(rest.len()));
    html! {
        div.mistake role="alert" {
            p { strong { (quoted(&capital(&error.problem))) "." } " Expected " (quoted(&error.expected)) "." }
            p.code { (before) mark { @if wrong.is_empty() { "\u{2038}" } @else { (wrong) } } (after) }
            p { a href="/help#filters" { "How filters are written" } }
        }
    }
}

/// Text whose words between backticks are code.
fn quoted(text: &str) -> Markup {
    html! { @for (position, part) in text.split('`').enumerate() { @if position % 2 == 1 { code { (part) } } @else { (part) } } }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    expression: String,
}

async fn save_filter(
    State(console): State<Console>,
    visitor: Visitor,
    Form(named): Form<Named>,
) -> Result<Redirect, PageProblem> {
    let filter: Filter = named.expression.parse::<Filter>().map_err(Problem::from)?;
    let name: Name = named.name.parse().map_err(|error: NoName| Problem::unfit(error.to_string()))?;
    console.store().save_filter(console.org(), name.as_str(), &filter, &visitor.actor()).await?;
    Ok(Redirect::to(&Address::of(&filter.to_string()).to_string()))
}

async fn delete_filter(
    State(console): State<Console>,
    visitor: Visitor,
    Form(named): Form<Named>,
) -> Result<Redirect, PageProblem> {
    console.store().delete_filter(console.org(), &named.name, &visitor.actor()).await?;
    Ok(Redirect::to("/users"))
}

/// `1,284 of 120,000 users`.
fn of_everybody(total: usize, everybody: usize) -> Markup {
    html! { @if total == everybody { (count(total)) " users" } @else { (count(total)) " of " (count(everybody)) " users" } }
}
