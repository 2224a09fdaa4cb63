//! Seats: who takes one, and how many there are.
//!
//! Seats in use are counted when they are asked for, so they are always those of the accounts. The number of seats is fixed when the organisation
//! is generated, with room for a quarter more, and changes by a control call only.

use crate::access::Access;
use crate::account::{Account, AccountStatus, Membership};
use crate::catalog::Catalog;
use crate::org::Org;
use crate::role::RoleSet;

impl Account {
    /// Whether its roles take seats: those of a suspended or inactive account don't.
    pub(crate) fn can_take_seats(&self) -> bool {
        self.status == AccountStatus::Active && self.membership == Membership::Active
    }
}

impl Org {
    /// The seats in use of every resource, in the order of the catalogue.
    pub(crate) fn seats(&self) -> Vec<usize> {
        let mut seats = vec![0; self.catalog.resources.len()];
        for (_, account) in self.accounts.iter().filter(|(_, account)| account.can_take_seats()) {
            for at in Access::of(account, &self.groups).iter().filter(|at| at.roles().meets(RoleSet::SEATS)) {
                seats[usize::from(at.resource)] += 1;
            }
        }
        seats
    }

    /// Whether so many more seats of a resource can be had.
    pub(crate) fn has_seats(&self, resource: u16, more: usize) -> bool {
        let Some(capacity) = self.capacity[usize::from(resource)] else { return true };
        more == 0 || self.seats()[usize::from(resource)] + more <= capacity
    }

    /// Whether an account takes a seat of a resource.
    pub(crate) fn has_seat(&self, account: &Account, resource: u16) -> bool {
        account.can_take_seats()
            && Access::of(account, &self.groups).iter().any(|at| at.resource == resource && at.roles().meets(RoleSet::SEATS))
    }
}

/// The seats that are bought at first; `None` is no limit, and Compass is sold without one.
pub(crate) fn first_capacity(catalog: &Catalog, seats: &[usize]) -> Vec<Option<usize>> {
    let bought = |used: usize| (used + used / 4).div_ceil(100).max(1) * 100;
    catalog.resources.iter().zip(seats).map(|(resource, used)| (resource.owner != "compass").then(|| bought(*used))).collect()
}
