//! Which users or groups a call asks for.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, DirectoryId, GroupId, ResourceId};

/// Filters of `users/search` and `users/count` that a sync uses. All that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the API's filter of the same name")]
pub struct UserFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub membership_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_enabled: Option<bool>,
    /// At most 10; empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub account_ids: Vec<AccountId>,
    /// At most 10; empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_ids: Vec<GroupId>,
    /// At most 20; empty means any. With `role_ids`: who holds one of the roles on one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_ids: Vec<ResourceId>,
    /// In the API's words, at most 10; empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub role_ids: Vec<String>,
}

/// Filters of `groups/search` and `groups/count` that a sync uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the API's filter of the same name")]
pub struct GroupFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryId>,
    /// At most 10; empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_ids: Vec<GroupId>,
}

/// From which end a list is read: users by `nick_name`, groups by `name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the first name on.
    Ascending,
    /// From the last name back.
    Descending,
}

impl Direction {
    /// The other end.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// One page of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery<F> {
    /// Which rows.
    pub filter: F,
    /// In which order.
    pub direction: Direction,
    /// Where to go on; `None` for the first page.
    pub cursor: Option<String>,
    /// At most how many rows, 1..=100.
    pub limit: u32,
}

/// What a search answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the order listed.
    pub rows: Vec<Listed<T>>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// A row together with the key it is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The row.
    pub row: T,
    /// A hash of the sort key exactly as listed; `None` where the row has none, which matches nothing.
    pub sort_hash: Option<i64>,
    /// Properties, by the API's names, that the other rows of the answer tell and this one does not: its row has none instead. Empty
    /// for a whole row.
    pub untold: Vec<&'static str>,
}

impl<T> Listed<T> {
    /// A row that told everything, of an answer whose order does not matter.
    pub fn whole(row: T) -> Self {
        Self { row, sort_hash: None, untold: Vec::new() }
    }
}
