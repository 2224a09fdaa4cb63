//! A call that was granted, until it ends: what became of it is what the budget learns from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answer::GrantedAt;
use super::family_budget::FamilyBudget;

/// Held by a permit; its end is reported wherever the permit ends.
pub(crate) struct Flight {
    family: Arc<FamilyBudget>,
    granted_at: GrantedAt,
}

impl Flight {
    pub(super) fn new(family: Arc<FamilyBudget>, granted_at: GrantedAt) -> Self {
        Self { family, granted_at }
    }

    /// The API let the call through, and told its limit or did not.
    pub(crate) async fn answered(&self, told: Option<ToldLimit>) {
        self.family.local().answered();
        if let Some(told) = told {
            self.family.told(told.per_minute, told.left).await;
        }
    }

    /// The API answered 429: all workers pause before this returns.
    pub(crate) async fn refused(&self, asked: Option<Duration>) {
        self.family.refused(self.granted_at, asked).await;
    }
}

/// `X-RateLimit-Limit` and `X-RateLimit-Remaining`. The limit is taken for calls a minute, as all documented ones are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ToldLimit {
    pub(crate) per_minute: u32,
    pub(crate) left: Option<u32>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.family.local().ended();
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("granted_at", &self.granted_at.0).finish_non_exhaustive()
    }
}
