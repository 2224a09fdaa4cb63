//! What the mirror shows of an action's result, and what is to be done for an account.

use super::{Action, Call};
use crate::ids::{AccountId, DirectoryId, ResourceId};
use crate::item::SkipReason;

/// The platform role of an organisation's admins.
pub const ORG_ADMIN: &str = "atlassian/org-admin";

/// What the mirror knows about an account, as far as actions need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// In the organisation: known, and not missing.
    pub present: bool,
    /// `active`, `suspended`, `no_membership`.
    pub membership_status: Option<String>,
    /// `active`, `inactive`, `closed`.
    pub account_status: Option<String>,
    /// `managed` or `unmanaged`.
    pub claim_status: Option<String>,
    /// Platform roles.
    pub platform_roles: Vec<String>,
    /// A member of the action's group.
    pub in_group: bool,
    /// Resources that it may use, by whatever role.
    pub resources: Vec<ResourceId>,
    /// The settings protect it.
    pub protected: bool,
    /// The organisation has several directories: statuses are over all of them, so they don't tell about one.
    pub several_directories: bool,
}

/// What the mirror knows about the action's group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupView {
    /// Known, and not missing.
    pub present: bool,
    /// Where it is.
    pub directory: Option<DirectoryId>,
    /// Made by an identity provider's sync, or not modifiable.
    pub read_only: bool,
    /// The settings protect it.
    pub protected: bool,
}

/// What the mirror shows of an action's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is so.
    So,
    /// It is not so.
    NotSo,
    /// The mirror does not hold what would tell.
    CannotTell,
}

/// What is to be done for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This call.
    Call(Call),
    /// Nothing: it is so.
    AlreadySo,
    /// Nothing, for a reason.
    Skip(SkipReason),
}

impl Action {
    /// What the account's row shows of the action's result.
    pub fn shown(&self, account: &AccountView) -> Shown {
        let so = |so: bool| if so { Shown::So } else { Shown::NotSo };
        let is = |status: &Option<String>, word: &str| status.as_deref() == Some(word);
        match self {
            Self::AddToGroup { .. } => so(account.present && account.in_group),
            Self::RemoveFromGroup { .. } => so(!account.present || !account.in_group),
            // With several directories the status is active in at least one, suspended in all, or in none (reference, section 2).
            Self::Suspend { .. } if is(&account.membership_status, "suspended") => so(account.present),
            Self::Restore { .. } if is(&account.membership_status, "suspended") => Shown::NotSo,
            Self::RemoveFromDirectory { .. } if !account.present || is(&account.membership_status, "no_membership") => Shown::So,
            Self::Suspend { .. } | Self::Restore { .. } | Self::RemoveFromDirectory { .. } if account.several_directories => {
                Shown::CannotTell
            }
            Self::Suspend { .. } | Self::RemoveFromDirectory { .. } => Shown::NotSo,
            Self::Restore { .. } => so(account.present && is(&account.membership_status, "active")),
            Self::Disable => so(account.present && is(&account.account_status, "inactive")),
            Self::Enable => so(account.present && is(&account.account_status, "active")),
            // The mirror tells whether there is access, and not by which role.
            Self::GrantRole { resource, .. } if account.resources.contains(resource) => Shown::CannotTell,
            Self::GrantRole { .. } => Shown::NotSo,
            Self::RevokeRole { resource, .. } if account.resources.contains(resource) => Shown::CannotTell,
            Self::RevokeRole { .. } => Shown::So,
        }
    }

    /// What is to be done for an account, as the mirror knows it. `group` is the action's, if it has one.
    pub fn decide(&self, id: &AccountId, account: &AccountView, group: Option<&GroupView>) -> Decision {
        let gone = !account.present && !matches!(self, Self::RemoveFromDirectory { .. });
        if gone {
            return Decision::Skip(SkipReason::NotInOrganisation);
        }
        // Some roles give no access that the mirror would show, so that one without access may have the role all the same.
        if self.shown(account) == Shown::So && !matches!(self, Self::RevokeRole { .. }) {
            return Decision::AlreadySo;
        }
        if let Some(reason) = self.forbidden(account, group) {
            return Decision::Skip(reason);
        }
        match self.call(id, group) {
            Some(call) => Decision::Call(call),
            None => Decision::Skip(SkipReason::GroupGone),
        }
    }

    fn forbidden(&self, account: &AccountView, group: Option<&GroupView>) -> Option<SkipReason> {
        if account.protected {
            return Some(SkipReason::ProtectedAccount);
        }
        if let Some(group) = group {
            if group.protected {
                return Some(SkipReason::ProtectedGroup);
            }
            if group.present && group.read_only {
                return Some(SkipReason::ScimGroup);
            }
        }
        let in_no_directory = account.membership_status.as_deref() == Some("no_membership");
        let is_admin = account.platform_roles.iter().any(|role| role == ORG_ADMIN);
        match self {
            Self::AddToGroup { .. } | Self::Restore { .. } if in_no_directory => Some(SkipReason::NotInDirectory),
            Self::Suspend { .. } if in_no_directory => Some(SkipReason::NotInDirectory),
            Self::Suspend { .. } | Self::RemoveFromDirectory { .. } | Self::Disable if is_admin => Some(SkipReason::OrgAdmin),
            Self::Disable | Self::Enable if account.claim_status.as_deref() != Some("managed") => Some(SkipReason::NotManaged),
            _ => None,
        }
    }

    /// The call; `None` if the group that it needs is not there. The group's own directory is used: a write must name the real one.
    fn call(&self, id: &AccountId, group: Option<&GroupView>) -> Option<Call> {
        let account = id.clone();
        let of_group = || group.filter(|group| group.present).and_then(|group| group.directory.clone());
        Some(match self {
            Self::AddToGroup { group } => Call::AddMember { directory: of_group()?, group: *group, account },
            Self::RemoveFromGroup { group } => Call::RemoveMember { directory: of_group()?, group: *group, account },
            Self::Suspend { directory } => Call::SuspendUser { directory: directory.clone(), account },
            Self::Restore { directory } => Call::RestoreUser { directory: directory.clone(), account },
            Self::RemoveFromDirectory { directory } => Call::RemoveUser { directory: directory.clone(), account },
            Self::Disable => Call::DisableAccount { account },
            Self::Enable => Call::EnableAccount { account },
            Self::GrantRole { resource, role } => Call::AssignRole { account, resource: resource.clone(), role: role.clone() },
            Self::RevokeRole { resource, role } => Call::RevokeRole { account, resource: resource.clone(), role: role.clone() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::GroupId;

    fn member() -> AccountView {
        AccountView {
            present: true,
            membership_status: Some("active".to_owned()),
            account_status: Some("active".to_owned()),
            claim_status: Some("managed".to_owned()),
            in_group: true,
            ..AccountView::default()
        }
    }

    fn group() -> GroupView {
        GroupView { present: true, directory: Some(DirectoryId::from("d")), ..GroupView::default() }
    }

    fn decide(action: &Action, account: &AccountView, group: &GroupView) -> Decision {
        action.decide(&AccountId::from("a"), account, Some(group))
    }

    fn add() -> Action {
        Action::AddToGroup { group: GroupId(uuid::Uuid::nil()) }
    }

    fn suspend() -> Action {
        Action::Suspend { directory: DirectoryId::from("d") }
    }

    #[test]
    fn what_is_so_needs_no_call() {
        assert_eq!(decide(&add(), &member(), &group()), Decision::AlreadySo);
        let stranger = AccountView { in_group: false, ..member() };
        assert!(matches!(decide(&add(), &stranger, &group()), Decision::Call(Call::AddMember { .. })));
    }

    #[test]
    fn each_reason_to_skip() {
        let stranger = AccountView { in_group: false, ..member() };
        let skipped = |action: &Action, account: &AccountView, group: &GroupView| match decide(action, account, group) {
            Decision::Skip(reason) => Some(reason),
            _ => None,
        };
        assert_eq!(skipped(&add(), &stranger, &GroupView { read_only: true, ..group() }), Some(SkipReason::ScimGroup));
        assert_eq!(skipped(&add(), &stranger, &GroupView { protected: true, ..group() }), Some(SkipReason::ProtectedGroup));
        assert_eq!(skipped(&add(), &stranger, &GroupView::default()), Some(SkipReason::GroupGone));
        let gone = AccountView { present: false, ..member() };
        assert_eq!(skipped(&add(), &gone, &group()), Some(SkipReason::NotInOrganisation));
        let protected = AccountView { protected: true, ..member() };
        assert_eq!(skipped(&suspend(), &protected, &group()), Some(SkipReason::ProtectedAccount));
        let admin = AccountView { platform_roles: vec![ORG_ADMIN.to_owned()], ..member() };
        assert_eq!(skipped(&suspend(), &admin, &group()), Some(SkipReason::OrgAdmin));
        let outside = AccountView { membership_status: Some("no_membership".to_owned()), ..stranger.clone() };
        assert_eq!(skipped(&suspend(), &outside, &group()), Some(SkipReason::NotInDirectory));
        let unmanaged = AccountView { claim_status: None, ..member() };
        assert_eq!(skipped(&Action::Disable, &unmanaged, &group()), Some(SkipReason::NotManaged));
    }

    #[test]
    fn one_of_several_directories_is_told_by_the_extremes_alone() {
        let several =
            |status: &str| AccountView { membership_status: Some(status.to_owned()), several_directories: true, ..member() };
        let directory = || DirectoryId::from("d");
        let (restore, remove) =
            (Action::Restore { directory: directory() }, Action::RemoveFromDirectory { directory: directory() });
        assert_eq!([&suspend(), &restore, &remove].map(|action| action.shown(&several("active"))), [Shown::CannotTell; 3]);
        assert_eq!(
            [&suspend(), &restore, &remove].map(|action| action.shown(&several("suspended"))),
            [Shown::So, Shown::NotSo, Shown::CannotTell]
        );
        assert_eq!(remove.shown(&several("no_membership")), Shown::So);
        assert_eq!([&suspend(), &restore].map(|action| action.shown(&member())), [Shown::NotSo, Shown::So]);
    }

    #[test]
    fn who_has_left_is_removed_already() {
        let gone = AccountView::default();
        let remove = Action::RemoveFromDirectory { directory: DirectoryId::from("d") };
        assert_eq!(decide(&remove, &gone, &group()), Decision::AlreadySo);
    }

    #[test]
    fn a_role_that_the_mirror_does_not_hold_is_neither_so_nor_not() {
        let resource = ResourceId::from("ari:cloud:confluence::site/1");
        let grant = Action::GrantRole { resource: resource.clone(), role: "atlassian/user".to_owned() };
        assert_eq!(grant.shown(&member()), Shown::NotSo);
        let user = AccountView { resources: vec![resource], ..member() };
        assert_eq!(grant.shown(&user), Shown::CannotTell);
        assert!(matches!(decide(&grant, &user, &group()), Decision::Call(_)));
    }
}
