//! What verifying repairs, and what it reports.
//!
//! One round of repairs, cheapest first, within a share of the run's calls. What remains different is reported, named: never
//! hidden, never a reason to loop.

use serde::{Deserialize, Serialize};

/// A difference that stays: reported on the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Discrepancy {
    /// `group_members`, `partition_count`, `organisation_count`, `members_lost`.
    pub kind: String,
    /// What it is about, as an API id or a partition in words.
    pub subject: String,
    /// What the API says and what the mirror has, in words.
    pub detail: String,
}

/// Calls that repairs may make: 2 % of what the run has spent, and a few for the smallest runs.
pub fn repair_calls(calls_so_far: u64) -> u64 {
    calls_so_far / 50 + 5
}

/// Whether a partition is read once more: it listed fewer rows than the API counted both before and after.
pub fn read_again(listed: u64, before: u64, after: u64) -> bool {
    listed < before && listed < after
}

/// Takes repairs, cheapest first, as long as calls last. Returns how many of `costs` (sorted ascending) fit.
pub fn affordable(costs: &[u64], calls: u64) -> usize {
    let mut left = calls;
    costs
        .iter()
        .take_while(|cost| {
            let fits = **cost <= left;
            left = left.saturating_sub(**cost);
            fits
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_stop_when_calls_are_used_up() {
        assert_eq!(affordable(&[1, 1, 2, 50], 10), 3);
        assert_eq!(affordable(&[], 10), 0);
        assert_eq!(affordable(&[11], 10), 0);
    }

    #[test]
    fn a_partition_that_shrank_meanwhile_is_not_read_again() {
        assert!(read_again(90, 100, 99));
        assert!(!read_again(90, 100, 90));
        assert!(!read_again(90, 90, 95));
    }
}
