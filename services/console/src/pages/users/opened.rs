//! An opened row: groups and access, each with where it comes from.

use axum::extract::{Path, State};
use chrono::Utc;
use maud::{Markup, html};
use orgmirror_domain::ids::AccountId;
use orgmirror_store::browse::user::{AccessDetail, MemberOf};

use crate::Console;
use crate::pages::user::seen_by;
use crate::problem::PageProblem;
use crate::visitor::Visitor;
use crate::words::{ago, count, name, product, spoken};

/// Groups that an opened row names.
const GROUPS: i64 = 20;

pub(super) async fn row(
    State(console): State<Console>,
    visitor: Visitor,
    Path(account): Path<String>,
) -> Result<Markup, PageProblem> {
    let user = seen_by(&console, &visitor, &AccountId::from(account)).await?;
    let (store, now) = (console.store(), Utc::now());
    let access = store.user_access(&user).await?;
    let groups = store.user_groups(&user, GROUPS + 1).await?;
    Ok(html! {
        tr.opened { td colspan="12" {
            div.two {
                section aria-label="Access" { h3 { "Access" } (access_list(&access, now)) }
                section aria-label="Groups" { h3 { "Groups" } (group_list(&groups, GROUPS as usize)) @if groups.len() as i64 > GROUPS { p { a href={ "/users/" (user.account_id) "#groups" } { "All groups" } } } }
            }
        } }
    })
}

/// Products with the last activity and the source of the access.
pub(in crate::pages) fn access_list(access: &[AccessDetail], now: chrono::DateTime<Utc>) -> Markup {
    html! {
        @if access.is_empty() { p.faint { "May use no product." } } @else {
            div.scroll tabindex="0" { table {
                thead { tr { th scope="col" { "Product" } th scope="col" { "Site" } th scope="col" { "Last active" } th scope="col" { "By" } } }
                tbody { @for one in access { tr {
                    th scope="row" { (product(&one.product)) }
                    td { (one.site) }
                    td { @match one.last_active_at { Some(at) => (ago(at, now)), None => "never" } }
                    td { (source(one)) }
                } } }
            } }
        }
    }
}

/// Direct, or by which groups with which role.
fn source(access: &AccessDetail) -> Markup {
    html! {
        @if access.by_groups.is_empty() { span title="No group of this user grants a role there" { "direct" } }
        @for (position, by) in access.by_groups.iter().enumerate() {
            @if position > 0 { ", " }
            a href={ "/groups/" (by.group_id) } { (name(by.name.as_deref())) } span.faint { " (" (spoken(&by.role)) ")" }
        }
    }
}

pub(in crate::pages) fn group_list(groups: &[MemberOf], limit: usize) -> Markup {
    html! {
        @if groups.is_empty() { p.faint { "In no group." } }
        ul.plain-list {
            @for group in groups.iter().take(limit) {
                li {
                    a href={ "/groups/" (group.group_id) } { (name(group.name.as_deref())) }
                    @if group.scim_managed { " " span.badge title="Kept by the identity provider: read-only here" { "SCIM" } }
                    @if group.resources.unwrap_or_default() > 0 { span.faint { " grants roles on " (count(group.resources.unwrap_or_default())) } }
                    @if let Some(members) = group.members { span.faint { " · " (count(members)) " members" } }
                }
            }
        }
    }
}
