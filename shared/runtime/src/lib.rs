//! What every service needs to run: settings, logs, metrics, health, a graceful end.
//!
//! Absent: anything about syncs. Services use this crate; the parts below them do not.

pub mod config;
pub mod exposition;
pub mod health;
pub mod listener;
pub mod shutdown;
pub mod telemetry;
pub mod trace;
