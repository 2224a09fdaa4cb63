//! Automated tasks: kept, started when they are due, driven until their operations have ended, and shown.
//!
//! All from rows. A coordinator asks what is due ([`start`]) and which runs may go on ([`advance`]); each step locks its row, looks whether
//! it is still to be made, and makes it in one transaction. So any number of coordinators may look, and one that dies costs a tick.
//!
//! Invariants
//! - A run acts only on who its filter chose both before and after they were read anew, and draws its instant before it chooses.
//! - Operations of a task pass the gate as all others; the first has the run's own instant, the following each a new one.
//! - A task has one open run at most, and a step of a run one operation: unique indexes say so.
//!
//! Absent: when a schedule is due (`orgmirror_domain::schedule`), and what happens to a run (`orgmirror_domain::task`).

pub mod advance;
pub mod change;
pub mod start;
pub mod view;

use orgmirror_domain::task::Task;
use serde_json::Value;

use crate::{StoreError, StoreResult};

/// A task's columns.
struct Columns {
    name: String,
    filter: String,
    actions: Value,
    schedule: String,
    max_items: i32,
}

impl TryFrom<Columns> for Task {
    type Error = StoreError;

    fn try_from(row: Columns) -> StoreResult<Self> {
        Ok(Self {
            name: row.name.parse().map_err(|source| saved("task.name", source))?,
            filter: row.filter.parse().map_err(|source| saved("task.filter", source))?,
            actions: serde_json::from_value(row.actions).map_err(|source| StoreError::Json { column: "task.actions", source })?,
            schedule: row.schedule.parse().map_err(|source| saved("task.schedule", source))?,
            max_items: row.max_items.max(0).unsigned_abs(),
        })
    }
}

fn saved(column: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::SavedText { column, source: Box::new(source) }
}
