//! Bulk operations: one action on a list of accounts, from the request until the API shows its result.
//!
//! ```text
//! approval -Approved-> running -ItemsEnded-> checking -AllShown-> settled
//!     |                   |                     +------SomeDiffer-> differs
//!     +----CancelAsked----+-> cancelled         settled, differs, cancelled, checking -RetryAsked-> running
//! ```
//! Cancelling stops what has not been marked; a call that may have happened is still read to its end.

use std::time::Duration;

use crate::words::words;

words! {
    /// Where an operation stands.
    OperationState {
        /// A second person has to agree to the list.
        Approval = "approval",
        /// Its items wait at the gate, or act.
        Running = "running",
        /// Every item has ended; the API does not show all results yet.
        Checking = "checking",
        /// The API shows what was done.
        Settled = "settled",
        /// The API shows something else than what was done, named on the items.
        Differs = "differs",
        /// A person stopped it.
        Cancelled = "cancelled",
    }
}

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationEvent {
    /// A second person agreed to the list as it is.
    Approved,
    /// The last item ended.
    ItemsEnded,
    /// The API shows every result.
    AllShown,
    /// Every result was looked for, and some are not as they were made.
    SomeDiffer,
    /// A person stops it.
    CancelAsked,
    /// A person asks for another try of what failed.
    RetryAsked,
}

impl OperationState {
    /// The state after `event`; `None` where the event says nothing new, and is dropped.
    pub fn after(self, event: OperationEvent) -> Option<Self> {
        use OperationState::{Approval, Cancelled, Checking, Differs, Running, Settled};
        Some(match (self, event) {
            (Approval, OperationEvent::Approved) => Running,
            (Running, OperationEvent::ItemsEnded) => Checking,
            (Checking, OperationEvent::AllShown) => Settled,
            (Checking, OperationEvent::SomeDiffer) => Differs,
            (Approval | Running, OperationEvent::CancelAsked) => Cancelled,
            (Checking | Settled | Differs, OperationEvent::RetryAsked) => Running,
            _ => return None,
        })
    }

    /// Whether nothing will happen to it by itself.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Settled | Self::Differs | Self::Cancelled)
    }
}

/// What an operation may do without, and may never do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Accounts of one operation at most.
    pub max_items: usize,
    /// Above so many accounts a second person has to agree.
    pub approval_above: usize,
    /// Observations that are older do not open the gate.
    pub max_age: Duration,
    /// How long an operation waits for fresh readings before it gives up.
    pub patience: Duration,
    /// Account ids that no operation changes.
    pub protected_accounts: Vec<String>,
    /// Group ids whose members no operation changes.
    pub protected_groups: Vec<uuid::Uuid>,
}

/// Whether so many accounts may be asked for, and who has to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// It may run.
    AtOnce,
    /// A second person has to agree.
    WithApproval,
    /// No.
    TooMany,
}

impl Limits {
    /// What becomes of an operation over so many accounts.
    pub fn admit(&self, accounts: usize) -> Admitted {
        if accounts > self.max_items {
            Admitted::TooMany
        } else if accounts > self.approval_above {
            Admitted::WithApproval
        } else {
            Admitted::AtOnce
        }
    }
}

/// Why an approval does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoApproval {
    /// Whoever asked for it cannot be the second person.
    SamePerson,
    /// The list has changed since it was shown.
    OtherList,
    /// The operation does not wait for an approval.
    NotAwaited,
}

/// Whether `person`, to whom the list of revision `shown` was shown, may approve. Names are compared without case and outer space.
pub fn approve(
    state: OperationState,
    asked_by: &str,
    person: &str,
    revision: i32,
    shown: i32,
) -> Result<OperationState, NoApproval> {
    let next = state.after(OperationEvent::Approved).ok_or(NoApproval::NotAwaited)?;
    let name = |name: &str| name.trim().to_lowercase();
    if name(person).is_empty() || name(person) == name(asked_by) {
        return Err(NoApproval::SamePerson);
    }
    if revision != shown {
        return Err(NoApproval::OtherList);
    }
    Ok(next)
}

/// What a refresh of accounts may cost before a full run is cheaper.
pub fn scoped_is_cheaper(accounts: u64, calls_of_a_full_run: Option<u64>) -> bool {
    calls_of_a_full_run.is_none_or(|full| accounts.div_ceil(10) <= full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_person_is_another_one_who_saw_this_list() {
        let state = OperationState::Approval;
        assert_eq!(approve(state, "ann", "ben", 2, 2), Ok(OperationState::Running));
        assert_eq!(approve(state, "ann", " Ann ", 2, 2), Err(NoApproval::SamePerson));
        assert_eq!(approve(state, "ann", "", 2, 2), Err(NoApproval::SamePerson));
        assert_eq!(approve(state, "ann", "ben", 2, 1), Err(NoApproval::OtherList));
        assert_eq!(approve(OperationState::Cancelled, "ann", "ben", 2, 2), Err(NoApproval::NotAwaited));
    }

    #[test]
    fn large_operations_need_a_second_person_and_larger_ones_are_refused() {
        let limits = Limits {
            max_items: 10,
            approval_above: 3,
            max_age: Duration::ZERO,
            patience: Duration::ZERO,
            protected_accounts: Vec::new(),
            protected_groups: Vec::new(),
        };
        assert_eq!(
            [3, 4, 10, 11].map(|size| limits.admit(size)),
            [Admitted::AtOnce, Admitted::WithApproval, Admitted::WithApproval, Admitted::TooMany]
        );
    }

    #[test]
    fn a_full_run_is_taken_when_it_costs_fewer_calls() {
        assert!(scoped_is_cheaper(100, Some(10)));
        assert!(!scoped_is_cheaper(101, Some(10)));
        assert!(scoped_is_cheaper(1_000_000, None));
    }
}
