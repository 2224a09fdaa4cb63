//! What every service needs to run: settings, logs, a graceful end.
//!
//! Absent: anything about syncs. Services use this crate; the parts below them do not.

pub mod config;
pub mod shutdown;
pub mod telemetry;
