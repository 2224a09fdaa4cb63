//! Seats that an action frees.
//!
//! Who takes a seat is said by `licence`. Where not all roles are known, whether a seat becomes free has three answers, and sums have a least and
//! a most.

use serde::Serialize;

use crate::action::Action;
use crate::filter::Billable;
use crate::ids::ResourceId;
use crate::licence::{Seat, billable};

/// Accounts that are alike in all that decides about their seat of one product on one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// Composite status.
    pub status: Option<String>,
    /// Whether they hold a role that takes a seat.
    pub seat: Seat,
    /// The same without the action's group, or without the direct role that it takes away.
    pub left: Seat,
    /// How many.
    pub accounts: u64,
}

/// Seats that become free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
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
    let takes = |seat: Seat| billable(holders.status.as_deref(), true, seat);
    let seat = takes(holders.seat);
    match action {
        Action::Disable => seat,
        Action::Suspend { .. } | Action::RemoveFromDirectory { .. } if several_directories && seat == Billable::Yes => {
            Billable::Unknown
        }
        Action::Suspend { .. } | Action::RemoveFromDirectory { .. } => seat,
        Action::RemoveFromGroup { .. } => lost(seat, takes(holders.left)),
        Action::RevokeRole { resource: on, .. } if on == resource => lost(seat, takes(holders.left)),
        Action::RevokeRole { .. }
        | Action::AddToGroup { .. }
        | Action::Restore { .. }
        | Action::Enable
        | Action::GrantRole { .. } => Billable::No,
    }
}

/// Whether a seat that was taken is not any more.
fn lost(seat: Billable, left: Billable) -> Billable {
    match (seat, left) {
        (Billable::No, _) | (_, Billable::Yes) => Billable::No,
        (Billable::Yes, Billable::No) => Billable::Yes,
        (Billable::Yes | Billable::Unknown, Billable::No | Billable::Unknown) => Billable::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn freed(action: &str, several: bool, seat: Seat, left: Seat) -> (u64, u64) {
        let (mut freed, resource) = (Freed::default(), ResourceId::from("ari:cloud:confluence::site/1"));
        let holders = Holders { status: Some("active".to_owned()), seat, left, accounts: 3 };
        let action = action.parse().unwrap();
        freed.add(&action, &resource, several, &holders);
        freed.add(&action, &resource, several, &Holders { status: Some("suspended".to_owned()), ..holders });
        (freed.at_least, freed.at_most)
    }

    #[test]
    fn who_loses_all_access_frees_the_seats_that_are_certain() {
        assert_eq!(freed("suspend d", false, Seat::Held, Seat::Held), (3, 3));
        assert_eq!(freed("suspend d", false, Seat::Unknown, Seat::Unknown), (0, 3), "perhaps a guest");
        assert_eq!(freed("suspend d", false, Seat::NotHeld, Seat::NotHeld), (0, 0));
        assert_eq!(freed("suspend d", true, Seat::Held, Seat::Held), (0, 3), "another directory may give access too");
        assert_eq!(freed("disable", true, Seat::Held, Seat::Held), (3, 3));
        assert_eq!(freed("enable", false, Seat::Held, Seat::NotHeld), (0, 0));
    }

    #[test]
    fn the_last_role_that_takes_a_seat_frees_it() {
        let leave = "remove-from-group 6a1e0b2c-0000-4000-8000-000000000001";
        assert_eq!(freed(leave, false, Seat::Held, Seat::NotHeld), (3, 3));
        assert_eq!(freed(leave, false, Seat::Held, Seat::Unknown), (0, 3), "a role may be held directly too");
        assert_eq!(freed(leave, false, Seat::Held, Seat::Held), (0, 0));
        let revoke = |on: &str| freed(&format!("revoke-role atlassian/user {on}"), false, Seat::Held, Seat::NotHeld);
        assert_eq!(revoke("ari:cloud:confluence::site/1"), (3, 3));
        assert_eq!(revoke("ari:cloud:confluence::site/2"), (0, 0));
    }
}
