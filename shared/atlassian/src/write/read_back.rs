//! Whether a change holds, as one read tells.

use orgmirror_domain::ids::{AccountId, DirectoryId, GroupId, ResourceId};
use orgmirror_domain::observation::Account;
use orgmirror_domain::query::{Direction, GroupFilter, PageQuery, UserFilter};

use super::change::Change;
use crate::client::Client;
use crate::error::ApiError;
use crate::operation::{Operation, Permit};

impl Change {
    /// The read that tells whether it holds, for which the permit of [`Client::holds`] is to be taken.
    pub fn read_back(&self) -> Operation {
        match self {
            Self::CreateGroup { .. } | Self::DeleteGroup { .. } => Operation::GroupsPage,
            Self::AssignGroupRole { .. } | Self::RevokeGroupRole { .. } => Operation::GroupRoleAssignments,
            Self::AssignRole { .. } | Self::RevokeRole { .. } => Operation::UserRoleAssignments,
            Self::AssignOrgRole { .. }
            | Self::RevokeOrgRole { .. }
            | Self::SuspendUser { .. }
            | Self::RestoreUser { .. }
            | Self::RemoveUser { .. }
            | Self::AddMember { .. }
            | Self::RemoveMember { .. }
            | Self::DisableAccount { .. }
            | Self::EnableAccount { .. }
            | Self::DeleteAccount { .. }
            | Self::CancelDeletion { .. } => Operation::UsersPage,
        }
    }
}

impl Client {
    /// Whether a change holds. `None` where the API shows nothing to tell it by.
    ///
    /// A change that was made is not seen at once (reference, section 7), so "no" counts only after that time: 2 s for a group,
    /// 35 s for roles, longer for a removal.
    pub async fn holds(&self, permit: Permit, change: &Change) -> Result<Option<bool>, ApiError> {
        let seen = match change {
            Change::AddMember { directory, group, account } => {
                self.account(permit, Some(directory), account, Some(*group)).await?.is_some()
            }
            Change::RemoveMember { directory, group, account } => {
                self.account(permit, Some(directory), account, Some(*group)).await?.is_none()
            }
            Change::CreateGroup { directory, name, .. } => self.is_group_named(permit, directory, name).await?,
            Change::DeleteGroup { directory, group } => {
                let filter = GroupFilter { directory: Some(directory.clone()), group_ids: vec![*group] };
                let query = PageQuery { filter, direction: Direction::Ascending, cursor: None, limit: 1 };
                self.groups_page(permit, &query).await?.rows.is_empty()
            }
            Change::AssignGroupRole { directory, group, resource, role } => {
                self.group_has(permit, directory, *group, resource, role).await?
            }
            Change::RevokeGroupRole { directory, group, resource, role } => {
                !self.group_has(permit, directory, *group, resource, role).await?
            }
            Change::AssignRole { account, role, resource } => self.has_directly(permit, account, resource, role).await?,
            Change::RevokeRole { account, role, resource } => !self.has_directly(permit, account, resource, role).await?,
            Change::RemoveUser { directory, account } => {
                let found = self.account(permit, Some(directory), account, None).await?;
                found.is_none_or(|account| account.membership_status.as_deref() == Some("no_membership"))
            }
            Change::AssignOrgRole { account, .. }
            | Change::RevokeOrgRole { account, .. }
            | Change::DisableAccount { account, .. }
            | Change::EnableAccount { account }
            | Change::DeleteAccount { account }
            | Change::CancelDeletion { account } => {
                return Ok(self.account(permit, None, account, None).await?.and_then(|account| shows(change, &account)));
            }
            Change::SuspendUser { directory, account } | Change::RestoreUser { directory, account } => {
                return Ok(self
                    .account(permit, Some(directory), account, None)
                    .await?
                    .and_then(|account| shows(change, &account)));
            }
        };
        Ok(Some(seen))
    }

    /// One account, if it is there and in the group.
    async fn account(
        &self,
        permit: Permit,
        directory: Option<&DirectoryId>,
        account: &AccountId,
        group: Option<GroupId>,
    ) -> Result<Option<Account>, ApiError> {
        let filter = UserFilter {
            directory: directory.cloned(),
            account_ids: vec![account.clone()],
            group_ids: group.into_iter().collect(),
            ..UserFilter::default()
        };
        let query = PageQuery { filter, direction: Direction::Ascending, cursor: None, limit: 1 };
        let rows = self.users_page(permit, &query).await?.page.rows;
        Ok(rows.into_iter().map(|listed| listed.row).find(|row| row.account_id == *account))
    }

    async fn group_has(
        &self,
        permit: Permit,
        directory: &DirectoryId,
        group: GroupId,
        resource: &ResourceId,
        role: &str,
    ) -> Result<bool, ApiError> {
        let page = self.group_grants_on(permit, directory, group, resource).await?;
        Ok(page.rows.iter().any(|grant| grant.resource == *resource && grant.roles.iter().any(|has| has == role)))
    }

    async fn has_directly(
        &self,
        permit: Permit,
        account: &AccountId,
        resource: &ResourceId,
        role: &str,
    ) -> Result<bool, ApiError> {
        let page = self.user_role_assignments(permit, None, account, Some(resource), None).await?;
        Ok(page.rows.iter().any(|row| row.resource == *resource && row.is_direct(role)))
    }
}

/// Whether an account's own words show the change; `None` where they say nothing about it.
fn shows(change: &Change, account: &Account) -> Option<bool> {
    let is = |word: &Option<String>, expected: &str| word.as_deref().map(|word| word == expected);
    let has_role = |role: &str| {
        account.platform_roles.iter().any(|has| has.trim_start_matches("atlassian/") == role.trim_start_matches("atlassian/"))
    };
    match change {
        Change::SuspendUser { .. } => is(&account.membership_status, "suspended"),
        Change::RestoreUser { .. } => is(&account.membership_status, "active"),
        Change::AssignOrgRole { role, .. } => Some(has_role(role)),
        Change::RevokeOrgRole { role, .. } => Some(!has_role(role)),
        Change::DisableAccount { .. } => is(&account.account_status, "inactive"),
        Change::EnableAccount { .. } => is(&account.account_status, "active"),
        Change::DeleteAccount { .. } => account.for_deletion,
        Change::CancelDeletion { .. } => account.for_deletion.map(|marked| !marked),
        _ => None,
    }
}
