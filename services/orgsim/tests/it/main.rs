//! Stories about the simulator, told over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

mod churn;
mod conformance;
mod control;
mod deviations;
mod document;
mod events;
mod faults;
mod filters;
mod fuzz;
mod inputs;
mod lag;
mod lists;
mod walks;
mod world;
mod writes;
