//! Jobs: what the ledger must see done, and when a job may be committed.

use serde::{Deserialize, Serialize};

use crate::ids::{ItemKey, JobKey, OrgKey};
use crate::run::Phase;
use crate::words::words;

words! {
    /// What a job reads.
    JobKind {
        /// Directories, workspaces and counts; registers the partitions.
        Plan = "plan",
        /// A page of users of a partition.
        UsersPage = "users_page",
        /// A page of groups of a partition.
        GroupsPage = "groups_page",
        /// What one group grants.
        GroupGrants = "group_grants",
        /// Up to 10 accounts by id.
        AccountLookup = "account_lookup",
        /// Up to 10 groups by id.
        GroupLookup = "group_lookup",
        /// A page of one group's members, as accounts.
        MemberPage = "member_page",
        /// The API's own count, asked again.
        Count = "count",
        /// Which product roles are held directly, by counts; registers the lists of those that are not inferred.
        Roles = "roles",
        /// A page of those who hold one role on one resource, as accounts.
        RolePage = "role_page",
    }
}

impl JobKind {
    /// Whether the job is a page of a cursor chain.
    pub fn is_page(self) -> bool {
        matches!(self, Self::UsersPage | Self::GroupsPage | Self::MemberPage | Self::RolePage)
    }

    /// Whether the job asks for accounts or groups by id. Look-ups write all their subjects and are never prefetched.
    pub fn is_lookup(self) -> bool {
        matches!(self, Self::AccountLookup | Self::GroupLookup)
    }
}

words! {
    /// How far a job is.
    JobState {
        /// Registered; maybe published, maybe running.
        Pending = "pending",
        /// Its effect is committed.
        Done = "done",
        /// Another chain reads what it would have read.
        Superseded = "superseded",
        /// Given up, and its run with it.
        Failed = "failed",
    }
}

/// What travels on the queue: a hint that the job may be worked on. What is to be done is read from the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobMessage {
    /// Which job.
    pub job: JobKey,
}

/// The same for an item of a bulk operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemMessage {
    /// Which item.
    pub item: ItemKey,
}

/// That the next page of an organisation's stream of events is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsMessage {
    /// Whose.
    pub events_of: OrgKey,
}

/// All that comes by the queue. Untagged: each kind has a field of its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// A job of a run.
    Job(JobMessage),
    /// An item of a bulk operation.
    Item(ItemMessage),
    /// A page of events.
    Events(EventsMessage),
}

/// Whether a delivery may commit its effect: the job is still pending and its run has not ended. A hold does not matter: commits
/// of calls in flight stay valid.
pub fn may_commit(phase: Phase, state: JobState) -> bool {
    state == JobState::Pending && phase.is_active()
}

/// Whether a phase is over: every job of the run is done or superseded. A failed job keeps the barrier shut for ever.
pub fn barrier_open(states: impl IntoIterator<Item = JobState>) -> bool {
    states.into_iter().all(|state| matches!(state, JobState::Done | JobState::Superseded))
}

/// The next smaller page size to try with a page that cannot be read; `None` when one row is already too much.
pub fn smaller_page(limit: u32) -> Option<u32> {
    [50, 25, 10, 1].into_iter().find(|smaller| *smaller < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_job_never_counts_as_finished() {
        assert!(barrier_open([JobState::Done, JobState::Superseded]));
        assert!(!barrier_open([JobState::Done, JobState::Failed]));
        assert!(!barrier_open([JobState::Pending]));
    }

    #[test]
    fn a_zombie_commits_nothing() {
        assert!(may_commit(Phase::Scanning, JobState::Pending));
        assert!(!may_commit(Phase::Scanning, JobState::Done));
        for ended in Phase::ALL.iter().filter(|phase| phase.has_ended()) {
            assert!(!may_commit(*ended, JobState::Pending));
        }
    }

    #[test]
    fn pages_shrink_to_one_row_and_no_further() {
        let mut limits = vec![100];
        while let Some(limit) = smaller_page(limits[limits.len() - 1]) {
            limits.push(limit);
        }
        assert_eq!(limits, [100, 50, 25, 10, 1]);
    }
}
