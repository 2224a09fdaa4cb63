//! Typed client of the Organization API.
//!
//! One method for each read, one [`Change`] for each write; answers that a sync needs are made of `orgmirror_domain`'s types. A caller first
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
//! - A write is sent once. What is not known afterwards is said to be unknown, and read back.
//!
//! Absent: the database, jobs, instants, repeating anything.

mod accounts;
mod activity;
mod budget;
mod client;
mod error;
mod events;
mod groups;
mod key;
mod operation;
mod organisation;
mod policies;
mod retry;
mod trail;
mod transport;
mod user_details;
mod users;
mod wire;
mod write;

pub use accounts::{Allowed, ManagedAccount};
pub use activity::{Activity, ProductActivity};
pub use budget::{Budget, BudgetSettings, BudgetWait, Family, FamilyState, WaitReason};
pub use client::{Client, ClientConfig, SetupError};
pub use error::{ApiError, ApiWords, Flaw, Verdict};
pub use events::{EVENTS_PER_PAGE, Event, EventAction, EventFilter, EventObject};
pub use groups::GroupStats;
pub use key::{ApiKey, KeyFingerprint};
pub use operation::{Lane, Operation, Permit};
pub use organisation::{ListPage, Organisation};
pub use policies::{Domain, Policy};
pub use retry::{Hint, backoff, retry_after};
pub use trail::CursorTrail;
pub use user_details::UserRoles;
pub use users::{UserStats, UsersPage};
pub use write::{AfterWrite, Change, INVITED_PER_CALL, Invitation, InviteFailure, Invited, Refusal, RefusalReason, WriteOutcome};
