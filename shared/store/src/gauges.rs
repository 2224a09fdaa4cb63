//! What is so now, for metrics: runs, jobs, the gate, freshness. Asked every few seconds, so each statement looks at what is open alone.

use orgmirror_domain::action::Action;
use orgmirror_domain::ids::OrgKey;
use orgmirror_domain::job::{JobKind, JobState};
use orgmirror_domain::run::{Phase, RunKind};
use orgmirror_domain::verify::Discrepancy;

use crate::operation::request::action_of;
use crate::progress::Progress;
use crate::{Store, StoreError, StoreResult};

/// An organisation at a moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Seconds since the watermark of the newest completed full run, by the database's clock; `None` before the first.
    pub age_s: Option<f64>,
    /// Seconds until the current key's last day is over, by UTC; `None` where nobody told the day.
    pub key_life_s: Option<f64>,
    /// How the newest full run that has ended did.
    pub last_end: Option<Phase>,
    /// What the newest completed full run reported.
    pub discrepancies: Vec<Discrepancy>,
    /// Runs that have not ended.
    pub runs: Vec<OpenRuns>,
    /// Their jobs.
    pub jobs: Vec<Jobs>,
    /// Users and groups of the active full run, if there is one: listed, and expected.
    pub rows: Option<(Progress, Progress)>,
    /// Items at the gate, for each operation that has any.
    pub gate: Vec<(Action, i64)>,
}

/// So many runs of a kind in a state.
#[derive(Clone, Copy, Debug)]
pub struct OpenRuns {
    /// Why they were asked for.
    pub kind: RunKind,
    /// Where they stand.
    pub phase: Phase,
    /// Whether they wait for somebody.
    pub held: bool,
    /// How many.
    pub count: i64,
}

/// So many jobs of a kind in a state.
#[derive(Clone, Copy, Debug)]
pub struct Jobs {
    /// What they read.
    pub kind: JobKind,
    /// How far they are.
    pub state: JobState,
    /// How many.
    pub count: i64,
}

impl Store {
    /// Looks at an organisation.
    pub async fn snapshot(&self, org: OrgKey) -> StoreResult<Snapshot> {
        let row = sqlx::query!(
            r#"-- gauges.org
            SELECT
                extract(epoch FROM clock_timestamp() - org.watermark_at)::float8 AS age_s,
                extract(epoch FROM (org.key_expires_on + 1)::timestamp AT TIME ZONE 'UTC' - clock_timestamp())::float8 AS key_life_s,
                (
                    SELECT run.phase::text FROM sync_run AS run
                    WHERE run.org_key = org.org_key AND run.scope = 'full' AND run.finished_at IS NOT NULL
                    ORDER BY run.run_key DESC LIMIT 1
                ) AS last_end,
                (SELECT run.discrepancies FROM sync_run AS run WHERE run.run_key = org.watermark_run_key) AS discrepancies
            FROM org WHERE org.org_key = $1"#,
            org.0
        );
        let row = row.fetch_one(&self.pool).await?;
        let discrepancies = match row.discrepancies {
            Some(json) => {
                serde_json::from_value(json).map_err(|source| StoreError::Json { column: "sync_run.discrepancies", source })?
            }
            None => Vec::new(),
        };
        let runs = self.open_run_counts(org).await?;
        // Without an open run nothing of the ledger is looked at.
        let (jobs, rows) =
            if runs.is_empty() { (Vec::new(), None) } else { (self.job_counts(org).await?, self.rows_listed(org).await?) };
        Ok(Snapshot {
            age_s: row.age_s,
            key_life_s: row.key_life_s,
            last_end: row.last_end.map(|word| word.parse()).transpose()?,
            discrepancies,
            runs,
            jobs,
            rows,
            gate: self.gate_counts(org).await?,
        })
    }

    async fn open_run_counts(&self, org: OrgKey) -> StoreResult<Vec<OpenRuns>> {
        let rows = sqlx::query!(
            r#"-- gauges.runs
            SELECT kind::text AS "kind!", phase::text AS "phase!", hold IS NOT NULL AS "held!", count(*) AS "count!"
            FROM sync_run WHERE org_key = $1 AND finished_at IS NULL
            GROUP BY kind, phase, hold IS NOT NULL"#,
            org.0
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| Ok(OpenRuns { kind: row.kind.parse()?, phase: row.phase.parse()?, held: row.held, count: row.count }))
            .collect()
    }

    async fn job_counts(&self, org: OrgKey) -> StoreResult<Vec<Jobs>> {
        let rows = sqlx::query!(
            r#"-- gauges.jobs
            SELECT job.kind::text AS "kind!", job.state::text AS "state!", count(*) AS "count!"
            FROM sync_run AS run INNER JOIN sync_job AS job ON job.run_key = run.run_key
            WHERE run.org_key = $1 AND run.finished_at IS NULL
            GROUP BY job.kind, job.state"#,
            org.0
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| Ok(Jobs { kind: row.kind.parse()?, state: row.state.parse()?, count: row.count })).collect()
    }

    async fn rows_listed(&self, org: OrgKey) -> StoreResult<Option<(Progress, Progress)>> {
        let row = sqlx::query!(
            r#"-- gauges.listed
            SELECT
                (run.plan ->> 'users')::bigint AS "users_expected!", (run.plan ->> 'groups')::bigint AS "groups_expected!",
                coalesce(sum(job.listed) FILTER (WHERE job.kind = 'users_page'), 0) AS "users!",
                coalesce(sum(job.listed) FILTER (WHERE job.kind = 'groups_page'), 0) AS "groups!"
            FROM sync_run AS run LEFT JOIN sync_job AS job ON job.run_key = run.run_key
            WHERE run.org_key = $1 AND run.finished_at IS NULL AND run.scope = 'full' AND run.plan IS NOT NULL
            GROUP BY run.run_key
            ORDER BY run.run_key DESC
            LIMIT 1"#,
            org.0
        );
        Ok(row.fetch_optional(&self.pool).await?.map(|row| {
            let (users, groups) = (row.users, row.groups);
            (Progress { done: users, of: row.users_expected }, Progress { done: groups, of: row.groups_expected })
        }))
    }

    async fn gate_counts(&self, org: OrgKey) -> StoreResult<Vec<(Action, i64)>> {
        let rows = sqlx::query!(
            r#"-- gauges.gate
            SELECT o.action, count(*) AS "count!"
            FROM operation AS o INNER JOIN operation_item AS i ON i.operation_key = o.operation_key
            WHERE o.org_key = $1 AND o.finished_at IS NULL AND o.state = 'running' AND i.state = 'pending'
            GROUP BY o.operation_key, o.action"#,
            org.0
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(|row| Ok((action_of(row.action)?, row.count))).collect()
    }
}
