//! The harness of the tests that cross services: a world for each test, with its own database, Redis prefix and simulated
//! organisation, in which real coordinators and workers run.
//!
//! Tests wait for conditions, never for a time; the deadline of [`until`] is only there to end a test that has failed.

mod collector;
mod compare;
mod console;
mod operate;
mod process;
mod prometheus;
mod roles;
mod servers;
mod sim;
mod waiting;
mod watching;
mod world;

pub use collector::{Collected, CollectedSpan, Collector};
pub use compare::Comparison;
pub use console::{Caller, PASSWORD, ServedConsole};
pub use operate::{ASKER, is_writable, limits};
pub use process::{Process, Processes};
pub use prometheus::{Prometheus, Target};
pub use roles::RolesKnown;
pub use sim::Sim;
pub use watching::{Panel, alert_metrics, alert_unit_tests, deployed, panels};
pub use world::{Service, Size, World, until};
