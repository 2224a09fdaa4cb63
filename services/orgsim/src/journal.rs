//! What changed, row by row: what audit events are told from, and what a read that lags behind has yet to show.

use std::sync::Arc;

use uuid::Uuid;

use crate::account::{Account, AccountStatus, Membership};
use crate::role::RoleSet;

/// One row that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    AccountAdded(Arc<str>),
    AccountRemoved(Arc<str>),
    Account(Arc<str>, Aspect),
    GroupAdded(Uuid),
    GroupRemoved(Uuid),
    /// Its name or description.
    GroupProfile(Uuid),
    GroupGrants(Uuid),
    Joined(Arc<str>, Uuid),
    Left(Arc<str>, Uuid),
}

/// What changed about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aspect {
    Activity,
    AddedToDirectory,
    Deactivated,
    DeletionCancelled,
    DeletionScheduled,
    Profile,
    Reactivated,
    RemovedFromDirectory,
    Restored,
    RolesGranted,
    RolesRevoked,
    Suspended,
}

/// What an account was like before a change, as far as its events tell it.
#[derive(Debug)]
pub(crate) struct Before {
    status: AccountStatus,
    membership: Membership,
    for_deletion: bool,
    directories: u32,
    suspended_in: u32,
    roles: RoleSet,
    activity_ns: i64,
}

impl Before {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            status: account.status,
            membership: account.membership,
            for_deletion: account.for_deletion,
            directories: account.directories,
            suspended_in: account.suspended_in,
            roles: own_roles(account),
            activity_ns: activity_ns(account),
        }
    }

    /// What differs; a change of nothing that is told apart here is one of the profile.
    pub(crate) fn aspects(&self, after: &Account) -> Vec<Aspect> {
        let roles = own_roles(after);
        let entered = after.directories & !self.directories != 0;
        let left = self.directories & !after.directories != 0;
        let suspended = after.suspended_in & !self.suspended_in != 0;
        let restored = self.suspended_in & !after.suspended_in & after.directories != 0;
        let suspended = suspended || (self.membership == Membership::Active && after.membership == Membership::Suspended);
        let activity = activity_ns(after) != self.activity_ns;
        let was_active = self.status == AccountStatus::Active;
        let is_active = after.status == AccountStatus::Active;
        let mut aspects: Vec<Aspect> = [
            (was_active && !is_active, Aspect::Deactivated),
            (!was_active && is_active, Aspect::Reactivated),
            (!self.for_deletion && after.for_deletion, Aspect::DeletionScheduled),
            (self.for_deletion && !after.for_deletion, Aspect::DeletionCancelled),
            (entered, Aspect::AddedToDirectory),
            (left, Aspect::RemovedFromDirectory),
            (suspended, Aspect::Suspended),
            (restored, Aspect::Restored),
            (!roles.minus(self.roles).is_empty(), Aspect::RolesGranted),
            (!self.roles.minus(roles).is_empty(), Aspect::RolesRevoked),
            (activity, Aspect::Activity),
        ]
        .into_iter()
        .filter_map(|(holds, aspect)| holds.then_some(aspect))
        .collect();
        if aspects.is_empty() {
            aspects.push(Aspect::Profile);
        }
        aspects
    }
}

fn own_roles(account: &Account) -> RoleSet {
    account.direct_roles.iter().fold(account.platform_roles, |roles, direct| roles.union(direct.roles))
}

/// A sum that differs whenever one instant was moved.
fn activity_ns(account: &Account) -> i64 {
    account.activity.iter().fold(0, |sum: i64, activity| sum.wrapping_add(activity.at_ns))
}
