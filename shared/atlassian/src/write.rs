//! Changes of the organisation: each is sent once, and what is not known afterwards is read back.
//!
//! Invariants
//! - Nothing here repeats a write. [`WriteOutcome::next`] says what the caller may do.
//! - "Unknown" is whatever might have been applied: a 5xx, a lost or unreadable answer, a time-out, a redirect.
//!
//! Absent: whether a change is wanted, and by whom (`services`).

mod change;
mod invite;
mod outcome;
mod read_back;
mod refusal;

pub use change::Change;
pub use invite::{INVITED_PER_CALL, Invitation, InviteFailure, Invited};
pub use outcome::{AfterWrite, WriteOutcome};
pub use refusal::{Refusal, RefusalReason};

use crate::client::Client;
use crate::error::ApiError;
use crate::operation::{Operation, Permit};
use refusal::Answer;

impl Client {
    /// Makes a change, once. The permit is for [`Change::operation`].
    pub async fn apply(&self, permit: Permit, change: &Change) -> WriteOutcome {
        let operation = change.operation();
        let (method, url, body) = change.request(self);
        match self.write(permit, operation, method, url, body).await {
            // What a success says beside its status is nothing that is needed.
            Ok(_) => WriteOutcome::Done(()),
            Err(error) => WriteOutcome::from_error(operation, error),
        }
    }
}

impl<T> WriteOutcome<T> {
    /// Reads what an error tells about the effect.
    pub(crate) fn from_error(operation: Operation, error: ApiError) -> Self {
        let answer = match &error {
            ApiError::RateLimited { .. } | ApiError::KeyRefused { .. } => return Self::NotApplied(error),
            ApiError::ScopeMissing { words, .. } => refusal::read(operation, 403, words),
            ApiError::NotFound { words, .. } => refusal::read(operation, 404, words),
            ApiError::CursorExpired { words, .. } => refusal::read(operation, 400, words),
            ApiError::BadRequest { status, words, .. } => refusal::read(operation, *status, words),
            ApiError::ServerFailed { .. } | ApiError::Unreachable { .. } | ApiError::Malformed { .. } => {
                return Self::Unknown(error);
            }
        };
        match answer {
            Answer::AlreadySo => Self::AlreadySo,
            Answer::KeyMayNot => Self::NotApplied(error),
            Answer::Refused(refusal) => Self::Refused(refusal),
        }
    }
}
