//! Stories about the simulator, told over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod churn;
mod control;
mod faults;
mod filters;
mod inputs;
mod walks;
mod world;
