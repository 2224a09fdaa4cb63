//! Groups: found by name, ordered, paged.

use axum::extract::State;
use axum_extra::extract::Query;
use chrono::Utc;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::listing::{Direction, GroupSort};
use orgmirror_store::browse::Place as Position;
use orgmirror_store::browse::groups::{GroupList, GroupQuery, GroupRow};
use serde::{Deserialize, Serialize};

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;
use crate::words::{ago, count, name};

/// Rows of a page.
const ROWS: usize = 50;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/groups", Need::whole(Role::Viewer), page)
}

/// The state of the list.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Address {
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    /// `scim`, `own`: by who manages them.
    #[serde(skip_serializing_if = "String::is_empty")]
    by: String,
    /// `some`, `none`: by whether they grant a role.
    #[serde(skip_serializing_if = "String::is_empty")]
    grants: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sort: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    dir: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    after: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    at: String,
}

impl Address {
    fn query(&self) -> GroupQuery {
        let either = |word: &str, yes: &str, no: &str| if word == yes { Some(true) } else { (word == no).then_some(false) };
        GroupQuery {
            name: self.q.trim().to_owned(),
            scim: either(&self.by, "scim", "own"),
            grants: either(&self.grants, "some", "none"),
            sort: self.sort.parse().unwrap_or(GroupSort::Name),
            direction: self.dir.parse().unwrap_or(Direction::Ascending),
        }
    }

    fn position(&self) -> Position {
        let at = self.at.parse().unwrap_or_default();
        if !self.after.is_empty() {
            Position::After { id: self.after.clone(), at }
        } else if !self.before.is_empty() {
            Position::Before { id: self.before.clone(), at }
        } else {
            Position::Start
        }
    }

    fn first_page(&self) -> Self {
        Self { after: String::new(), before: String::new(), at: String::new(), ..self.clone() }
    }

    fn link(&self) -> String {
        format!("/groups?{}", serde_html_form::to_string(self).unwrap_or_default())
    }
}

async fn page(State(console): State<Console>, frame: Frame, Query(address): Query<Address>) -> Result<Markup, PageProblem> {
    let list = console.store().group_list(console.org(), &address.query(), &address.position(), ROWS).await?;
    let content = html! {
        form #search .search method="get" action="/groups" role="search"
            hx-get="/groups" hx-target="#list" hx-select="#list" hx-swap="outerHTML" hx-push-url="true" hx-sync="this:replace"
            hx-trigger="submit, input changed delay:250ms from:#q, change" {
            label.hidden for="q" { "Part of the name" }
            input #q type="search" name="q" value=(address.q) placeholder="Part of the name" autocomplete="off" spellcheck="false" maxlength="255";
            label.hidden for="by" { "Managed by" }
            select #by name="by" { @for (word, title) in [("", "Managed by anybody"), ("scim", "By the identity provider"), ("own", "Here")] { option value=(word) selected[address.by == word] { (title) } } }
            label.hidden for="grants" { "Grants" }
            select #grants name="grants" { @for (word, title) in [("", "Granting or not"), ("some", "Grants a role"), ("none", "Grants nothing")] { option value=(word) selected[address.grants == word] { (title) } } }
            input type="hidden" name="sort" value=(address.sort);
            input type="hidden" name="dir" value=(address.dir);
            button.plain type="submit" { "Search" }
        }
        div #list { (rows(&address, &list)) }
    };
    Ok(frame.page(Place::Groups, "Groups", content))
}

fn rows(address: &Address, list: &GroupList) -> Markup {
    let now = Utc::now();
    html! {
        p.total role="status" { (count(list.window.total)) " groups" span.faint { " · as of " (ago(list.window.as_of, now)) } }
        @if list.groups.is_empty() {
            div.empty { p { strong { "No group matches." } } p { a href="/groups" { "Show all groups" } } }
        } @else {
            div.scroll tabindex="0" { table.rows {
                caption.hidden { "Groups" }
                thead { tr {
                    (heading(address, "Name", GroupSort::Name, false))
                    th scope="col" { "Directory" }
                    (heading(address, "Members", GroupSort::Members, true))
                    (heading(address, "Grants roles on", GroupSort::Resources, true))
                } }
                tbody { @for group in &list.groups { (row(group)) } }
            } }
            (pages(address, list))
        }
    }
}

fn row(group: &GroupRow) -> Markup {
    html! {
        tr {
            th scope="row" {
                a.open href={ "/groups/" (group.group_id) } { (name(group.name.as_deref())) }
                @if group.scim_managed { " " span.badge title="Kept by the identity provider: read-only here" { "SCIM" } }
                @if let Some(text) = group.description.as_deref().filter(|text| !text.trim().is_empty()) { div.faint.one-line { bdi { (text) } } }
            }
            td data-title="Directory" { (group.directory.as_deref().unwrap_or("–")) }
            td.number data-title="Members" { @match group.members { Some(members) => (count(members)), None => "–" } }
            td.number data-title="Grants roles on" { @match group.resources.unwrap_or_default() { 0 => span.faint { "nothing" }, number => (count(number)) } }
        }
    }
}

fn heading(address: &Address, title: &str, sort: GroupSort, is_number: bool) -> Markup {
    let query = address.query();
    let current = (query.sort == sort).then_some(query.direction);
    // People look for the largest first.
    let first = if sort == GroupSort::Name { Direction::Ascending } else { Direction::Descending };
    let next = match current {
        Some(Direction::Ascending) => Direction::Descending,
        Some(Direction::Descending) => Direction::Ascending,
        None => first,
    };
    let (state, arrow) = match current {
        Some(Direction::Ascending) => (Some("ascending"), " \u{2191}"),
        Some(Direction::Descending) => (Some("descending"), " \u{2193}"),
        None => (None, ""),
    };
    let link = Address { sort: sort.to_string(), dir: next.to_string(), ..address.first_page() }.link();
    html! { th scope="col" aria-sort=[state] .number[is_number] { a.sort href=(link) { (title) span aria-hidden="true" { (arrow) } } } }
}

fn pages(address: &Address, list: &GroupList) -> Markup {
    let window = list.window;
    let to = |after: Option<&GroupRow>, before: Option<&GroupRow>, at: usize| {
        let id = |group: Option<&GroupRow>| group.map(|group| group.group_id.clone()).unwrap_or_default();
        Address { after: id(after), before: id(before), at: at.to_string(), ..address.first_page() }.link()
    };
    html! {
        nav.pages aria-label="Pages" {
            @if window.has_before() { a rel="prev" href=(to(None, list.groups.first(), window.first)) { "Previous" } }
            span { (count(window.first + 1)) "–" (count(window.first + window.rows)) " of " (count(window.total)) }
            @if window.has_after() { a rel="next" href=(to(list.groups.last(), None, window.first + window.rows)) { "Next" } }
        }
    }
}
