//! What is said between a process and the scripts of the budget, in the scripts' own numbers.

use std::time::Duration;

use super::{BudgetWait, WaitReason};

/// The moment, by Redis's clock, at which a call was granted: tells a 429 that is news from one of an offence already known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GrantedAt(pub(super) u64);

impl GrantedAt {
    /// Granted without Redis, later than all that it knows. Lua's numbers hold it exactly.
    pub(super) const ALONE: Self = Self(1 << 53);
}

/// What a process tells with its question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Calls that ended, used or not.
    pub(super) ended: u32,
    /// Those of them that the API let through.
    pub(super) answered: u32,
    /// Permits in stock that nobody used in time.
    pub(super) lapsed: u32,
    /// Callers of this lane that were made to wait without asking.
    pub(super) waits: u32,
}

/// What `take.lua` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This many calls, for so long.
    Granted { calls: u32, holds: Duration, at: GrantedAt },
    /// None now.
    Wait(BudgetWait),
}

impl From<(u32, u64, u8, u64)> for Answer {
    fn from((calls, micros, why, at): (u32, u64, u8, u64)) -> Self {
        let time = Duration::from_micros(micros);
        let wait = |reason| Self::Wait(BudgetWait { retry_in: time, reason });
        match why {
            0 => Self::Granted { calls, holds: time, at: GrantedAt(at) },
            2 => wait(WaitReason::Paused),
            3 => wait(WaitReason::SlowStart),
            _ => wait(WaitReason::Rate),
        }
    }
}
