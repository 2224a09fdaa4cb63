//! Runs: the phases of a sync, who moves it on, and what may hold it.
//!
//! ```text
//! requested -Started-> planning -Drained-> scanning -Drained-> verifying -Drained-> sweeping -Swept-> completed
//!     |                    any of the four -GaveUp-> failed
//!     +-- any but an end --CancelAsked-> cancelled
//!                          any of the four, held for approval -NextStarted-> replaced
//! ```
//! A hold is a mark beside the phase and no state: resuming has nothing to remember.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, GroupId};
use crate::words::words;

words! {
    /// Where a run stands.
    Phase {
        /// Waits for its turn; requests may join it.
        Requested = "requested",
        /// Reads directories, workspaces and counts.
        Planning = "planning",
        /// Reads every page.
        Scanning = "scanning",
        /// Asks by id and by count for what pages left open.
        Verifying = "verifying",
        /// Hides what was proven gone.
        Sweeping = "sweeping",
        /// Its watermark is visible.
        Completed = "completed",
        /// Given up, with a reason.
        Failed = "failed",
        /// Stopped by a person.
        Cancelled = "cancelled",
        /// Was held for approval when the next run started.
        Replaced = "replaced",
    }
}

words! {
    /// Why a run was asked for.
    RunKind {
        /// First start of an organisation.
        Initial = "initial",
        /// By the schedule.
        Scheduled = "scheduled",
        /// By a person or a program.
        Manual = "manual",
        /// Before an operation.
        PreOperation = "pre_operation",
        /// After an operation.
        PostOperation = "post_operation",
        /// By the event stream.
        Delta = "delta",
    }
}

words! {
    /// Why a run waits for somebody.
    Hold {
        /// 401 with the key that is current.
        KeyRejected = "key_rejected",
        /// 403.
        ScopeMissing = "scope_missing",
        /// More would be hidden than may go without a person.
        Approval = "approval",
        /// Nothing answers.
        ApiDown = "api_down",
    }
}

impl Hold {
    /// Whether the run keeps its place as the active one: a hold for approval gives way to the next run.
    pub fn keeps_active(self) -> bool {
        self != Self::Approval
    }

    /// The hold in a person's words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::KeyRejected => "key rejected",
            Self::ScopeMissing => "key lacks scope",
            Self::Approval => "approval needed",
            Self::ApiDown => "API unreachable",
        }
    }
}

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// Its turn came, and its watermark was drawn.
    Started,
    /// Every job of the phase is done or superseded.
    Drained,
    /// What was proven gone is hidden.
    Swept,
    /// A job failed for good.
    GaveUp,
    /// A person stopped it.
    CancelAsked,
    /// The next run took its place while it waited for approval.
    NextStarted,
}

impl RunEvent {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Started, Self::Drained, Self::Swept, Self::GaveUp, Self::CancelAsked, Self::NextStarted];
}

impl Phase {
    /// The phase after `event`; `None` where the event says nothing new (late or repeated), and is dropped.
    pub fn after(self, event: RunEvent) -> Option<Self> {
        use Phase::{Cancelled, Completed, Failed, Planning, Replaced, Requested, Scanning, Sweeping, Verifying};
        Some(match (self, event) {
            (Requested, RunEvent::Started) => Planning,
            (Planning, RunEvent::Drained) => Scanning,
            (Scanning, RunEvent::Drained) => Verifying,
            (Verifying, RunEvent::Drained) => Sweeping,
            (Sweeping, RunEvent::Swept) => Completed,
            (Planning | Scanning | Verifying | Sweeping, RunEvent::GaveUp) => Failed,
            (Requested | Planning | Scanning | Verifying | Sweeping, RunEvent::CancelAsked) => Cancelled,
            (Planning | Scanning | Verifying | Sweeping, RunEvent::NextStarted) => Replaced,
            _ => return None,
        })
    }

    /// Whether nothing will happen to the run any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Replaced)
    }

    /// Whether the run has a watermark and has not ended.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Planning | Self::Scanning | Self::Verifying | Self::Sweeping)
    }
}

/// What a sync covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Scope {
    /// The whole organisation.
    Full,
    /// Accounts by id.
    Accounts {
        /// Which.
        ids: Vec<AccountId>,
    },
    /// Groups by id, each with its members.
    Groups {
        /// Which.
        ids: Vec<GroupId>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole machine, so that a review sees each arrow.
    #[test]
    fn every_arrow() {
        let mut arrows = Vec::new();
        for phase in Phase::ALL {
            for event in RunEvent::ALL {
                if let Some(next) = phase.after(*event) {
                    arrows.push(format!("{phase} -{event:?}-> {next}"));
                }
            }
        }
        assert_eq!(
            arrows,
            [
                "requested -Started-> planning",
                "requested -CancelAsked-> cancelled",
                "planning -Drained-> scanning",
                "planning -GaveUp-> failed",
                "planning -CancelAsked-> cancelled",
                "planning -NextStarted-> replaced",
                "scanning -Drained-> verifying",
                "scanning -GaveUp-> failed",
                "scanning -CancelAsked-> cancelled",
                "scanning -NextStarted-> replaced",
                "verifying -Drained-> sweeping",
                "verifying -GaveUp-> failed",
                "verifying -CancelAsked-> cancelled",
                "verifying -NextStarted-> replaced",
                "sweeping -Swept-> completed",
                "sweeping -GaveUp-> failed",
                "sweeping -CancelAsked-> cancelled",
                "sweeping -NextStarted-> replaced",
            ]
        );
    }

    proptest::proptest! {
        /// Whatever happens in whatever order, an ended run stays as it ended, and none completes but by a sweep.
        #[test]
        fn an_end_is_an_end(events in proptest::collection::vec(0..RunEvent::ALL.len(), 0..40)) {
            let mut phase = Phase::Requested;
            for index in events {
                let event = RunEvent::ALL[index];
                let Some(next) = phase.after(event) else { continue };
                assert!(!phase.has_ended());
                assert_eq!(next == Phase::Completed, event == RunEvent::Swept && phase == Phase::Sweeping);
                phase = next;
            }
        }
    }
}
