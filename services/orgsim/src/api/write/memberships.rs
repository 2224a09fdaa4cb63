//! Adding people to groups and taking them out.

use super::{Writing, licence_limit, required};
use crate::api::refusal::Refusal;
use crate::api::response::Reply;
use crate::group::Group;
use crate::org::Org;
use crate::role::RoleSet;
use crate::switches::{DuplicateMembership, MissingMembership, SyncedGroupWrite};

/// `POST .../groups/{groupId}/memberships`
pub(super) fn add(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let body = writing.body()?;
    let (slot, group) = writing.group()?;
    let account_id = required(&body, "accountId")?;
    crate::api::touch(writing.faults, account_id)?;
    writing.may_change_members(group)?;
    let org = &*writing.org;
    let in_directory =
        |slot: &u32| org.accounts.get(*slot).is_some_and(|account| account.directories & (1 << group.directory) != 0);
    let account = org
        .account_slot(account_id)
        .filter(in_directory)
        .ok_or_else(|| Refusal::management(404, "ADMIN-UAM-404-1", "One or more user not found in the directory"))?;
    if group.members.binary_search(&account).is_ok() {
        return match writing.faults.switches.duplicate_membership {
            DuplicateMembership::NoContent => Ok(Reply::empty(204)),
            DuplicateMembership::Conflict => Err(Refusal::management(409, "ADMIN-UAM-409-2", "Resource conflict")),
            DuplicateMembership::ConflictText => {
                Err(Refusal::management(409, "ADMIN-409-28", format!("{account_id} is already a member of the group.")))
            }
        };
    }
    if !seats_left(org, group, account) {
        return Err(licence_limit());
    }
    writing.org.join(account, slot);
    Ok(Reply::empty(204))
}

/// `DELETE .../groups/{groupId}/memberships/{accountId}`
pub(super) fn remove(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, group) = writing.group()?;
    writing.may_change_members(group)?;
    let account_id = &writing.request.member_id;
    let member = writing.org.account_slot(account_id).filter(|account| group.members.binary_search(account).is_ok());
    match (member, writing.faults.switches.missing_membership) {
        (Some(member), _) => {
            writing.org.leave(member, slot);
            Ok(Reply::empty(204))
        }
        (None, MissingMembership::NoContent) => Ok(Reply::empty(204)),
        (None, MissingMembership::NotFound) => Err(Refusal::no_account(account_id)),
    }
}

/// Whether everything that the group grants has a seat for one more account.
pub(super) fn seats_left(org: &Org, group: &Group, account: u32) -> bool {
    let Some(account) = org.accounts.get(account) else { return true };
    group
        .grants
        .iter()
        .filter(|grant| grant.roles.meets(RoleSet::SEATS) && account.can_take_seats())
        .all(|grant| org.has_seat(account, grant.resource) || org.has_seats(grant.resource, 1))
}

impl Writing<'_> {
    /// The members of a group of the identity provider are read-only. The status is not known.
    pub(super) fn may_change_members(&self, group: &Group) -> Result<(), Refusal> {
        let detail = "The group belongs to the identity provider and can't be modified.";
        match self.faults.switches.synced_group_write {
            _ if !group.is_synced() => Ok(()),
            SyncedGroupWrite::Forbidden => Err(Refusal::management(403, "ADMIN-403-5", detail)),
            SyncedGroupWrite::BadRequest => Err(Refusal::management(400, "ADMIN-400-24", detail)),
        }
    }
}
