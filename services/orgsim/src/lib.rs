//! A simulated organisation behind the Organization API.
//!
//! It is drawn from a seed, answers as the reference describes, fails when told to, changes when told to, and knows the truth that a mirror
//! must come to agree with. It imports nothing of the product, so that one misreading of the API can't hide on both sides.
//!
//! ```text
//! /admin/v1, /admin/v2, /users   the API           api.rs, api/<resource>.rs, api/write/<resource>.rs
//! /_sim                          the control API   control.rs, control/<subject>.rs
//! ```
//!
//! Absent: any state outside of memory.

mod access;
mod account;
mod api;
mod audit;
mod calls;
mod catalog;
mod churn;
mod config;
mod connection;
mod control;
mod faults;
mod generate;
mod group;
mod hold;
mod journal;
mod json;
mod lag;
mod licences;
mod operation;
mod org;
mod rate_limit;
mod render;
mod role;
mod server;
mod slab;
mod state;
mod switches;
mod timestamp;
mod truth;
mod writes;

pub use config::SimulatorConfig;
pub use server::{Simulator, StartError};
pub use switches::{
    CursorPosition, DuplicateMembership, ErrorStatus, Lag, LastPageNext, Leniency, MissingMembership, RateLimitBody,
    RateLimitHeaders, StreamEnd, Switches, SyncedGroupWrite, Verdict, WorkspacesNext, WriteErrorBody,
};
