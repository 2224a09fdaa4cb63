//! Bulk operations: what they may do without, and may never do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Section `operation`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operation {
    /// Accounts that one operation may change at most; a larger one is refused.
    pub max_items: usize,
    /// An operation over more accounts than this waits until a second person approves its list.
    pub approval_above: usize,
    /// Nothing is changed on a reading that is older, however long the operation waited; it is read again instead.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// How long an operation may be without any progress, for want of fresh readings, before what is left of it is given up.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// How long the API may take to apply and to show a change. A call without an answer is read back only after that time, and what is
    /// not shown by then is a difference. Too short, and a call that takes effect late is made twice.
    #[serde(with = "humantime_serde")]
    pub settle_within: Duration,
    /// Ids of accounts that no operation changes.
    pub protected_accounts: Vec<String>,
    /// Ids of groups whose members no operation changes.
    pub protected_groups: Vec<String>,
}

impl Default for Operation {
    fn default() -> Self {
        Self {
            max_items: 10_000,
            approval_above: 500,
            max_age: Duration::from_secs(15 * 60),
            patience: Duration::from_secs(60 * 60),
            // The API's reference speaks of 30 s for roles, and of 35 s for a group's.
            settle_within: Duration::from_secs(35),
            protected_accounts: Vec::new(),
            protected_groups: Vec::new(),
        }
    }
}
