//! One user: everything known, history, and the operations that touched them.

use axum::extract::{Path, State};
use chrono::Utc;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role, Sites};
use orgmirror_domain::ids::AccountId;
use orgmirror_store::StoreError;
use orgmirror_store::browse::changes::Changes;
use orgmirror_store::browse::user::{Touched, UserDetail};

use super::changes::history;
use super::operations::action_words;
use super::users::opened::{access_list, group_list};
use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::words::{ago, clock, name, spoken};

/// Changes that the page shows.
const CHANGES: i64 = 50;
/// Groups that it names; nobody reads more, and the filter finds the rest.
const GROUPS: i64 = 500;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/users/{account}", Need::by_site(Role::Viewer), page)
}

/// The user, if the visitor may see them: who may see only some sites sees who may use a product there.
pub(super) async fn seen_by(console: &Console, visitor: &Visitor, id: &AccountId) -> Result<UserDetail, Problem> {
    let user = console.store().user_detail(console.org(), id).await?;
    if let Sites::Only(sites) = &visitor.rights.sites {
        let access = console.store().user_access(&user).await?;
        let there = |resource: &str| sites.iter().any(|site| orgmirror_domain::ids::ResourceId::from(resource).site() == site);
        if !access.iter().any(|one| there(&one.resource_id)) {
            return Err(StoreError::NotFound { what: "user", id: id.to_string() }.into());
        }
    }
    Ok(user)
}

async fn page(State(console): State<Console>, frame: Frame, Path(account): Path<String>) -> Result<Markup, PageProblem> {
    let user = seen_by(&console, &frame.visitor, &AccountId::from(account)).await?;
    let (store, org, now) = (console.store(), console.org(), Utc::now());
    let access = store.user_access(&user).await?;
    let groups = store.user_groups(&user, GROUPS).await?;
    let changes = store.changes(org, Changes::Account(user.account_key), None, None, CHANGES).await?;
    let operations = store.user_operations(&user).await?;
    let title = user.name.clone().unwrap_or_else(|| user.account_id.clone());
    let may_operate = frame.visitor.rights.lack(Need::whole(Role::Operator)).is_none();
    let content = html! {
        p.crumbs { a href="/users" { "Users" } " / " (name(user.name.as_deref())) }
        @if let Some(left) = user.left_at { p.note.alarm { "Left the organisation, as seen " (ago(left, now)) ". What follows was the last known." } }
        p.lead {
            span class={ "state " (user.status.as_deref().unwrap_or("unknown")) } { (user.status.as_deref().map(spoken).unwrap_or_else(|| "Status unknown".to_owned())) }
            @if let Some(email) = &user.email { " · " bdi { (email) } }
            " · fresh as of " (ago(user.fresh_as_of, now))
        }
        @if may_operate && user.left_at.is_none() {
            form method="post" action="/operations/prepare" {
                input type="hidden" name="account" value=(user.account_id);
                button.plain type="submit" name="of" value="ticked" { "Change this user\u{2026}" }
            }
        }
        div.two {
            section { h2 { "Facts" } (facts(&user)) }
            section { h2 { "Access" } (access_list(&access, now)) }
        }
        section #groups { h2 { "Groups " span.faint { (groups.len()) } } (group_list(&groups, GROUPS as usize)) }
        section { h2 { "History" } (history(&changes, false, now)) }
        section { h2 { "Operations" } (touched(&operations, now)) }
    };
    Ok(frame.page(Place::Users, &title, content))
}

fn facts(user: &UserDetail) -> Markup {
    let yes = |fact: Option<bool>| fact.map(|fact| if fact { "Yes".to_owned() } else { "No".to_owned() });
    let text = |fact: &Option<String>| fact.clone();
    let roles = (!user.platform_roles.is_empty())
        .then(|| user.platform_roles.iter().map(|role| spoken(role)).collect::<Vec<_>>().join(", "));
    let rows: [(&str, Option<String>); 16] = [
        ("Account id", Some(user.account_id.clone())),
        ("Nickname", text(&user.nickname)),
        ("E-mail verified", yes(user.email_verified)),
        ("Kind of account", user.account_type.as_deref().map(spoken)),
        ("Account", user.account_status.as_deref().map(spoken)),
        ("Membership", user.membership_status.as_deref().map(spoken)),
        ("Claimed by the organisation", user.claim_status.as_deref().map(spoken)),
        ("Managed by", user.management_source.as_deref().map(spoken)),
        ("Two-step verification", yes(user.mfa_enabled)),
        ("Roles on the organisation", roles),
        ("Deletion scheduled", yes(user.for_deletion)),
        ("Job title", text(&user.job_title)),
        ("Department", text(&user.department)),
        ("Organisation", text(&user.organization)),
        ("Location", text(&user.location)),
        ("Time zone", text(&user.time_zone)),
    ];
    html! {
        dl.facts {
            @for (title, fact) in rows.iter().filter_map(|(title, fact)| fact.as_ref().map(|fact| (title, fact))) {
                dt { (title) } dd { bdi { (fact) } }
            }
            @if let Some(at) = user.added_to_org_at { dt { "Added" } dd { (clock(at)) } }
            @if let Some(at) = user.deactivated_at { dt { "Deactivated" } dd { (clock(at)) } }
        }
    }
}

fn touched(operations: &[Touched], now: chrono::DateTime<Utc>) -> Markup {
    html! {
        @if operations.is_empty() { p.faint { "No operation has touched this user." } } @else {
            div.scroll tabindex="0" { table {
                thead { tr { th scope="col" { "Operation" } th scope="col" { "Came to" } th scope="col" { "Asked by" } th scope="col" { "When" } } }
                tbody { @for one in operations { tr {
                    th scope="row" { a href={ "/operations/" (one.operation_id) } { (action_words(&one.action, one.group.as_deref())) } }
                    td { (spoken(one.state.as_str())) }
                    td { bdi { (one.requested_by) } }
                    td { (ago(one.requested_at, now)) }
                } } }
            } }
        }
    }
}
