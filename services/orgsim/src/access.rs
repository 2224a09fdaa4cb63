//! Which roles an account has on which resource, derived from its own roles and from the grants of its groups.
//!
//! Nothing here is stored: whoever joins a group that grants Jira has Jira, as with the real service.

use crate::account::Account;
use crate::catalog::PRODUCTS;
use crate::group::Group;
use crate::role::RoleSet;
use crate::slab::Slab;

/// The most resources that a catalogue has.
const RESOURCES: usize = PRODUCTS.len() * 3;

/// The roles of one account per resource.
#[derive(Debug, Default)]
pub(crate) struct Access {
    direct: [RoleSet; RESOURCES],
    by_group: [RoleSet; RESOURCES],
}

/// The roles of one account on one resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceAccess {
    pub(crate) resource: u16,
    pub(crate) direct: RoleSet,
    pub(crate) by_group: RoleSet,
}

impl ResourceAccess {
    pub(crate) fn roles(&self) -> RoleSet {
        self.direct.union(self.by_group)
    }
}

impl Access {
    pub(crate) fn of(account: &Account, groups: &Slab<Group>) -> Self {
        let mut access = Self::default();
        for direct in &account.direct_roles {
            access.direct[usize::from(direct.resource)] = direct.roles;
        }
        for grant in account.groups.iter().filter_map(|slot| groups.get(*slot)).flat_map(|group| &group.grants) {
            let roles = &mut access.by_group[usize::from(grant.resource)];
            *roles = roles.union(grant.roles);
        }
        access
    }

    /// The resources on which there is any role, in the order of the catalogue.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ResourceAccess> {
        (0..)
            .zip(self.direct.iter().zip(&self.by_group))
            .map(|(resource, (direct, by_group))| ResourceAccess { resource, direct: *direct, by_group: *by_group })
            .filter(|at| !at.roles().is_empty())
    }
}
