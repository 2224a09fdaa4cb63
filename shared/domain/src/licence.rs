//! Who takes a paid seat, and what unused seats cost.
//!
//! Source: reference, section 2. On Jira products and Confluence the roles `user` and `admin` take a seat; guests of Confluence, customers
//! of Jira Service Management, contributors of Jira Product Discovery, `basic`, `stakeholder` and `user-access-admin` do not. Accounts
//! that are not active take none. For other products the same rule is assumed; nothing is written about them.
//!
//! Roles that somebody holds directly are read by full syncs, as far as their lists do not cost too many calls. Where they are not known,
//! whether an account takes a seat has a third answer ([`Billable`]), and sums have a least and a most. Nothing here guesses.

use serde::Serialize;

use crate::filter::{Billable, Role};

/// Roles that take a seat, in the API's words.
pub const SEAT_ROLES: [&str; 2] = ["atlassian/user", "atlassian/admin"];

/// Owners of resources that are no products: roles on them take no seat.
const NO_PRODUCTS: [&str; 3] = ["platform", "project", "goal"];

/// Whether a role on a resource takes a seat. `owner` is the resource's, as grants tell it; `role` is the API's word.
pub fn takes_seat(owner: Option<&str>, role: &str) -> bool {
    let product = owner.is_none_or(|owner| !NO_PRODUCTS.contains(&owner));
    product && matches!(Role::from_api(role), Some(Role::User | Role::Admin))
}

/// Whether an account holds a role that takes a seat, whatever its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// By a group or directly.
    Held,
    /// All its roles there are known, and none takes one.
    NotHeld,
    /// Its direct roles there are not known, or not all of them.
    Unknown,
}

impl Seat {
    /// What was found, and whether more may be hidden.
    pub fn of(held: bool, all_known: bool) -> Self {
        match (held, all_known) {
            (true, _) => Self::Held,
            (false, true) => Self::NotHeld,
            (false, false) => Self::Unknown,
        }
    }
}

/// Whether an account takes a seat: its composite status, whether it may use what is asked about, and its roles there.
pub fn billable(status: Option<&str>, has_access: bool, seat: Seat) -> Billable {
    match (status, seat) {
        _ if !has_access => Billable::No,
        (Some("active") | None, Seat::NotHeld) => Billable::No,
        (Some("active"), Seat::Held) => Billable::Yes,
        (Some("active") | None, _) => Billable::Unknown,
        (Some(_), _) => Billable::No,
    }
}

/// Accounts with access to one product on one site that are alike in all that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// Composite status.
    pub status: Option<String>,
    /// Whether they hold a role that takes a seat.
    pub seat: Seat,
    /// When they were last seen there.
    pub activity: Activity,
    /// How many.
    pub accounts: u64,
}

/// Activity on one product, against a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Within the threshold.
    Recent,
    /// Before it.
    Old,
    /// Never, and added to the organisation before the threshold.
    Never,
    /// Not active since they were added within the threshold, or nobody knows when: too early to tell.
    TooEarly,
}

impl Activity {
    /// Judges by whether the last activity is within the threshold (`None`: there was none), and whether the account was certainly
    /// added before it. Nobody is inactive for longer than they have been there.
    pub fn judge(active_within: Option<bool>, added_before: bool) -> Self {
        match (active_within, added_before) {
            (Some(true), _) => Self::Recent,
            (Some(false), true) => Self::Old,
            (None, true) => Self::Never,
            (_, false) => Self::TooEarly,
        }
    }

    /// Whether a seat is unused.
    fn is_inactive(self) -> bool {
        matches!(self, Self::Old | Self::Never)
    }
}

/// The seats of one product on one site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Seats {
    /// Accounts with access.
    pub total: u64,
    /// Of these, active within the threshold.
    pub active: u64,
    /// Of these, not active within the threshold, those never active included.
    pub inactive: u64,
    /// Of the inactive, without any known activity.
    pub never_active: u64,
    /// Of all, certain to take a seat.
    pub billable: u64,
    /// Of all, certain to take none.
    pub not_billable: u64,
    /// Of all, whether they take a seat cannot be told, since their direct roles are not known.
    pub billable_unknown: u64,
    /// Certain to take a seat and inactive.
    pub unused: u64,
    /// Perhaps taking a seat, and inactive.
    pub unused_unknown: u64,
}

impl Seats {
    /// Adds up.
    pub fn of<'a>(accounts: impl IntoIterator<Item = &'a Alike>) -> Self {
        let mut seats = Self::default();
        for alike in accounts {
            seats.add(alike);
        }
        seats
    }

    /// Adds accounts.
    pub fn add(&mut self, alike: &Alike) {
        let count = alike.accounts;
        let inactive = alike.activity.is_inactive();
        self.total += count;
        match alike.activity {
            Activity::Recent => self.active += count,
            Activity::Old => self.inactive += count,
            Activity::Never => {
                self.inactive += count;
                self.never_active += count;
            }
            Activity::TooEarly => {}
        }
        match billable(alike.status.as_deref(), true, alike.seat) {
            Billable::Yes => {
                self.billable += count;
                self.unused += if inactive { count } else { 0 };
            }
            Billable::Unknown => {
                self.billable_unknown += count;
                self.unused_unknown += if inactive { count } else { 0 };
            }
            Billable::No => self.not_billable += count,
        }
    }

    /// What the unused seats cost at a price per seat: at least, and at most if all of the unknown ones are seats.
    #[expect(clippy::cast_precision_loss, reason = "seats are far below 2^52")]
    pub fn savings(&self, price_per_seat: f64) -> Savings {
        let least = self.unused as f64 * price_per_seat;
        Savings { at_least: least, at_most: least + self.unused_unknown as f64 * price_per_seat }
    }
}

/// Money, in the currency and per the period of the configured price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Savings {
    /// For seats that are certain.
    pub at_least: f64,
    /// If every account of which it is unknown takes a seat.
    pub at_most: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn customers_contributors_and_guests_take_no_seat() {
        for (owner, role) in [
            ("jira-servicedesk", "atlassian/customer"),
            ("jira-servicedesk", "atlassian/stakeholder"),
            ("jira-product-discovery", "atlassian/contributor"),
            ("confluence", "atlassian/guest"),
            ("jira-core", "atlassian/basic"),
            ("jira-software", "atlassian/user-access-admin"),
            ("platform", "atlassian/user"),
            ("confluence", "atlassian/of-the-future"),
        ] {
            assert!(!takes_seat(Some(owner), role), "{owner} {role}");
        }
        assert!(takes_seat(Some("confluence"), "atlassian/user") && takes_seat(Some("jira-software"), "atlassian/admin"));
    }

    #[test]
    fn who_is_not_active_takes_no_seat() {
        for status in ["suspended", "deactivated", "not_invited", "for_deletion"] {
            assert_eq!(billable(Some(status), true, Seat::Held), Billable::No, "{status}");
        }
        assert_eq!(billable(Some("active"), false, Seat::Held), Billable::No);
        assert_eq!(billable(Some("active"), true, Seat::Held), Billable::Yes);
        assert_eq!(billable(Some("active"), true, Seat::NotHeld), Billable::No);
        assert_eq!(billable(Some("active"), true, Seat::Unknown), Billable::Unknown);
        assert_eq!(billable(None, true, Seat::Held), Billable::Unknown);
    }

    #[test]
    fn a_newcomer_is_not_inactive() {
        assert_eq!(Activity::judge(None, false), Activity::TooEarly);
        assert_eq!(Activity::judge(Some(false), false), Activity::TooEarly);
        assert_eq!(Activity::judge(None, true), Activity::Never);
        assert_eq!(Activity::judge(Some(false), true), Activity::Old);
        assert_eq!(Activity::judge(Some(true), false), Activity::Recent);
    }

    #[test]
    fn savings_have_a_least_and_a_most() {
        let alike = |seat, activity, accounts| Alike { status: Some("active".to_owned()), seat, activity, accounts };
        let seats = Seats::of(&[
            alike(Seat::Held, Activity::Old, 3),
            alike(Seat::Held, Activity::Recent, 50),
            alike(Seat::Unknown, Activity::Never, 2),
            Alike { status: Some("suspended".to_owned()), ..alike(Seat::Held, Activity::Never, 70) },
        ]);
        assert_eq!((seats.total, seats.billable, seats.not_billable, seats.billable_unknown), (125, 53, 70, 2));
        assert_eq!((seats.active, seats.inactive, seats.never_active), (50, 75, 72));
        assert_eq!(seats.savings(10.0), Savings { at_least: 30.0, at_most: 50.0 });
    }

    proptest! {
        /// Every account is counted once in each division, and unused seats are seats.
        #[test]
        fn sums_divide_the_whole(groups in prop::collection::vec((0..4_usize, any::<(bool, bool)>(), 0..4_usize, 0..1_000_u64), 0..20)) {
            let statuses = [Some("active"), Some("suspended"), Some("deactivated"), None];
            let activities = [Activity::Recent, Activity::Old, Activity::Never, Activity::TooEarly];
            let alike: Vec<_> = groups.into_iter().map(|(status, (held, known), activity, accounts)| Alike {
                status: statuses[status].map(str::to_owned), seat: Seat::of(held, known), activity: activities[activity], accounts,
            }).collect();
            let seats = Seats::of(&alike);
            prop_assert_eq!(seats.billable + seats.not_billable + seats.billable_unknown, seats.total);
            prop_assert!(seats.active + seats.inactive <= seats.total);
            prop_assert!(seats.never_active <= seats.inactive);
            prop_assert!(seats.unused <= seats.billable && seats.unused_unknown <= seats.billable_unknown);
        }
    }
}
