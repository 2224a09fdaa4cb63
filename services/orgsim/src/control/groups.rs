//! Exact changes of groups, their members and what they grant.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::response::Response;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::accounts::{find as find_account, line as account_line};
use super::{Problem, apply, read_body};
use crate::group::{Grant, Group, ManagedBy, parse_group_id};
use crate::org::Org;
use crate::role::{Role, RoleSet};
use crate::state::State;
use crate::truth::group_line;

/// What to change; absent stays, a null description clears it. The directory is chosen when the group is created.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Patch {
    name: Option<String>,
    #[serde(deserialize_with = "present")]
    description: Option<Option<String>>,
    directory_id: Option<String>,
    managed_by: Option<String>,
    external_synced: Option<bool>,
}

/// Tells null from absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `POST /_sim/groups/{id}`: changes the group, or creates it.
pub(super) async fn put(Shared(state): Shared<Arc<State>>, Path(id): Path<String>, body: Bytes) -> Result<Response, Problem> {
    let patch: Patch = read_body(&body)?;
    let id = parse_group_id(&id).ok_or_else(|| Problem::wrong(format!("a group's id is a UUID, not {id}")))?;
    apply(state, move |org| {
        let managed_by = patch.managed_by()?;
        let directory = patch.directory(org)?;
        let slot = match org.group_slot(id) {
            Some(slot) => {
                let present = org.groups.get(slot).map(|group| group.directory);
                if directory.is_some() && directory != present {
                    return Err(Problem::wrong("a group can't change its directory; delete it and create another"));
                }
                slot
            }
            None => {
                org.insert_group(Group::new(id, &format!("group-{id}"), None, directory.unwrap_or_default(), ManagedBy::Admins))
            }
        };
        org.change_group(slot, |group| {
            if let Some(name) = patch.name {
                group.name = name.into();
            }
            if let Some(description) = patch.description {
                group.description = description.map(Into::into);
            }
            group.managed_by = managed_by.unwrap_or(group.managed_by);
        });
        line(org, id)
    })
}

/// `DELETE /_sim/groups/{id}`
pub(super) async fn delete(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Result<Response, Problem> {
    apply(state, move |org| {
        let (slot, _) = find(org, &id)?;
        org.remove_group(slot);
        Ok("{}".to_owned())
    })
}

/// `POST /_sim/groups/{id}/members/{accountId}`: the account joins the group's directory too, if it is not there.
pub(super) async fn add_member(
    Shared(state): Shared<Arc<State>>,
    Path((id, account)): Path<(String, String)>,
) -> Result<Response, Problem> {
    apply(state, move |org| {
        let (group, member) = (find(org, &id)?.0, find_account(org, &account)?);
        org.join(member, group);
        account_line(org, &account)
    })
}

/// `DELETE /_sim/groups/{id}/members/{accountId}`
pub(super) async fn remove_member(
    Shared(state): Shared<Arc<State>>,
    Path((id, account)): Path<(String, String)>,
) -> Result<Response, Problem> {
    apply(state, move |org| {
        let (group, member) = (find(org, &id)?.0, find_account(org, &account)?);
        if !org.leave(member, group) {
            return Err(Problem::missing(format!("{account} is not in {id}")));
        }
        account_line(org, &account)
    })
}

/// The body of the calls on grants. Without a role, `DELETE` takes all of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Change {
    resource_id: String,
    role: Option<String>,
    #[serde(default)]
    default: bool,
}

/// `POST /_sim/groups/{id}/grants`
pub(super) async fn grant(Shared(state): Shared<Arc<State>>, Path(id): Path<String>, body: Bytes) -> Result<Response, Problem> {
    let wanted: Change = read_body(&body)?;
    apply(state, move |org| {
        let (slot, bare) = find(org, &id)?;
        let resource = resource(org, &wanted.resource_id)?;
        let role = wanted.role.as_deref().map_or(Ok(Role::User), role)?;
        org.change_group(slot, |group| {
            if group.granted_on(resource).is_none() {
                group.grants.push(Grant { resource, roles: RoleSet::default(), default_role: None });
            }
            for grant in group.grants.iter_mut().filter(|grant| grant.resource == resource) {
                grant.roles = grant.roles.with(role);
                grant.default_role = if wanted.default { Some(role) } else { grant.default_role };
            }
        });
        line(org, bare)
    })
}

/// `DELETE /_sim/groups/{id}/grants`
pub(super) async fn revoke(Shared(state): Shared<Arc<State>>, Path(id): Path<String>, body: Bytes) -> Result<Response, Problem> {
    let wanted: Change = read_body(&body)?;
    apply(state, move |org| {
        let (slot, bare) = find(org, &id)?;
        let resource = resource(org, &wanted.resource_id)?;
        let role = wanted.role.as_deref().map(role).transpose()?;
        org.change_group(slot, |group| {
            for grant in group.grants.iter_mut().filter(|grant| grant.resource == resource) {
                grant.roles = role.map_or_else(RoleSet::default, |role| grant.roles.minus(RoleSet::of(role)));
                grant.default_role = grant.default_role.filter(|role| grant.roles.contains(*role));
            }
        });
        line(org, bare)
    })
}

/// The resource with this id.
pub(super) fn resource(org: &Org, id: &str) -> Result<u16, Problem> {
    org.catalog.resource_by_id(id).ok_or_else(|| Problem::missing(format!("there is no resource {id}")))
}

/// The role with this id.
pub(super) fn role(id: &str) -> Result<Role, Problem> {
    Role::parse(id).ok_or_else(|| Problem::wrong(format!("there is no role {id}")))
}

fn find(org: &Org, id: &str) -> Result<(u32, Uuid), Problem> {
    let found = parse_group_id(id).and_then(|bare| Some((org.group_slot(bare)?, bare)));
    found.ok_or_else(|| Problem::missing(format!("there is no group {id}")))
}

fn line(org: &Org, id: Uuid) -> Result<String, Problem> {
    let group = org.group_slot(id).and_then(|slot| org.groups.get(slot));
    group.map(|group| group_line(org, group)).ok_or_else(|| Problem::missing(format!("there is no group {id}")))
}

impl Patch {
    fn managed_by(&self) -> Result<Option<ManagedBy>, Problem> {
        let Some(word) = &self.managed_by else {
            return Ok(self.external_synced.map(|synced| if synced { ManagedBy::External } else { ManagedBy::Admins }));
        };
        let known = ManagedBy::ALL.into_iter().find(|managed_by| managed_by.word() == word);
        known.map(Some).ok_or_else(|| Problem::wrong(format!("managedBy can't be `{word}`")))
    }

    fn directory(&self, org: &Org) -> Result<Option<u8>, Problem> {
        let Some(id) = &self.directory_id else { return Ok(None) };
        org.catalog.directory_by_id(id).map(Some).ok_or_else(|| Problem::missing(format!("there is no directory {id}")))
    }
}
