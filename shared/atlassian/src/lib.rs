//! Typed client of the Organization API.
//!
//! One method per operation that a sync needs; what it answers is already made of `orgmirror_domain`'s types. A caller first
//! draws a [`Permit`] from the key's shared call budget, then, if it needs one, an instant from the database, and then spends
//! the permit on exactly one HTTP request. Retrying is the caller's: [`ApiError::verdict`] says what to do, [`backoff`] how long
//! to wait.
//!
//! Invariants
//! - One permit, one request: a permit is moved into the call, nothing here repeats a request, redirects are not followed.
//! - A 429 pauses every worker that shares the key, before its error reaches the caller.
//! - An answer that might be incomplete is an error, never a shorter answer: oversized, truncated, looping and unreadable pages
//!   are refused whole.
//! - The key is sent and never told: not in errors, logs, spans or `Debug`. Spans carry no names and no bodies.
//!
//! Absent: the database, jobs, instants, any write to Atlassian.

mod budget;
mod client;
mod error;
mod groups;
mod key;
mod operation;
mod organisation;
mod retry;
mod transport;
mod users;
mod wire;

pub use budget::{Budget, BudgetSettings, BudgetWait, Family, FamilyState, WaitReason};
pub use client::{Client, ClientConfig, SetupError};
pub use error::{ApiError, ApiWords, Flaw, Verdict};
pub use groups::GroupStats;
pub use key::{ApiKey, KeyFingerprint};
pub use operation::{Lane, Operation, Permit};
pub use organisation::{ListPage, Organisation};
pub use retry::{Hint, backoff, retry_after};
pub use users::{UserStats, UsersPage};
