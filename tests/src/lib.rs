//! The harness of the tests that cross services: a world for each test, with its own database, Redis prefix and simulated
//! organisation, in which real coordinators and workers run.
//!
//! Tests wait for conditions, never for a time; the deadline of [`until`] is only there to end a test that has failed.

mod compare;
mod operate;
mod process;
mod servers;
mod sim;
mod waiting;
mod world;

pub use operate::{ASKER, is_writable, limits};
pub use process::{Process, Processes};
pub use sim::Sim;
pub use world::{Service, Size, World, until};
