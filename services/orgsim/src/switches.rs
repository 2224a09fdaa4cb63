//! Choices where the real service is not known well enough, each with the likelier one as its default.

use serde::{Deserialize, Serialize};

/// The choices (section 8 of the reference), all of which can be made at the start and through the control API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    /// A membership that exists already is asked for again (1).
    pub duplicate_membership: DuplicateMembership,
    /// Somebody who is no member is taken out of a group (2).
    pub missing_membership: MissingMembership,
    /// An organisation's admin is to be suspended (3).
    pub suspend_org_admin: Verdict,
    /// An account is suspended or restored that already is.
    pub repeated_suspend: Leniency,
    /// A group of the identity provider is to be changed (4).
    pub synced_group_write: SyncedGroupWrite,
    /// `links.next` of the last page (5).
    pub last_page_next: LastPageNext,
    /// The key belongs to one organisation, and the list of organisations is empty for it (6).
    pub scoped_key: bool,
    /// The scopes of a scoped key; `None` is every scope that reads.
    pub key_scopes: Option<Vec<String>>,
    /// An operation for which no scope is documented is called with a scoped key.
    pub undocumented_scope: Leniency,
    /// Last-active dates are asked for with a scoped key.
    pub scoped_last_active: Verdict,
    /// Which headers tell about the rate limit (7).
    pub rate_limit_headers: RateLimitHeaders,
    /// The body of a 429 (7).
    pub rate_limit_body: RateLimitBody,
    /// How long reads stay behind writes (8).
    pub lag: Lag,
    /// `status` inside an error (9).
    pub error_status: ErrorStatus,
    /// The body of a refused write of v2.
    pub write_error_body: WriteErrorBody,
    /// Calls a minute on each path of events, one event and event actions (10); `None` is no limit.
    pub events_per_minute: Option<u32>,
    /// Calls a minute on the stream of events (10).
    pub events_stream_per_minute: Option<u32>,
    /// Calls a minute for last-active dates, for the whole organisation (10).
    pub last_active_per_minute: Option<u32>,
    /// An empty list in a search (11).
    pub empty_arrays: Verdict,
    /// A property that the specification doesn't have (12).
    pub unknown_properties: Leniency,
    /// A value of `expand` that the specification doesn't have (13).
    pub unknown_expand: Verdict,
    /// What a cursor remembers (14).
    pub cursor_position: CursorPosition,
    /// `links.next` of workspaces (15).
    pub workspaces_next: WorkspacesNext,
    /// What the latest page of the stream of events says in ascending order.
    pub stream_end: StreamEnd,
    /// `sortBy` of a query is an object instead of a list.
    pub sort_object: Verdict,
    /// A write names the directory `-`.
    pub dash_in_writes: Verdict,
    /// Whether the organisation pays, without which nobody can be invited.
    pub paid: bool,
    /// How many rows a page of a v1 list has, 1 to 1,000.
    pub v1_page_size: usize,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            duplicate_membership: DuplicateMembership::default(),
            missing_membership: MissingMembership::default(),
            suspend_org_admin: Verdict::Reject,
            repeated_suspend: Leniency::Accept,
            synced_group_write: SyncedGroupWrite::default(),
            last_page_next: LastPageNext::default(),
            scoped_key: false,
            key_scopes: None,
            undocumented_scope: Leniency::Accept,
            scoped_last_active: Verdict::Reject,
            rate_limit_headers: RateLimitHeaders::default(),
            rate_limit_body: RateLimitBody::default(),
            lag: Lag::default(),
            error_status: ErrorStatus::default(),
            write_error_body: WriteErrorBody::default(),
            events_per_minute: Some(10),
            events_stream_per_minute: Some(50),
            last_active_per_minute: Some(200),
            empty_arrays: Verdict::Reject,
            unknown_properties: Leniency::Accept,
            unknown_expand: Verdict::Reject,
            cursor_position: CursorPosition::default(),
            workspaces_next: WorkspacesNext::default(),
            stream_end: StreamEnd::default(),
            sort_object: Verdict::Reject,
            dash_in_writes: Verdict::Reject,
            paid: true,
            v1_page_size: 100,
        }
    }
}

impl Switches {
    /// Says which choice is none.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.v1_page_size {
            1..=1_000 => Ok(()),
            wrong => Err(format!("v1_page_size must be from 1 to 1000, not {wrong}")),
        }
    }
}

/// How long what a write changed stays hidden from reads, in milliseconds for each kind of write. The truth shows it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lag {
    /// Groups that were created or deleted.
    pub group_ms: u64,
    /// Members that were added or removed.
    pub membership_ms: u64,
    /// Roles of groups and users on resources.
    pub role_ms: u64,
    /// Roles on the organisation.
    pub org_role_ms: u64,
    /// Suspended and restored accounts.
    pub suspend_ms: u64,
    /// Accounts that were removed from a directory.
    pub removal_ms: u64,
    /// Invited accounts.
    pub invite_ms: u64,
    /// Disabled, enabled and deleted accounts.
    pub lifecycle_ms: u64,
    /// Audit events, of any change.
    pub event_ms: u64,
}

impl Lag {
    /// What was measured or is documented of the real service (section 7 of the reference).
    #[must_use]
    pub fn measured() -> Self {
        Self {
            group_ms: 2_000,
            membership_ms: 1_000,
            role_ms: 35_000,
            org_role_ms: 30_000,
            suspend_ms: 2_000,
            removal_ms: 10_000,
            invite_ms: 2_000,
            lifecycle_ms: 2_000,
            event_ms: 1_000,
        }
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
            #[serde(rename_all = "snake_case")]
            pub enum $name {
                $($(#[$what])* $variant,)*
            }

            impl $name {
                /// Every choice.
                pub const EVERY: &[Self] = &[$(Self::$variant),*];
            }
        )*
    };
}

choices! {
    /// The answer to adding somebody who is a member already.
    DuplicateMembership {
        /// 204, as was measured.
        #[default]
        NoContent,
        /// 409 with ADMIN-UAM-409-2.
        Conflict,
        /// 409 with another code and a text that says "already".
        ConflictText,
    }

    /// The answer to removing somebody who is no member.
    MissingMembership {
        /// 404.
        #[default]
        NotFound,
        /// 204.
        NoContent,
    }

    /// The answer to changing a group of the identity provider.
    SyncedGroupWrite {
        /// 403.
        #[default]
        Forbidden,
        /// 400.
        BadRequest,
    }

    /// How the last page says that it is the last.
    LastPageNext {
        /// There is no `next`.
        #[default]
        Absent,
        /// `next` is null.
        Null,
        /// `next` is an empty text.
        Empty,
    }

    /// The form of the next link of workspaces.
    WorkspacesNext {
        /// A bare token.
        #[default]
        Token,
        /// A URL with the token in its query.
        Url,
    }

    /// Whether the latest page of the stream of events has a next one.
    StreamEnd {
        /// It has, which finds what is processed later.
        #[default]
        Next,
        /// It has none; its own cursor finds it again with what was processed since.
        Absent,
    }

    /// Whether a cursor stands behind a row or counts rows.
    CursorPosition {
        /// Behind a row, whether it still exists or not.
        #[default]
        Keyset,
        /// After so many rows, whatever they are by now.
        Offset,
    }

    /// The headers of limited answers.
    RateLimitHeaders {
        /// `X-RateLimit-*`, and `Retry-After` in seconds on a 429.
        #[default]
        All,
        /// `Retry-After` in seconds only.
        RetryAfter,
        /// `Retry-After` as a date only.
        RetryAfterDate,
        /// `X-RateLimit-*` only, the reset to the second.
        ResetSeconds,
        /// `X-RateLimit-*` only, the reset to the minute.
        ResetMinutes,
        /// None at all.
        None,
    }

    /// The body of a 429.
    RateLimitBody {
        /// `errors[]` on v2, ProxyError elsewhere.
        #[default]
        Documented,
        /// ProxyError.
        Proxy,
        /// `errors[]`.
        Errors,
        /// No body.
        Empty,
    }

    /// The type of the status inside an error.
    ErrorStatus {
        /// A text, as documented.
        #[default]
        String,
        /// A number.
        Number,
    }

    /// The body of a refused write of v2.
    WriteErrorBody {
        /// `errors[]`, as was seen.
        #[default]
        Errors,
        /// No body, as documented.
        Empty,
    }

    /// Whether a doubtful input is refused; it is by default.
    Verdict {
        /// It is refused.
        #[default]
        Reject,
        /// It is accepted.
        Accept,
    }

    /// Whether a doubtful input is accepted; it is by default.
    Leniency {
        /// It is accepted.
        #[default]
        Accept,
        /// It is refused.
        Reject,
    }
}
