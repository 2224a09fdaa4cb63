//! What became of a write, and what to do then.

use std::time::Duration;

use super::refusal::Refusal;
use crate::error::{ApiError, Verdict};

/// What became of one write.
#[derive(Debug)]
#[must_use = "a write that is not known to be done has to be read back"]
pub enum WriteOutcome<T = ()> {
    /// The API says that it is done. It may take a moment to be seen (reference, section 7).
    Done(T),
    /// It was so before: nothing to change.
    AlreadySo,
    /// The API will not do it, for a reason that lies in what was asked. Repeating it changes nothing.
    Refused(Refusal),
    /// It was not done, for a reason that lies elsewhere: the rate limit, the key.
    NotApplied(ApiError),
    /// Nobody knows whether it was done.
    Unknown(ApiError),
}

/// What the caller may do after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterWrite {
    /// Nothing more.
    Finished,
    /// Tell a person why it was refused.
    Report,
    /// Send it again after this time, or after a back-off where the API told none: it was not applied.
    Repeat(Option<Duration>),
    /// Wait for a person: every other write with this key would end alike.
    HoldRun,
    /// Read whether it holds, and send it again only if it does not.
    ReadBack,
}

impl<T> WriteOutcome<T> {
    /// The decision that goes with each outcome.
    pub fn next(&self) -> AfterWrite {
        match self {
            Self::Done(_) | Self::AlreadySo => AfterWrite::Finished,
            Self::Refused(_) => AfterWrite::Report,
            Self::NotApplied(error) => match error.verdict() {
                Verdict::RetryAfter(wait) => AfterWrite::Repeat(wait),
                Verdict::HoldRun | Verdict::Retry | Verdict::GiveUp | Verdict::RestartChain => AfterWrite::HoldRun,
            },
            Self::Unknown(_) => AfterWrite::ReadBack,
        }
    }
}
