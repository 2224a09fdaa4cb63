//! When two chains that read one partition from both ends have met.
//!
//! Only a row that both listed under the same sort key proves that nothing lies between them: a single rename can carry an id from
//! one end to the other at once.

use std::collections::{HashMap, HashSet};

use crate::partition::PAGE;

/// More equal sort keys than this never count as a meeting: within them the order may be any.
const TIES: usize = 100;

/// A row as listed: its account or group key, and the hash of the sort key, if it has one.
pub type Sighting = (i32, Option<i64>);

/// Whether two listings of one partition have met: on a row with the same sort key in both, of which there are not too many.
pub fn have_met(mine: &[Sighting], theirs: &[Sighting]) -> bool {
    let theirs: HashSet<&Sighting> = theirs.iter().filter(|(_, hash)| hash.is_some()).collect();
    let mut ties: HashMap<i64, usize> = HashMap::new();
    for hash in mine.iter().filter_map(|(_, hash)| *hash) {
        *ties.entry(hash).or_default() += 1;
    }
    mine.iter().any(|sighting| {
        sighting.1.is_some_and(|hash| ties.get(&hash).is_some_and(|count| *count <= TIES)) && theirs.contains(sighting)
    })
}

/// Whether it is time to look for a meeting: both ends together have read nearly as many rows as the partition held, or now and then
/// in case it shrank. Looking later costs calls, never rows; looking each time would cost more than the calls.
pub fn look_for_meeting(read_by_both: u64, expected: u64, page: u32) -> bool {
    read_by_both + 2 * PAGE >= expected || page % 64 == 63
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: i32, hash: i64) -> Sighting {
        (key, Some(hash))
    }

    #[test]
    fn ends_meet_on_the_same_row_under_the_same_name() {
        assert!(have_met(&[row(1, 10), row(2, 20)], &[row(3, 30), row(2, 20)]));
        assert!(!have_met(&[row(1, 10)], &[row(2, 20)]));
    }

    #[test]
    fn a_rename_is_no_meeting() {
        assert!(!have_met(&[row(1, 10)], &[row(1, 99)]));
    }

    #[test]
    fn a_row_without_a_name_matches_nothing() {
        assert!(!have_met(&[(1, None)], &[(1, None)]));
    }

    #[test]
    fn a_crowd_of_equal_names_is_no_meeting() {
        let crowd: Vec<_> = (0..101).map(|key| row(key, 7)).collect();
        assert!(!have_met(&crowd, &[row(3, 7)]));
        assert!(have_met(&crowd[..100], &[row(3, 7)]));
    }
}
