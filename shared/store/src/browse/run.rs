//! What a run's page shows beyond its row: steps, chains, and what could not be read.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{OrgKey, RunId, RunKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::run::{Hold, Phase, RunKind};
use serde::Serialize;
use serde_json::Value;

use crate::{Store, StoreResult};

/// A run as a line of a list. Of one that has not ended, calls and rows are not summed up yet.
#[derive(Clone, Debug, Serialize)]
pub struct RunLine {
    /// Its key, which the next page follows.
    #[serde(skip)]
    pub run: RunKey,
    /// Its id.
    pub run_id: RunId,
    /// Why it was asked for.
    pub kind: RunKind,
    /// Accounts or groups that it reads; `None` for the whole organisation.
    pub subjects: Option<i64>,
    /// Where it stands.
    pub phase: Phase,
    /// Why it waits for somebody.
    pub hold: Option<Hold>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it began to read.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Calls made.
    pub calls: i32,
    /// Rows that came, say something else, or left.
    pub rows: i32,
    /// What differs and could not be repaired.
    pub discrepancies: i32,
}

/// Jobs of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Which.
    pub kind: JobKind,
    /// Registered so far.
    pub jobs: i64,
    /// Of these, not pending any more.
    pub done: i64,
    /// Calls made.
    pub calls: i64,
    /// Rows listed.
    pub listed: i64,
    /// When the first of them ended.
    pub first_at: Option<DateTime<Utc>>,
    /// When the last one so far did.
    pub last_at: Option<DateTime<Utc>>,
}

/// A list that is read page by page.
#[derive(Clone, Debug, Serialize)]
pub struct Chain {
    /// Number of the partition in the plan.
    pub partition: i32,
    /// Of users, or of groups.
    pub of_users: bool,
    /// Read from both ends at the same time.
    pub two_ended: bool,
    /// Which rows, as the API's filter.
    pub filter: Value,
    /// Pages read.
    pub pages: i64,
    /// Rows listed; where two ends meet, some count twice.
    pub listed: i64,
    /// Rows of the whole partition as planned, where the plan tells.
    pub expected: Option<i64>,
    /// Whether a page is left to read.
    pub open: bool,
}

/// An account or group that the run could not read.
#[derive(Clone, Debug, Serialize)]
pub struct Exception {
    /// `account` or `group`.
    pub kind: String,
    /// The API's id.
    pub id: String,
    /// Its name, where it is known.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
}

/// When the run entered its phase, and since when it is held.
#[derive(Clone, Debug, Serialize)]
pub struct RunTimes {
    /// Into the phase that it is in.
    pub entered_at: DateTime<Utc>,
    /// Since when, and why it waits.
    pub held: Option<(DateTime<Utc>, Hold)>,
}

impl Store {
    /// Runs, the newest first, those before `before`; at most `limit`. Scoped ones too, if `scoped`.
    pub async fn run_lines(&self, org: OrgKey, scoped: bool, before: Option<RunKey>, limit: i64) -> StoreResult<Vec<RunLine>> {
        let rows = sqlx::query!(
            r#"-- browse.run_lines
            SELECT
                run_key, run_id, kind::text AS "kind!", phase::text AS "phase!", hold::text AS hold, requested_at, watermark_at, finished_at,
                CASE WHEN scope <> 'full' THEN cardinality(scope_ids)::bigint END AS subjects, calls,
                rows_added + rows_changed + rows_removed AS "rows!", jsonb_array_length(discrepancies) AS "discrepancies!"
            FROM sync_run
            WHERE org_key = $1 AND ($2 OR scope = 'full') AND ($3::bigint IS NULL OR run_key < $3)
            ORDER BY run_key DESC
            LIMIT $4"#,
            org.0,
            scoped,
            before.map(|run| run.0),
            limit
        );
        rows.fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(|row| {
                Ok(RunLine {
                    run: RunKey(row.run_key),
                    run_id: RunId(row.run_id),
                    kind: row.kind.parse()?,
                    subjects: row.subjects,
                    phase: row.phase.parse()?,
                    hold: row.hold.map(|word| word.parse()).transpose()?,
                    requested_at: row.requested_at,
                    started_at: row.watermark_at,
                    finished_at: row.finished_at,
                    calls: row.calls,
                    rows: row.rows,
                    discrepancies: row.discrepancies,
                })
            })
            .collect()
    }

    /// When a run entered its phase, and since when it is held.
    pub async fn run_times(&self, run: RunKey) -> StoreResult<RunTimes> {
        let row = sqlx::query!(
            r#"-- browse.run_times
            SELECT entered_at, held_at, hold::text AS hold FROM sync_run WHERE run_key = $1"#,
            run.0
        );
        let row = row.fetch_one(&self.pool).await?;
        let held = match (row.held_at, row.hold) {
            (Some(at), Some(hold)) => Some((at, hold.parse()?)),
            _ => None,
        };
        Ok(RunTimes { entered_at: row.entered_at, held })
    }

    /// A run's jobs by kind, in the order in which they came. Jobs are forgotten a week after the run.
    pub async fn run_steps(&self, run: RunKey) -> StoreResult<Vec<Step>> {
        let rows = sqlx::query!(
            r#"-- browse.run_steps
            SELECT
                kind::text AS "kind!", count(*) AS "jobs!", count(*) FILTER (WHERE state <> 'pending') AS "done!",
                coalesce(sum(calls), 0) AS "calls!", coalesce(sum(listed), 0) AS "listed!", min(finished_at) AS first_at, max(finished_at) AS last_at
            FROM sync_job WHERE run_key = $1
            GROUP BY kind
            ORDER BY min(job_key)"#,
            run.0
        );
        rows.fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(|row| {
                Ok(Step {
                    kind: row.kind.parse()?,
                    jobs: row.jobs,
                    done: row.done,
                    calls: row.calls,
                    listed: row.listed,
                    first_at: row.first_at,
                    last_at: row.last_at,
                })
            })
            .collect()
    }

    /// A run's lists, in the order of the plan.
    pub async fn run_chains(&self, run: RunKey) -> StoreResult<Vec<Chain>> {
        let rows = sqlx::query_as!(
            Chain,
            r#"-- browse.run_chains
            SELECT
                chain.partition AS "partition!", chain.of_users AS "of_users!", chain.two_ended AS "two_ended!", chain.pages AS "pages!",
                chain.listed AS "listed!", chain.open AS "open!", coalesce(planned.item -> 'filter', '{}') AS "filter!",
                (planned.item ->> 'expected')::bigint AS expected
            FROM (
                SELECT
                    run_key, partition, bool_or(kind = 'users_page') AS of_users, bool_or(descending) AS two_ended, count(*) FILTER (WHERE state = 'done') AS pages,
                    sum(listed)::bigint AS listed, bool_or(state = 'pending') AS open
                FROM sync_job
                WHERE run_key = $1 AND partition >= 0 AND kind IN ('users_page', 'groups_page')
                GROUP BY run_key, partition
            ) AS chain
            INNER JOIN sync_run AS run ON run.run_key = chain.run_key
            CROSS JOIN LATERAL (
                SELECT (run.plan -> 'user_partitions' || (run.plan -> 'group_partitions')) -> chain.partition AS item
            ) AS planned
            ORDER BY chain.partition"#,
            run.0
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// What a run could not read; at most 200.
    pub async fn run_exceptions(&self, run: RunKey) -> StoreResult<Vec<Exception>> {
        let rows = sqlx::query_as!(
            Exception,
            r#"-- browse.run_exceptions
            SELECT e.kind, coalesce(ak.account_id, gk.group_id::text, '') AS "id!", coalesce(a.name, g.name) AS name, e.reason
            FROM run_exception AS e
            LEFT JOIN account_key AS ak ON e.kind = 'account' AND ak.account_key = e.entity_key
            LEFT JOIN account AS a ON e.kind = 'account' AND a.account_key = e.entity_key
            LEFT JOIN group_key AS gk ON e.kind = 'group' AND gk.group_key = e.entity_key
            LEFT JOIN org_group AS g ON e.kind = 'group' AND g.group_key = e.entity_key
            WHERE e.run_key = $1
            ORDER BY e.kind, 3, 2 LIMIT 200"#,
            run.0
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
