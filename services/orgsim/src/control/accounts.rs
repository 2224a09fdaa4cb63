//! Exact changes of accounts.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::account_patch::Patch;
use super::{Problem, apply, read_body};
use crate::account::{Account, Membership};
use crate::group::parse_group_id;
use crate::org::Org;
use crate::role::{Role, RoleSet};
use crate::state::State;
use crate::timestamp::TODAY_MS;
use crate::truth::account_line;

/// `POST /_sim/accounts/{id}`: changes the account, or creates it.
pub(super) async fn put(Shared(state): Shared<Arc<State>>, Path(id): Path<String>, body: Bytes) -> Result<Response, Problem> {
    let patch: Patch = read_body(&body)?;
    apply(state, move |org| {
        let known = org.account_slot(&id).and_then(|slot| org.accounts.get(slot));
        let mut account = known.cloned().unwrap_or_else(|| Account::invited(&id, &id, TODAY_MS));
        let groups = patch.groups.as_deref().map(|ids| group_slots(org, ids)).transpose()?;
        patch.change(org, &mut account)?;
        if account.membership == Membership::None && groups.as_ref().is_some_and(|groups| !groups.is_empty()) {
            return Err(Problem::wrong("an account without membership can't be in groups"));
        }
        let slot = match org.account_slot(&id) {
            Some(slot) => {
                org.change_account(slot, |row| *row = account);
                slot
            }
            None => {
                account.sort_key = account.computed_sort_key();
                org.insert_account(account)
            }
        };
        if let Some(groups) = groups {
            set_groups(org, slot, &groups);
        }
        line(org, &id)
    })
}

/// `DELETE /_sim/accounts/{id}`
pub(super) async fn delete(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Result<Response, Problem> {
    apply(state, move |org| {
        let slot = find(org, &id)?;
        org.remove_account(slot);
        Ok("{}".to_owned())
    })
}

/// The body of the calls on product access.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ProductAccess {
    resource_id: String,
    last_active_timestamp: Option<DateTime<Utc>>,
    role: Option<String>,
}

/// `POST /_sim/accounts/{id}/product-access`: when it was last active there, and a role of its own if it has none yet or one is named.
pub(super) async fn give_access(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let wanted: ProductAccess = read_body(&body)?;
    apply(state, move |org| {
        let slot = find(org, &id)?;
        let resource = super::groups::resource(org, &wanted.resource_id)?;
        let named = wanted.role.as_deref().map(super::groups::role).transpose()?;
        let access = org.accounts.get(slot).map(|account| crate::access::Access::of(account, &org.groups));
        let has = access.is_some_and(|access| access.iter().any(|at| at.resource == resource));
        let role = named.or((!has).then_some(Role::User));
        let at_ns = wanted.last_active_timestamp.and_then(|at| at.timestamp_nanos_opt());
        org.change_account(slot, |account| {
            account.activity.retain(|activity| activity.resource != resource);
            if let Some(at_ns) = at_ns {
                account.set_active_at(resource, at_ns);
            }
            if let Some(role) = role {
                account.set_direct(resource, account.direct_on(resource).with(role));
            }
        });
        line(org, &id)
    })
}

/// `DELETE /_sim/accounts/{id}/product-access`: takes its own roles there away; those of groups stay.
pub(super) async fn take_access(
    Shared(state): Shared<Arc<State>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let wanted: ProductAccess = read_body(&body)?;
    apply(state, move |org| {
        let slot = find(org, &id)?;
        let resource = super::groups::resource(org, &wanted.resource_id)?;
        org.change_account(slot, |account| account.set_direct(resource, RoleSet::default()));
        line(org, &id)
    })
}

/// The slot of an account.
pub(super) fn find(org: &Org, id: &str) -> Result<u32, Problem> {
    org.account_slot(id).ok_or_else(|| Problem::missing(format!("there is no account {id}")))
}

/// The account as the truth shows it.
pub(super) fn line(org: &Org, id: &str) -> Result<String, Problem> {
    let slot = find(org, id)?;
    Ok(org.accounts.get(slot).map(|account| account_line(org, account)).unwrap_or_default())
}

fn group_slots(org: &Org, ids: &[String]) -> Result<Vec<u32>, Problem> {
    let slot = |id: &String| parse_group_id(id).and_then(|id| org.group_slot(id));
    ids.iter().map(|id| slot(id).ok_or_else(|| Problem::missing(format!("there is no group {id}")))).collect()
}

fn set_groups(org: &mut Org, account: u32, groups: &[u32]) {
    let present = org.accounts.get(account).map(|account| account.groups.clone()).unwrap_or_default();
    for left in present.into_iter().filter(|group| !groups.contains(group)) {
        org.leave(account, left);
    }
    for joined in groups {
        org.join(account, *joined);
    }
}
