//! Automated tasks: a filter, what is done to whoever matches it, and when.
//!
//! ```text
//! refreshing -Chosen-> acting -StepEnded-> acting, for each further action
//!     |                  +-----Finished-> done
//!     +--NobodyLeft-> done
//! refreshing, acting -GaveUp-> failed             refreshing, acting -Stopped-> cancelled
//! ```
//! A run chooses by the mirror as it is, lets exactly those accounts be read anew, and chooses again. Only who was chosen both times is acted
//! on: who dropped out is listed, and so is who matches only now. Actions are done one after the other, each by a bulk operation of its
//! own, and each for those accounts alone for which the one before it was done or was so already.
//!
//! Absent: the clock (`schedule`), what a filter means (`filter`), the gate that each operation passes (`gate`).

use std::fmt::Write;

use crate::action::Action;
use crate::filter::Filter;
use crate::name::Name;
use crate::schedule::Schedule;
use crate::words::words;

/// Actions of one task at most.
pub const ACTIONS_MAX: usize = 10;

/// What somebody wants done again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// One of the organisation has it.
    pub name: Name,
    /// Whom it is about. A text of its own: a saved filter that is changed later changes no task.
    pub filter: Filter,
    /// What is done to each of them, in this order; 1 to [`ACTIONS_MAX`].
    pub actions: Vec<Action>,
    /// When.
    pub schedule: Schedule,
    /// A run that chooses more accounts does nothing.
    pub max_items: u32,
}

impl Task {
    /// The task in a sentence. `group_name` tells the name of an action's group, where it is known.
    pub fn sentence(&self, group_name: impl Fn(&Action) -> Option<String>) -> String {
        let mut sentence = format!("{}, ", self.schedule.in_words());
        for (position, action) in self.actions.iter().enumerate() {
            let then = if position > 0 { ", then " } else { "" };
            // Writing to a string cannot fail.
            let _never = write!(sentence, "{then}{}", action.in_words(group_name(action).as_deref()));
        }
        let whom = if self.filter.0.is_none() { "everybody".to_owned() } else { format!("whoever matches `{}`", self.filter) };
        let _never = write!(sentence, ": {whom}, at most {} accounts, after a refresh.", self.max_items);
        sentence
    }
}

words! {
    /// Where a run of a task stands.
    TaskRunState {
        /// The accounts that it chose are read anew.
        Refreshing = "refreshing",
        /// Its operations are under way.
        Acting = "acting",
        /// Everything was done, or there was nothing to do.
        Done = "done",
        /// Given up, with a reason.
        Failed = "failed",
        /// A person stopped it.
        Cancelled = "cancelled",
    }
}

/// What happens to a run of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskRunEvent {
    /// Somebody was chosen both times, and the first operation was asked for.
    Chosen,
    /// Nobody was chosen, or nobody both times.
    NobodyLeft,
    /// An operation ended, and the next one was asked for.
    StepEnded,
    /// The last operation ended, or there is nobody left for the next one.
    Finished,
    /// It cannot go on.
    GaveUp,
    /// A person stopped it.
    Stopped,
}

impl TaskRunState {
    /// The state after `event`; `None` where the event says nothing new, and is dropped.
    pub fn after(self, event: TaskRunEvent) -> Option<Self> {
        use TaskRunState::{Acting, Cancelled, Done, Failed, Refreshing};
        Some(match (self, event) {
            (Refreshing, TaskRunEvent::Chosen) | (Acting, TaskRunEvent::StepEnded) => Acting,
            (Refreshing, TaskRunEvent::NobodyLeft) | (Acting, TaskRunEvent::Finished) => Done,
            (Refreshing | Acting, TaskRunEvent::GaveUp) => Failed,
            (Refreshing | Acting, TaskRunEvent::Stopped) => Cancelled,
            _ => return None,
        })
    }

    /// Whether nothing will happen to it any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole machine, so that a review sees each arrow.
    #[test]
    fn every_arrow() {
        use TaskRunEvent::{Chosen, Finished, GaveUp, NobodyLeft, StepEnded, Stopped};
        let mut arrows = Vec::new();
        for state in TaskRunState::ALL {
            for event in [Chosen, NobodyLeft, StepEnded, Finished, GaveUp, Stopped] {
                if let Some(next) = state.after(event) {
                    assert!(!state.has_ended());
                    arrows.push(format!("{state} -{event:?}-> {next}"));
                }
            }
        }
        assert_eq!(
            arrows,
            [
                "refreshing -Chosen-> acting",
                "refreshing -NobodyLeft-> done",
                "refreshing -GaveUp-> failed",
                "refreshing -Stopped-> cancelled",
                "acting -StepEnded-> acting",
                "acting -Finished-> done",
                "acting -GaveUp-> failed",
                "acting -Stopped-> cancelled",
            ]
        );
    }

    #[test]
    fn a_task_reads_as_a_sentence() {
        let task = Task {
            name: "idle".parse().unwrap(),
            filter: "status:active inactive>90d".parse().unwrap(),
            actions: vec![
                "remove-from-group 6a1e0b2c-0000-4000-8000-000000000001".parse().unwrap(),
                "suspend d1".parse().unwrap(),
            ],
            schedule: "weekdays 06:00 Europe/Berlin".parse().unwrap(),
            max_items: 2_000,
        };
        assert_eq!(
            task.sentence(|action| action.group().map(|_| "confluence-users".to_owned())),
            "Every weekday at 06:00 Europe/Berlin, remove from the group \"confluence-users\", then suspend in the directory d1: \
             whoever matches `status:active inactive>90d`, at most 2000 accounts, after a refresh."
        );
    }
}
