//! What can go wrong with a call, by what the caller can do about it.

use std::time::Duration;

use orgmirror_domain::ids::OrgId;

use crate::key::KeyFingerprint;
use crate::operation::Operation;

mod words;

pub use words::ApiWords;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A call that brought no answer to use. Never contains the key.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 401. Every other call with this key would meet the same answer.
    #[error(
        "Atlassian refused the API key {fingerprint} of organisation {org}: it has expired, was revoked or belongs elsewhere; make a new key at admin.atlassian.com, Settings, API keys, and store it: from a key file the run goes on with it by itself, else restart the workers"
    )]
    KeyRefused {
        /// Whose key.
        org: OrgId,
        /// The key that was used, which need not be the current one any more.
        fingerprint: KeyFingerprint,
        /// What the API said.
        words: ApiWords,
    },
    /// 403. The key is known and may not do this.
    #[error(
        "the API key {fingerprint} may not {}: {words}; give it the scope {} or use a key without scopes, then resume the run",
        operation.deed(), operation.scope()
    )]
    ScopeMissing {
        /// What it may not.
        operation: Operation,
        /// The key that was used.
        fingerprint: KeyFingerprint,
        /// What the API said.
        words: ApiWords,
    },
    /// 404. The thing asked about is not there, or not for this key.
    #[error("could not {}: Atlassian knows no such thing: {words}", operation.deed())]
    NotFound {
        /// What was asked.
        operation: Operation,
        /// What the API said.
        words: ApiWords,
    },
    /// 400 about the cursor that was sent. The list has to be read from its end again.
    #[error("could not {} further: Atlassian does not know the cursor any more: {words}", operation.deed())]
    CursorExpired {
        /// Which list.
        operation: Operation,
        /// What the API said.
        words: ApiWords,
    },
    /// Any other 4xx. Repeating it would change nothing.
    #[error("could not {}: Atlassian did not accept the request (status {status}): {words}", operation.deed())]
    BadRequest {
        /// What was asked.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// What the API said.
        words: ApiWords,
    },
    /// 429. All workers with this key already wait.
    #[error("could not {} yet: Atlassian's rate limit is reached{}", operation.deed(), again_in(retry_after))]
    RateLimited {
        /// What was asked.
        operation: Operation,
        /// As the API told it, by whichever header.
        retry_after: Option<Duration>,
    },
    /// 5xx, or 408.
    #[error("could not {}: Atlassian's server failed (status {status}): {words}", operation.deed())]
    ServerFailed {
        /// What was asked.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// As the API told it, which it does with some 503.
        retry_after: Option<Duration>,
        /// What the API said.
        words: ApiWords,
    },
    /// No whole answer came: no connection, none in time, or it broke off.
    #[error("could not {}: no whole answer from Atlassian within {waited:.1?}; check the network if it lasts", operation.deed())]
    Unreachable {
        /// What was asked.
        operation: Operation,
        /// How long the call took until then.
        waited: Duration,
        /// What the HTTP client says.
        #[source]
        source: Cause,
    },
    /// An answer came and cannot be trusted, so that none of it is used.
    #[error("could not {}: Atlassian's answer makes no sense: {flaw}; report it if it lasts", operation.deed())]
    Malformed {
        /// What was asked.
        operation: Operation,
        /// What is wrong with the answer; the message has it already, so it is no source.
        flaw: Flaw,
    },
}

/// What is wrong with an answer. Tells places, never contents: they may be people's names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not the JSON that the operation answers with.
    #[error("unreadable at {path} (line {line}, column {column})")]
    Unreadable {
        /// Property names and positions: `data[17].addedToOrg`.
        path: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// An id that a row cannot be without.
    #[error("row {row} has no readable {field}")]
    UnreadableId {
        /// Counted from 0.
        row: usize,
        /// The property's name.
        field: &'static str,
    },
    /// Something that a row cannot be without, and that is no id.
    #[error("row {row} came without {field}")]
    Untold {
        /// Counted from 0.
        row: usize,
        /// The property's name.
        field: &'static str,
    },
    /// More rows than asked for: somebody else's page.
    #[error("{got} rows where at most {asked} were asked for")]
    PageTooLarge {
        /// The limit sent.
        asked: usize,
        /// Rows that came.
        got: usize,
    },
    /// Memberships were asked for and not told: written as they are, they would empty groups that are full.
    #[error("{rows} users came without their memberships, which were asked for")]
    NotExpanded {
        /// Rows without the property.
        rows: usize,
    },
    /// The next page is the one just read.
    #[error("the next page's cursor is the one just sent, so the list would never end")]
    CursorLoop,
    /// A link to a next page that cannot be followed.
    #[error("the link to the next page has no cursor")]
    NextWithoutCursor,
    /// Larger than this client accepts.
    #[error("larger than {limit} bytes")]
    BodyTooLarge {
        /// The configured limit.
        limit: usize,
    },
    /// A status that the API does not use.
    #[error("unexpected status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
}

/// What the caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A person must act; every further call would fail alike.
    HoldRun,
    /// Again after this time, or after a back-off where the API told none. Does not count as a failed attempt.
    RetryAfter(Option<Duration>),
    /// Again after a back-off, a bounded number of times.
    Retry,
    /// Not again.
    GiveUp,
    /// Read this list again from its end.
    RestartChain,
}

impl ApiError {
    /// The decision that goes with each kind of error.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::KeyRefused { .. } | Self::ScopeMissing { .. } => Verdict::HoldRun,
            Self::NotFound { .. } | Self::BadRequest { .. } => Verdict::GiveUp,
            Self::CursorExpired { .. } => Verdict::RestartChain,
            Self::RateLimited { retry_after, .. } => Verdict::RetryAfter(*retry_after),
            Self::ServerFailed { retry_after: Some(wait), .. } => Verdict::RetryAfter(Some(*wait)),
            Self::ServerFailed { retry_after: None, .. } | Self::Unreachable { .. } | Self::Malformed { .. } => Verdict::Retry,
        }
    }
}

fn again_in(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| format!("; it asks to wait {wait:.1?}"))
}
