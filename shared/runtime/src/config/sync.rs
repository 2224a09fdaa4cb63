//! Syncs: when, how patient, and what may be removed without a person.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Section `sync`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// When a sync starts by itself: `03:00 Europe/Berlin`, or cron.
    pub schedule: Option<String>,
    /// Whether an organisation that was never synced gets its first sync as soon as a coordinator runs.
    pub initial: bool,
    /// Whether the organisation's audit events are followed, so that changes made elsewhere show within seconds. Costs a call every two
    /// seconds of a limit of its own; a key that may not read events loses nothing else.
    pub events: bool,
    /// By how much later at most a scheduled sync starts, so that not every installation calls in the same second.
    #[serde(with = "humantime_serde")]
    pub jitter: Duration,
    /// How long a published job may stay silent before it is published again. Longer than the slowest honest page; too short only
    /// costs calls, since a second delivery changes nothing.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// A sync that would remove more rows of a kind than this, and more percent than the next, waits for a person.
    pub max_delete_rows: u64,
    /// See `max_delete_rows`; both must be exceeded.
    pub max_delete_percent: f64,
    /// How long a run that was held because nothing answered waits before it tries again.
    #[serde(with = "humantime_serde")]
    pub probe_every: Duration,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            schedule: None,
            initial: true,
            events: true,
            jitter: Duration::ZERO,
            lease: Duration::from_secs(60),
            max_delete_rows: 50,
            max_delete_percent: 5.0,
            probe_every: Duration::from_secs(30),
        }
    }
}
