//! One group: who is in it, what it gives them, who may change it.

use axum::extract::{Path, State};
use chrono::Utc;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::filter::{Condition, Expression, Filter, GroupRef};
use orgmirror_domain::ids::GroupId;
use orgmirror_domain::listing::{Direction, UserSort};
use orgmirror_store::browse::Place as Position;
use orgmirror_store::browse::changes::Changes;
use orgmirror_store::browse::groups::{Grant, GroupRow};
use orgmirror_store::browse::users::{UserList, UserQuery};

use super::changes::history;
use super::users::Address;
use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::words::{ago, count, name, product, spoken};

/// Members that the page names; the list of users has them all.
const MEMBERS: usize = 20;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/groups/{group}", Need::whole(Role::Viewer), page)
}

async fn page(State(console): State<Console>, frame: Frame, Path(group): Path<String>) -> Result<Markup, PageProblem> {
    let id = GroupId::parse(&group).ok_or_else(|| Problem::not_found(format!("there is no group {group}")))?;
    let (store, org, now) = (console.store(), console.org(), Utc::now());
    let group = store.group_row(org, id).await?;
    let grants = store.group_grants(org, id).await?;
    let filter = Filter(Some(Expression::Is(Condition::Group(vec![GroupRef::Id(id)]))));
    let query = UserQuery { filter: filter.clone(), sort: UserSort::Name, direction: Direction::Ascending };
    let members = store.user_list(org, &query, &Position::Start, MEMBERS).await?;
    let changes = store.changes(org, Changes::Group(id), None, None, 20).await?;
    let title = group.name.clone().unwrap_or_else(|| group.group_id.clone());
    let content = html! {
        p.crumbs { a href="/groups" { "Groups" } " / " (name(group.name.as_deref())) }
        p.lead {
            (count(members.window.total)) " members"
            @if group.scim_managed { " · " span.badge { "SCIM" } " kept by the identity provider: change its members there" }
            " · fresh as of " (ago(group.fresh_as_of, now))
        }
        (differs(&group, &members))
        @if let Some(text) = group.description.as_deref().filter(|text| !text.trim().is_empty()) { p { bdi { (text) } } }
        div.two {
            section { h2 { "What it grants" } (granted(&grants)) }
            section { h2 { "Facts" } (facts(&group)) }
        }
        section { h2 { "Members" } (named(&members, &filter)) }
        section { h2 { "History" } (history(&changes, false, now)) }
    };
    Ok(frame.page(Place::Groups, &title, content))
}

/// A number that may be wrong says so.
fn differs(group: &GroupRow, members: &UserList) -> Markup {
    let listed = members.window.total;
    html! {
        @if let Some(reported) = group.members.filter(|reported| usize::try_from(*reported).is_ok_and(|reported| reported != listed)) {
            p.note { "The API reports " (count(reported)) " members and lists " (count(listed)) ". The list is what counts here; a full sync looks at the difference." }
        }
    }
}

fn granted(grants: &[Grant]) -> Markup {
    html! {
        @if grants.is_empty() { p.faint { "No role on any product." } } @else {
            div.scroll tabindex="0" { table {
                thead { tr { th scope="col" { "Product" } th scope="col" { "Site" } th scope="col" { "Role" } } }
                tbody { @for grant in grants { tr {
                    th scope="row" { @match grant.owner.as_deref() { Some(owner) => (product(owner)), None => span.code { (grant.resource_id) } } }
                    td { (grant.site.as_deref().unwrap_or("–")) }
                    td { (spoken(&grant.role)) }
                } } }
            } }
        }
    }
}

fn facts(group: &GroupRow) -> Markup {
    html! {
        dl.facts {
            dt { "Group id" } dd.code { (group.group_id) }
            dt { "Directory" } dd { (group.directory.as_deref().unwrap_or("not told")) }
            dt { "Managed by" } dd { (group.managed_by.as_deref().map(spoken).unwrap_or_else(|| "not told".to_owned())) }
            dt { "Members, as the API reports" } dd { @match group.members { Some(members) => (count(members)), None => "not told" } }
        }
    }
}

fn named(members: &UserList, filter: &Filter) -> Markup {
    let all = Address::of(&filter.to_string());
    html! {
        @if members.users.is_empty() { p.faint { "Nobody is in this group." } } @else {
            div.scroll tabindex="0" { table.rows {
                thead { tr { th scope="col" { "Name" } th scope="col" { "E-mail" } th scope="col" { "Status" } } }
                tbody { @for user in &members.users { tr {
                    th scope="row" { a.open href={ "/users/" (user.account_id) } { (name(user.name.as_deref())) } }
                    td { @if let Some(email) = &user.email { bdi { (email) } } }
                    td { (user.status.as_deref().map(spoken).unwrap_or_default()) }
                } } }
            } }
            p { a href=(all) { "All " (count(members.window.total)) " members as a list" } }
        }
    }
}
