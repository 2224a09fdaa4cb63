//! Seats that an action frees.
//!
//! Who takes a seat is said by `licence`. Roles that somebody holds directly are not mirrored, so whether taking a group or a role away
//! frees a seat has three answers, and sums have a least and a most.

use serde::Serialize;

use crate::action::Action;
use crate::filter::Billable;
use crate::ids::ResourceId;
use crate::licence::{billable, takes_seat};

/// Accounts that are alike in all that decides about their seat of one product on one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// Composite status.
    pub status: Option<String>,
    /// A group of theirs grants a seat.
    pub seat_by_group: bool,
    /// So does one that is not the action's.
    pub seat_by_another_group: bool,
    /// How many.
    pub accounts: u64,
}

/// Seats that become free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freed {
    /// For certain.
    pub at_least: u64,
    /// If every one of which it is unknown is a seat.
    pub at_most: u64,
}

impl Freed {
    /// Adds what an action frees of a resource. `several_directories`: the organisation has more than one, so leaving one may leave access by
    /// another.
    pub fn add(&mut self, action: &Action, resource: &ResourceId, several_directories: bool, holders: &Holders) {
        match frees(action, resource, several_directories, holders) {
            Billable::Yes => {
                self.at_least += holders.accounts;
                self.at_most += holders.accounts;
            }
            Billable::Unknown => self.at_most += holders.accounts,
            Billable::No => {}
        }
    }
}

fn frees(action: &Action, resource: &ResourceId, several_directories: bool, holders: &Holders) -> Billable {
    let seat = billable(holders.status.as_deref(), true, holders.seat_by_group);
    // What is left after a group or a role was taken away may be a role that is held directly.
    let perhaps = if seat == Billable::No { Billable::No } else { Billable::Unknown };
    match action {
        Action::Disable => seat,
        Action::Suspend { .. } | Action::RemoveFromDirectory { .. } => {
            if several_directories {
                perhaps
            } else {
                seat
            }
        }
        Action::RemoveFromGroup { .. } if holders.seat_by_group && !holders.seat_by_another_group => perhaps,
        Action::RevokeRole { resource: on, role } if on == resource && takes_seat(None, role) && !holders.seat_by_group => {
            perhaps
        }
        Action::RemoveFromGroup { .. }
        | Action::RevokeRole { .. }
        | Action::AddToGroup { .. }
        | Action::Restore { .. }
        | Action::Enable
        | Action::GrantRole { .. } => Billable::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freed(action: &str, several: bool, seat_by_group: bool, seat_by_another_group: bool) -> (u64, u64) {
        let (mut freed, resource) = (Freed::default(), ResourceId::from("ari:cloud:confluence::site/1"));
        let holders = Holders { status: Some("active".to_owned()), seat_by_group, seat_by_another_group, accounts: 3 };
        let action = action.parse().unwrap();
        freed.add(&action, &resource, several, &holders);
        freed.add(&action, &resource, several, &Holders { status: Some("suspended".to_owned()), ..holders });
        (freed.at_least, freed.at_most)
    }

    #[test]
    fn who_loses_all_access_frees_the_seats_that_are_certain() {
        assert_eq!(freed("suspend d", false, true, true), (3, 3));
        assert_eq!(freed("suspend d", false, false, false), (0, 3), "perhaps a guest");
        assert_eq!(freed("suspend d", true, true, true), (0, 3), "another directory may give access too");
        assert_eq!(freed("disable", true, true, false), (3, 3));
        assert_eq!(freed("enable", false, true, true), (0, 0));
    }

    #[test]
    fn the_last_group_that_grants_a_seat_frees_it_perhaps() {
        let leave = "remove-from-group 6a1e0b2c-0000-4000-8000-000000000001";
        assert_eq!(freed(leave, false, true, false), (0, 3), "a role may be held directly too");
        assert_eq!(freed(leave, false, true, true), (0, 0));
        assert_eq!(freed(leave, false, false, false), (0, 0));
    }

    #[test]
    fn a_role_frees_a_seat_of_its_own_resource_alone() {
        let revoke = |role: &str, on: &str| freed(&format!("revoke-role {role} {on}"), false, false, false);
        assert_eq!(revoke("atlassian/user", "ari:cloud:confluence::site/1"), (0, 3));
        assert_eq!(revoke("atlassian/guest", "ari:cloud:confluence::site/1"), (0, 0));
        assert_eq!(revoke("atlassian/user", "ari:cloud:confluence::site/2"), (0, 0));
    }
}
