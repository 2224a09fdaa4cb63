//! What a run may hide by itself, and when a person must see the list first.

use crate::ids::Instant;

/// Above which a sweep waits for a person. Both must be exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepLimits {
    /// Rows of a kind.
    pub max_rows: u64,
    /// Percent of the organisation's visible rows of that kind.
    pub max_percent: f64,
}

/// What would be hidden, of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// Rows missing and not hidden yet.
    pub missing: u64,
    /// Rows that people see now, the missing ones included.
    pub visible: u64,
}

impl Going {
    /// Whether so many may go without a person.
    pub fn within(self, limits: SweepLimits) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^52")]
        let percent = if self.visible == 0 { 0.0 } else { self.missing as f64 * 100.0 / self.visible as f64 };
        self.missing <= limits.max_rows || percent <= limits.max_percent
    }
}

/// What a sweep does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepVerdict {
    /// Hide all that is missing.
    HideMissing,
    /// Hide what the approved list names and is still missing.
    HideApproved,
    /// Show the list and wait.
    AskPerson,
}

/// Decides a full run's sweep. `approved`: a person agreed to the list of the current revision. What became missing since then
/// goes too only below the limits (`unapproved`), else it stays marked for the next run's list.
pub fn verdict(accounts: Going, groups: Going, last_admin_would_go: bool, limits: SweepLimits, approved: bool) -> SweepVerdict {
    if approved {
        SweepVerdict::HideApproved
    } else if accounts.within(limits) && groups.within(limits) && !last_admin_would_go {
        SweepVerdict::HideMissing
    } else {
        SweepVerdict::AskPerson
    }
}

/// Rows hidden before this instant may move to the archive: no run that is active began before they were hidden, since a page of
/// such a run may still bring a row back under an older instant.
pub fn archive_before(oldest_active_watermark: Option<Instant>) -> Instant {
    oldest_active_watermark.unwrap_or(Instant(i64::MAX))
}

/// Whether a group lost so many members that a person should hear of it.
pub fn lost_most_members(before: u64, after: u64) -> bool {
    before >= 50 && after * 2 < before
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SweepLimits = SweepLimits { max_rows: 50, max_percent: 5.0 };

    #[test]
    fn both_limits_must_be_exceeded() {
        assert!(Going { missing: 50, visible: 60 }.within(LIMITS));
        assert!(Going { missing: 51, visible: 10_000 }.within(LIMITS));
        assert!(!Going { missing: 51, visible: 1_000 }.within(LIMITS));
    }

    #[test]
    fn the_last_admin_never_goes_silently() {
        let few = Going { missing: 1, visible: 1_000 };
        assert_eq!(verdict(few, Going::default(), true, LIMITS, false), SweepVerdict::AskPerson);
        assert_eq!(verdict(few, Going::default(), false, LIMITS, false), SweepVerdict::HideMissing);
        assert_eq!(verdict(few, Going::default(), true, LIMITS, true), SweepVerdict::HideApproved);
    }

    #[test]
    fn half_a_big_group_gone_is_news() {
        assert!(lost_most_members(50, 24));
        assert!(!lost_most_members(50, 25));
        assert!(lost_most_members(51, 25));
        assert!(!lost_most_members(49, 0));
    }
}
