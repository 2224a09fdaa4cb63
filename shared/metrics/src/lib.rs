//! The catalogue of metrics: each is declared once, with its unit, its labels and its meaning, and is recorded through that declaration.
//!
//! ```
//! use orgmirror_metrics::API_REQUESTS;
//!
//! API_REQUESTS.add(1, ["users_page".into(), 200_u16.into()]);
//! ```
//!
//! Invariants
//! - Label values are bounded by their type ([`Value`]): words of the program, statuses, and organisations, of which a process serves one.
//! - `docs/metrics.md` is made from this ([`reference`]), and a test compares.
//! - Recording costs nothing that matters until a service installs a meter provider (`orgmirror_runtime::exposition`), and must not happen
//!   before that: an instrument keeps the provider that it met first.
//!
//! Absent: exporters, and any decision on when to record.

mod catalogue;
mod instrument;
mod label;
mod reference;

pub use catalogue::*;
pub use instrument::{Counter, Gauge, Histogram, Kind, Metric, Unit};
pub use label::{Label, Value};
pub use reference::reference;
