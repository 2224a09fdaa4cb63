//! Operations that share a rate limit.

use std::fmt;

use crate::operation::Operation;

/// Operations that the API counts together, as section 6 of the reference tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `last-active-dates`: 200 calls a minute for an organisation.
    LastActive,
    /// `events`, one event, `event-actions`: 10 a minute since May 2025.
    Events,
    /// `events-stream`: 50 a minute.
    EventStream,
    /// All else, for which no number is published.
    General,
}

impl Family {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::LastActive, Self::Events, Self::EventStream, Self::General];

    /// The family that a call is counted in.
    pub fn of(operation: Operation) -> Self {
        match operation {
            Operation::LastActive => Self::LastActive,
            Operation::Events | Operation::Event | Operation::EventActions => Self::Events,
            Operation::EventStream => Self::EventStream,
            _ => Self::General,
        }
    }

    /// The documented limit, in calls a minute.
    pub fn documented_per_minute(self) -> Option<u32> {
        match self {
            Self::LastActive => Some(200),
            Self::Events => Some(10),
            Self::EventStream => Some(50),
            Self::General => None,
        }
    }

    /// The word for keys, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LastActive => "last_active",
            Self::Events => "events",
            Self::EventStream => "event_stream",
            Self::General => "general",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
