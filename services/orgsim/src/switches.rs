//! Choices where the real service is not known well enough, each with the likelier one as its default.

use serde::{Deserialize, Serialize};

/// The choices, all of which can be made through the control API.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Switches {
    /// `links.next` of the last page.
    pub(crate) last_page_next: LastPageNext,
    /// `links.next` of workspaces.
    pub(crate) workspaces_next: WorkspacesNext,
    /// What a cursor remembers.
    pub(crate) cursor_position: CursorPosition,
    /// Which headers tell about the rate limit.
    pub(crate) rate_limit_headers: RateLimitHeaders,
    /// The body of a 429.
    pub(crate) rate_limit_body: RateLimitBody,
    /// `status` inside an error.
    pub(crate) error_status: ErrorStatus,
    /// An empty list in a search.
    pub(crate) empty_arrays: Verdict,
    /// A property that the specification doesn't have.
    pub(crate) unknown_properties: Leniency,
    /// A value of `expand` that the specification doesn't have.
    pub(crate) unknown_expand: Verdict,
    /// The key belongs to one organisation, and the list of organisations is empty for it.
    pub(crate) scoped_key: bool,
}

/// How the last page says that it is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LastPageNext {
    #[default]
    Absent,
    Null,
    Empty,
}

/// The form of the next link of workspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkspacesNext {
    #[default]
    Token,
    Url,
}

/// Whether a cursor stands behind a row or counts rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CursorPosition {
    #[default]
    Keyset,
    Offset,
}

/// The headers of limited answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RateLimitHeaders {
    #[default]
    All,
    RetryAfter,
    RetryAfterDate,
    ResetSeconds,
    ResetMinutes,
    None,
}

/// The body of limited answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RateLimitBody {
    /// `errors[]` on v2, ProxyError on v1.
    #[default]
    Documented,
    Proxy,
    Errors,
    Empty,
}

/// The type of the status inside an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorStatus {
    #[default]
    String,
    Number,
}

/// Whether a doubtful input is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    #[default]
    Reject,
    Accept,
}

/// Whether a doubtful input is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Leniency {
    #[default]
    Accept,
    Reject,
}
