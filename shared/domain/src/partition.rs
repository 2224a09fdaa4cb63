//! Splits users and groups into cursor chains that can be read at the same time.
//!
//! A chain is sequential, so the longest one bounds a run wherever latency is high. Only filters whose values cover everyone may
//! split: a dimension is used if the counts of its values add up to the whole. Long partitions are read from both ends.
//!
//! [`Splitter`] asks for counts and is told them, so the decision stays pure: the caller makes the calls, in parallel if it can.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::DirectoryId;
use crate::query::{GroupFilter, UserFilter};

/// Rows on a full page.
pub const PAGE: u64 = 100;
/// A partition of at most so many pages is read from one end.
const TWO_ENDS_ABOVE_PAGES: u64 = 20;
/// How many chains of equal length a large organisation is split into at most.
const CHAINS: u64 = 16;

/// A filter that can be narrowed.
pub trait Narrow: Clone {
    /// Both filters at once; where both set a field, `other` wins.
    #[must_use]
    fn and(&self, other: &Self) -> Self;
}

impl Narrow for UserFilter {
    fn and(&self, other: &Self) -> Self {
        Self {
            directory: other.directory.clone().or_else(|| self.directory.clone()),
            account_status: other.account_status.clone().or_else(|| self.account_status.clone()),
            membership_status: other.membership_status.clone().or_else(|| self.membership_status.clone()),
            claim_status: other.claim_status.clone().or_else(|| self.claim_status.clone()),
            mfa_enabled: other.mfa_enabled.or(self.mfa_enabled),
            account_ids: if other.account_ids.is_empty() { self.account_ids.clone() } else { other.account_ids.clone() },
            group_ids: if other.group_ids.is_empty() { self.group_ids.clone() } else { other.group_ids.clone() },
            resource_ids: if other.resource_ids.is_empty() { self.resource_ids.clone() } else { other.resource_ids.clone() },
            role_ids: if other.role_ids.is_empty() { self.role_ids.clone() } else { other.role_ids.clone() },
        }
    }
}

impl Narrow for GroupFilter {
    fn and(&self, other: &Self) -> Self {
        Self {
            directory: other.directory.clone().or_else(|| self.directory.clone()),
            group_ids: if other.group_ids.is_empty() { self.group_ids.clone() } else { other.group_ids.clone() },
        }
    }
}

/// Rows that are read as one cursor chain, or as two from both ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition<F> {
    /// Which rows.
    pub filter: F,
    /// How many there were at planning.
    pub expected: u64,
    /// Read from both ends.
    pub two_ended: bool,
}

/// A way to split: one filter for each value.
pub type Dimension<F> = Vec<F>;

/// Dimensions of users, the most telling first. Directories only split those who are a member of one, so membership goes first
/// where there are several.
pub fn user_dimensions(directories: &[DirectoryId]) -> Vec<Dimension<UserFilter>> {
    let membership = ["active", "suspended", "no_membership"]
        .map(|status| UserFilter { membership_status: Some(status.to_owned()), ..Default::default() })
        .to_vec();
    let mfa = [true, false].map(|on| UserFilter { mfa_enabled: Some(on), ..Default::default() }).to_vec();
    let claim = ["managed", "unmanaged"]
        .map(|status| UserFilter { claim_status: Some(status.to_owned()), ..Default::default() })
        .to_vec();
    let account = ["active", "inactive", "closed"]
        .map(|status| UserFilter { account_status: Some(status.to_owned()), ..Default::default() })
        .to_vec();
    let directory: Dimension<UserFilter> =
        directories.iter().map(|id| UserFilter { directory: Some(id.clone()), ..Default::default() }).collect();
    if directories.len() > 1 { vec![membership, directory, mfa, claim, account] } else { vec![mfa, claim, membership, account] }
}

/// Dimensions of groups: their directory.
pub fn group_dimensions(directories: &[DirectoryId]) -> Vec<Dimension<GroupFilter>> {
    if directories.len() < 2 {
        return Vec::new();
    }
    vec![directories.iter().map(|id| GroupFilter { directory: Some(id.clone()), ..Default::default() }).collect()]
}

/// How many calls planning may spend on an organisation of so many pages.
pub fn planning_calls(pages: u64) -> u64 {
    pages / 200 + 8
}

/// Pages of so many rows; an empty list is one page too.
pub fn pages(rows: u64) -> u64 {
    rows.div_ceil(PAGE).max(1)
}

/// How long a chain may be before a split is worth its calls.
pub fn longest_chain(all_pages: u64) -> u64 {
    all_pages.div_ceil(CHAINS).max(TWO_ENDS_ABOVE_PAGES)
}

#[derive(Clone, Debug)]
struct Cell<F> {
    filter: F,
    expected: u64,
    /// Dimensions already used by this cell's filter.
    used: BTreeSet<usize>,
}

/// A question of the splitter: count each of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<F> {
    cell: usize,
    dimension: usize,
    /// Filters to count, one for each value of the dimension.
    pub filters: Vec<F>,
}

/// Splits the largest cell while a chain would be too long and calls are left.
#[derive(Clone, Debug)]
pub struct Splitter<F> {
    cells: Vec<Cell<F>>,
    dimensions: Vec<Dimension<F>>,
    /// Dimensions whose counts did not add up once: not everyone has one of its values.
    leaky: BTreeSet<usize>,
    longest: u64,
    two_ends: bool,
    calls_left: u64,
}

impl<F: Narrow> Splitter<F> {
    /// Starts with one partition of all rows. `two_ends`: a probe has seen that descending is the reversal of ascending.
    pub fn new(all: F, count: u64, dimensions: Vec<Dimension<F>>, longest: u64, two_ends: bool, calls_left: u64) -> Self {
        let whole = Cell { filter: all, expected: count, used: BTreeSet::new() };
        Self { cells: vec![whole], dimensions, leaky: BTreeSet::new(), longest, two_ends, calls_left }
    }

    fn chain_pages(&self, cell: &Cell<F>) -> u64 {
        let pages = pages(cell.expected);
        if self.two_ends && pages > TWO_ENDS_ABOVE_PAGES { pages.div_ceil(2) } else { pages }
    }

    /// The next counts to ask for; `None` when the plan is good enough or nothing more can be split.
    pub fn next(&self) -> Option<Question<F>> {
        let mut by_length: Vec<usize> = (0..self.cells.len()).collect();
        by_length.sort_by_key(|index| std::cmp::Reverse(self.cells[*index].expected));
        let cell = *by_length.first()?;
        if self.chain_pages(&self.cells[cell]) <= self.longest {
            return None;
        }
        let dimension = (0..self.dimensions.len()).find(|dimension| {
            !self.leaky.contains(dimension)
                && !self.cells[cell].used.contains(dimension)
                && self.dimensions[*dimension].len() as u64 <= self.calls_left
        })?;
        let filters = self.dimensions[dimension].iter().map(|value| self.cells[cell].filter.and(value)).collect();
        Some(Question { cell, dimension, filters })
    }

    /// Takes the counts of a question, in its order. Counts that do not add up to the cell disqualify the dimension.
    pub fn answer(&mut self, question: &Question<F>, counts: &[u64]) {
        self.calls_left = self.calls_left.saturating_sub(counts.len() as u64);
        let cell = &self.cells[question.cell];
        if counts.iter().sum::<u64>() != cell.expected {
            self.leaky.insert(question.dimension);
            return;
        }
        let mut used = cell.used.clone();
        used.insert(question.dimension);
        let split = question.filters.iter().zip(counts).map(|(filter, count)| Cell {
            filter: filter.clone(),
            expected: *count,
            used: used.clone(),
        });
        let split: Vec<_> = split.collect();
        self.cells.splice(question.cell..=question.cell, split);
    }

    /// Calls not spent.
    pub fn calls_left(&self) -> u64 {
        self.calls_left
    }

    /// The partitions, longest first, so that the longest chain starts first.
    pub fn finish(mut self) -> Vec<Partition<F>> {
        self.cells.sort_by_key(|cell| std::cmp::Reverse(cell.expected));
        let two_ends = self.two_ends;
        let longest = self.longest;
        self.cells
            .into_iter()
            .map(|cell| Partition {
                two_ended: two_ends && pages(cell.expected) > TWO_ENDS_ABOVE_PAGES.max(longest / 2),
                filter: cell.filter,
                expected: cell.expected,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person of the tests: a value for each dimension.
    #[derive(Clone, Debug)]
    struct Person {
        mfa: bool,
        claim: &'static str,
        membership: &'static str,
        account: &'static str,
        directory: Option<usize>,
    }

    fn matches(filter: &UserFilter, person: &Person) -> bool {
        filter.mfa_enabled.is_none_or(|mfa| mfa == person.mfa)
            && filter.claim_status.as_deref().is_none_or(|claim| claim == person.claim)
            && filter.membership_status.as_deref().is_none_or(|status| status == person.membership)
            && filter.account_status.as_deref().is_none_or(|status| status == person.account)
            && filter
                .directory
                .as_ref()
                .is_none_or(|directory| person.directory.is_some_and(|of| directory.as_str() == of.to_string()))
    }

    fn people() -> impl proptest::strategy::Strategy<Value = Vec<Person>> {
        use proptest::prelude::*;
        let person = (any::<bool>(), any::<bool>(), 0..4usize, 0..4usize).prop_map(|(mfa, managed, place, account)| Person {
            mfa,
            claim: if managed { "managed" } else { "unmanaged" },
            membership: if place == 3 { "no_membership" } else { "active" },
            // "unheard of": a word that no filter names, so the dimension must be found leaky.
            account: ["active", "active", "inactive", "unheard of"][account],
            directory: (place != 3).then_some(place),
        });
        prop::collection::vec(person, 0..400)
    }

    proptest::proptest! {
        /// However people are spread, each is in exactly one partition, and the calls stay within their limit.
        #[test]
        fn everybody_is_in_exactly_one_partition(people in people(), several: bool, allowance in 0u64..30) {
            let directories: Vec<DirectoryId> = ["0", "1", "2"].map(DirectoryId::from).to_vec();
            let directories = if several { directories } else { Vec::new() };
            let count = |filter: &UserFilter| people.iter().filter(|person| matches(filter, person)).count() as u64;
            let mut splitter = Splitter::new(UserFilter::default(), people.len() as u64, user_dimensions(&directories), 0, true, allowance);
            let mut calls = 0;
            while let Some(question) = splitter.next() {
                let counts: Vec<u64> = question.filters.iter().map(count).collect();
                calls += counts.len() as u64;
                splitter.answer(&question, &counts);
            }
            assert!(calls <= allowance);
            let partitions = splitter.finish();
            for person in &people {
                assert_eq!(partitions.iter().filter(|partition| matches(&partition.filter, person)).count(), 1, "{person:?}");
            }
            assert_eq!(partitions.iter().map(|partition| partition.expected).sum::<u64>(), people.len() as u64);
        }
    }

    #[test]
    fn a_small_organisation_is_one_chain() {
        let splitter = Splitter::new(UserFilter::default(), 1_999, user_dimensions(&[]), longest_chain(20), true, 8);
        assert_eq!(splitter.next(), None);
        assert_eq!(splitter.finish().len(), 1);
    }

    #[test]
    fn a_long_partition_is_read_from_both_ends_only_if_the_probe_allows() {
        let long = |two_ends| Splitter::new(GroupFilter::default(), 110_000, Vec::new(), 144, two_ends, 0).finish();
        assert!(long(true)[0].two_ended);
        assert!(!long(false)[0].two_ended);
    }
}
