//! Roles that an account has by itself.

use super::{Writing, licence_limit, resource, role_on};
use crate::account::{Account, AccountStatus, Membership};
use crate::api::refusal::Refusal;
use crate::api::response::Reply;
use crate::role::{Role, RoleSet};

/// Whether the account is to have the role afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Assigned,
    Revoked,
}

/// The roles that `roles/assign` and `roles/revoke` know.
const ROLES: [Role; 10] = [
    Role::User,
    Role::UserAccessAdmin,
    Role::Admin,
    Role::Guest,
    Role::Contributor,
    Role::Customer,
    Role::Basic,
    Role::Stakeholder,
    Role::SiteAdmin,
    Role::OrgAdmin,
];

/// `POST .../users/{accountId}/roles/assign` and `/revoke`
pub(super) fn change(writing: &mut Writing<'_>, wanted: Wanted) -> Result<Reply, Refusal> {
    let body = writing.body()?;
    let role = body.get("role").and_then(|role| Role::parse(role.as_str()?)).filter(|role| ROLES.contains(role));
    let role = role.ok_or_else(|| bad("role must be one of the roles that a user can have."))?;
    let (slot, account) = find(writing, wanted)?;
    // The one role for which no resource is needed; if there is one, it is ignored.
    if role == Role::OrgAdmin {
        return Ok(set_platform_role(writing, slot, role, wanted));
    }
    let resource_id = body.get("resource").and_then(serde_json::Value::as_str).ok_or_else(|| bad("resource must be a text."))?;
    let of_site = resource_id.strip_prefix("ari:cloud:platform::site/");
    if let Some(site) = of_site {
        let known = writing.org.catalog.sites.iter().any(|known| known.cloud_id.to_string() == site);
        if !known {
            return Err(Refusal::management(404, "ADMIN-UAM-404-1", "Unknown Resource"));
        }
        if !matches!(role, Role::SiteAdmin | Role::UserAccessAdmin) {
            return Err(Refusal::management(400, "ADMIN-UAM-400-3", "The role is not valid for a site."));
        }
        return Ok(set_platform_role(writing, slot, role, wanted));
    }
    let resource = resource(writing.org, resource_id)?;
    role_on(writing.org, resource, role.id())?;
    let held = account.direct_on(resource);
    let takes_seat = wanted == Wanted::Assigned && RoleSet::SEATS.contains(role) && account.can_take_seats();
    if takes_seat && !writing.org.has_seat(account, resource) && !writing.org.has_seats(resource, 1) {
        return Err(licence_limit());
    }
    let roles = match wanted {
        Wanted::Assigned => held.with(role),
        Wanted::Revoked => held.minus(RoleSet::of(role)),
    };
    if roles != held {
        writing.org.change_account(slot, |account| account.set_direct(resource, roles));
    }
    Ok(Reply::empty(204))
}

/// `POST .../users/{accountId}/role-assignments/assign` and `/revoke`
pub(super) fn change_org_role(writing: &mut Writing<'_>, wanted: Wanted) -> Result<Reply, Refusal> {
    let body = writing.body()?;
    if body.get("role").and_then(serde_json::Value::as_str) != Some(Role::OrgAdmin.id()) {
        return Err(bad(format!("role must be {}.", Role::OrgAdmin.id())));
    }
    let (slot, _) = find(writing, wanted)?;
    Ok(set_platform_role(writing, slot, Role::OrgAdmin, wanted))
}

fn set_platform_role(writing: &mut Writing<'_>, slot: u32, role: Role, wanted: Wanted) -> Reply {
    let held = writing.org.accounts.get(slot).map_or_else(RoleSet::default, |account| account.platform_roles);
    if held.contains(role) != (wanted == Wanted::Assigned) {
        writing.org.change_account(slot, |account| {
            account.platform_roles = match wanted {
                Wanted::Assigned => held.with(role),
                Wanted::Revoked => held.minus(RoleSet::of(role)),
            };
        });
    }
    Reply::empty(204)
}

/// The account of the path. Nothing is given to somebody who is inactive or in no directory.
fn find<'a>(writing: &'a Writing<'_>, wanted: Wanted) -> Result<(u32, &'a Account), Refusal> {
    let id = &writing.request.id;
    let found = writing.org.account_slot(id).and_then(|slot| Some((slot, writing.org.accounts.get(slot)?)));
    let unknown = || Refusal::management(404, "ADMIN-UAM-404-3", format!("User {id} was not found."));
    let (slot, account) = found.ok_or_else(unknown)?;
    let inactive = account.status != AccountStatus::Active || account.membership == Membership::None;
    if wanted == Wanted::Assigned && inactive {
        return Err(Refusal::management(400, "ADMIN-UAM-400-2", "The user is inactive."));
    }
    Ok((slot, account))
}

fn bad(detail: impl Into<String>) -> Refusal {
    Refusal::management(400, "ADMIN-UAM-400-1", detail)
}
