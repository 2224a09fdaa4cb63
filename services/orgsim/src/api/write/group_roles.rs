//! What a group grants its members.

use super::{Writing, licence_limit, required, resource, role_on};
use crate::api::refusal::Refusal;
use crate::api::response::Reply;
use crate::group::{Grant, Group};
use crate::org::Org;
use crate::role::{Role, RoleSet};

/// `POST .../groups/{groupId}/role-assignments/assign`
pub(super) fn assign(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, resource, role) = wanted(writing)?;
    let group = writing.org.groups.get(slot).ok_or_else(|| Refusal::no_group(&writing.request.id))?;
    let held = group.granted_on(resource).map_or_else(RoleSet::default, |grant| grant.roles);
    if held.contains(role) {
        return Ok(Reply::empty(200));
    }
    let takes_seats = RoleSet::SEATS.contains(role) && !held.meets(RoleSet::SEATS);
    if takes_seats && !writing.org.has_seats(resource, without_seat(writing.org, group, resource)) {
        return Err(licence_limit());
    }
    writing.org.change_group(slot, |group| match group.grants.iter_mut().find(|grant| grant.resource == resource) {
        Some(grant) => grant.roles = grant.roles.with(role),
        None => group.grants.push(Grant { resource, roles: RoleSet::of(role), default_role: None }),
    });
    Ok(Reply::empty(200))
}

/// `POST .../groups/{groupId}/role-assignments/revoke`. What is not granted can be revoked too.
pub(super) fn revoke(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, resource, role) = wanted(writing)?;
    let granted = writing.org.groups.get(slot).and_then(|group| group.granted_on(resource));
    if granted.is_some_and(|grant| grant.roles.contains(role)) {
        writing.org.change_group(slot, |group| {
            for grant in group.grants.iter_mut().filter(|grant| grant.resource == resource) {
                grant.roles = grant.roles.minus(RoleSet::of(role));
                grant.default_role = grant.default_role.filter(|default| grant.roles.contains(*default));
            }
        });
    }
    Ok(Reply::empty(204))
}

fn wanted(writing: &Writing<'_>) -> Result<(u32, u16, Role), Refusal> {
    let body = writing.body()?;
    let (slot, _) = writing.group()?;
    let resource = resource(writing.org, required(&body, "resourceId")?)?;
    Ok((slot, resource, role_on(writing.org, resource, required(&body, "roleId")?)?))
}

/// How many members would take a seat that they don't have.
fn without_seat(org: &Org, group: &Group, resource: u16) -> usize {
    let members = group.members.iter().filter_map(|member| org.accounts.get(*member));
    members.filter(|account| account.can_take_seats() && !org.has_seat(account, resource)).count()
}
