//! Plain types and pure rules of Orgmirror: what was observed, what a run may do next, which observation wins.
//!
//! Absent: I/O, clocks, randomness. Whoever needs the time or a random number passes it in, so that a test or a model checker
//! can run the very code that production runs.

pub mod access;
pub mod action;
pub mod audit;
pub mod diff;
pub mod direct_role;
pub mod event;
pub mod filter;
pub mod freed_seats;
pub mod freshness;
pub mod gate;
pub mod ids;
pub mod item;
pub mod job;
pub mod licence;
pub mod listing;
pub mod name;
pub mod observation;
pub mod operation;
pub mod partition;
pub mod plan;
pub mod query;
pub mod run;
pub mod schedule;
pub mod sweep;
pub mod task;
pub mod traceparent;
pub mod two_ends;
pub mod verify;
pub mod winner;
pub mod words;
