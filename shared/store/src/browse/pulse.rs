//! What every page shows on top: how fresh the mirror is, what runs, what is held. Cheap: no look at all accounts.

use chrono::{DateTime, NaiveDate, Utc};
use orgmirror_domain::ids::{OrgKey, RunId};
use orgmirror_domain::run::{Phase, RunKind};
use serde::Serialize;

use crate::progress::{RunView, Which};
use crate::{Store, StoreResult};

/// The state of an organisation at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Pulse {
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// Everything that the newest completed full sync could read is at least as new as this; null before the first.
    pub fresh_as_of: Option<DateTime<Utc>>,
    /// When that sync ended.
    pub last_synced_at: Option<DateTime<Utc>>,
    /// That run, and why it was asked for.
    pub last_run: Option<(RunId, RunKind)>,
    /// Last day of the API key, where somebody told it.
    pub key_expires_on: Option<NaiveDate>,
    /// Runs that have not ended, full ones first, then the newest.
    pub open: Vec<RunView>,
}

impl Pulse {
    /// The run that a person should hear of: one that is held, or a full one that runs.
    pub fn run_to_show(&self) -> Option<&RunView> {
        let held = self.open.iter().find(|run| run.hold.is_some());
        held.or_else(|| self.open.iter().find(|run| run.scope == "full" && run.phase != Phase::Requested))
            .or_else(|| self.open.iter().find(|run| run.scope == "full"))
    }
}

impl RunView {
    /// Calls a second since the run started, and seconds that it still needs at that rate; `None` while too little is known.
    pub fn pace(&self, now: DateTime<Utc>) -> Option<(f64, i64)> {
        let seconds = (now - self.watermark_at?).num_milliseconds() as f64 / 1_000.0;
        if seconds < 1.0 || self.calls < 10 || self.phase != Phase::Scanning {
            return None;
        }
        let rate = self.calls as f64 / seconds;
        Some((rate, (self.calls_left() as f64 / rate).ceil() as i64))
    }

    /// How far it is, of 1: pages of users and groups, and other jobs that are registered. `None` while nothing is planned.
    pub fn part_done(&self) -> Option<f64> {
        let left = self.calls_left();
        (self.users.of + self.groups.of > 0).then(|| self.calls as f64 / ((self.calls + left).max(1)) as f64)
    }

    /// Pages that were not listed yet, and jobs that are no pages and not done yet.
    fn calls_left(&self) -> i64 {
        let rows = (self.users.of - self.users.done).max(0) + (self.groups.of - self.groups.done).max(0);
        rows / 100 + (self.jobs.of - self.jobs.done).max(0)
    }
}

impl Store {
    /// The state of an organisation at a glance.
    pub async fn pulse(&self, org: OrgKey) -> StoreResult<Pulse> {
        let row = sqlx::query!(
            r#"-- browse.pulse
            SELECT
                clock_timestamp() AS "now!", org.watermark_at, org.last_synced_at, org.key_expires_on, run.run_id AS "run_id?", run.kind::text AS kind
            FROM org LEFT JOIN sync_run AS run ON run.run_key = org.watermark_run_key
            WHERE org.org_key = $1"#,
            org.0
        );
        let row = row.fetch_one(&self.pool).await?;
        let mut open = self.runs(Which::Open(org)).await?;
        open.sort_by_key(|run| (run.scope != "full", std::cmp::Reverse(run.run)));
        let last_run = match (row.run_id, row.kind) {
            (Some(id), Some(kind)) => Some((RunId(id), kind.parse()?)),
            _ => None,
        };
        Ok(Pulse {
            now: row.now,
            fresh_as_of: row.watermark_at,
            last_synced_at: row.last_synced_at,
            last_run,
            key_expires_on: row.key_expires_on,
            open,
        })
    }
}
