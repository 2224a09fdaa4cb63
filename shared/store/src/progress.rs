//! What people see of runs: how far, how many calls, why it waits, what it changed.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{OrgKey, RunId, RunKey};
use orgmirror_domain::run::{Hold, Phase, RunKind};
use orgmirror_domain::verify::Discrepancy;
use serde::Serialize;

use crate::{Store, StoreError, StoreResult};

/// A run as people see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RunView {
    /// Its id.
    #[serde(rename = "id")]
    pub run_id: RunId,
    /// Its key.
    #[serde(skip)]
    pub run: RunKey,
    /// Why it was asked for.
    pub kind: RunKind,
    /// `full`, `accounts` or `groups`.
    pub scope: String,
    /// Where it stands.
    #[serde(rename = "state")]
    pub phase: Phase,
    /// Why it waits for somebody.
    pub hold: Option<Hold>,
    /// The same, for people.
    pub hold_reason: Option<String>,
    /// Since when; of an API that answers nothing, since it answered nothing, whatever probes there were.
    pub held_since: Option<DateTime<Utc>>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The instant before its first read.
    pub watermark: Option<i64>,
    /// The clock at that moment.
    pub watermark_at: Option<DateTime<Utc>>,
    /// Calls made so far.
    pub calls: i64,
    /// Rows that came to be.
    pub rows_added: i64,
    /// Rows that say something else.
    pub rows_changed: i64,
    /// Rows that left.
    pub rows_removed: i64,
    /// Users listed so far, and expected.
    pub users: Progress,
    /// Groups listed so far, and expected.
    pub groups: Progress,
    /// Memberships that the pages listed so far told; where two ends overlap they count twice.
    #[serde(rename = "memberships_listed")]
    pub memberships: i64,
    /// Jobs done and registered.
    pub jobs: Progress,
    /// Revision of the list that waits for approval.
    pub sweep_revision: i32,
    /// Accounts and groups that could not be read, at all or in part; [`Store::exceptions`] names them.
    pub exceptions: i64,
    /// What differs and could not be repaired.
    pub discrepancies: Vec<Discrepancy>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Progress {
    /// So many.
    pub done: i64,
    /// Of so many; 0 while unknown.
    pub of: i64,
}

/// A row of the list that a person approves.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Going {
    /// `account` or `group`.
    pub kind: String,
    /// The API's id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// An account's address.
    pub email: Option<String>,
}

/// How fresh an organisation is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Freshness {
    /// When the newest completed full run ended.
    pub last_synced_at: Option<DateTime<Utc>>,
    /// Everything that run could read is at least as new as this.
    pub watermark: Option<i64>,
    /// The clock at that instant.
    pub watermark_at: Option<DateTime<Utc>>,
    /// That run.
    pub run_id: Option<RunId>,
    /// Visible accounts.
    pub accounts: i64,
    /// Visible groups.
    pub groups: i64,
    /// Memberships.
    pub memberships: i64,
}

/// Which runs to show.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// That one.
    One(RunKey),
    /// The newest so many of an organisation.
    Newest(OrgKey, i64),
    /// Those of an organisation that have not ended.
    Open(OrgKey),
}

impl Store {
    /// Runs, newest first.
    pub async fn runs(&self, which: Which) -> StoreResult<Vec<RunView>> {
        let (one, org, limit, open) = match which {
            Which::One(run) => (Some(run.0), None, 1, false),
            Which::Newest(org, limit) => (None, Some(org.0), limit, false),
            Which::Open(org) => (None, Some(org.0), 1_000, true),
        };
        let rows = sqlx::query!(
            r#"-- progress.runs
            SELECT
                run.run_key, run.run_id, run.kind::text AS "kind!", run.scope::text AS "scope!", run.phase::text AS "phase!",
                run.hold::text AS hold, run.hold_reason,
                CASE run.hold WHEN 'api_down' THEN run.unreachable_since ELSE run.held_at END AS held_since, run.failure, run.requested_at, run.finished_at, run.watermark,
                run.watermark_at, run.rows_removed, run.sweep_revision, run.discrepancies,
                coalesce((run.plan ->> 'users')::bigint, 0) AS "users_expected!",
                coalesce((run.plan ->> 'groups')::bigint, 0) AS "groups_expected!",
                CASE WHEN run.finished_at IS NULL THEN coalesce(jobs.calls, 0) ELSE run.calls END AS "calls!",
                CASE WHEN run.finished_at IS NULL THEN coalesce(jobs.added, 0) ELSE run.rows_added END AS "added!",
                CASE WHEN run.finished_at IS NULL THEN coalesce(jobs.changed, 0) ELSE run.rows_changed END AS "changed!",
                coalesce(jobs.users, 0) AS "users!", coalesce(jobs.groups, 0) AS "groups!",
                coalesce(jobs.memberships, 0) AS "memberships!", coalesce(jobs.done, 0) AS "done!", coalesce(jobs.registered, 0) AS "registered!",
                (SELECT count(*) FROM run_exception AS e WHERE e.run_key = run.run_key) AS "exceptions!"
            FROM sync_run AS run
            LEFT JOIN LATERAL (
                SELECT
                    sum(job.calls) AS calls, sum(job.rows_added) AS added, sum(job.rows_changed) AS changed,
                    sum(job.listed) FILTER (WHERE job.kind = 'users_page') AS users,
                    sum(job.listed) FILTER (WHERE job.kind = 'groups_page') AS groups,
                    sum(job.memberships) AS memberships, count(*) FILTER (WHERE job.state <> 'pending') AS done, count(*) AS registered
                FROM sync_job AS job WHERE job.run_key = run.run_key
            ) AS jobs ON true
            WHERE ($1::bigint IS NULL OR run.run_key = $1)
                AND ($2::integer IS NULL OR run.org_key = $2)
                AND (NOT $4 OR run.finished_at IS NULL)
            ORDER BY run.run_key DESC
            LIMIT $3"#,
            one,
            org,
            limit,
            open
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                Ok(RunView {
                    run_id: RunId(row.run_id),
                    run: RunKey(row.run_key),
                    kind: row.kind.parse()?,
                    scope: row.scope,
                    phase: row.phase.parse()?,
                    hold: row.hold.map(|word| word.parse()).transpose()?,
                    hold_reason: row.hold_reason,
                    held_since: row.held_since,
                    failure: row.failure,
                    requested_at: row.requested_at,
                    finished_at: row.finished_at,
                    watermark: row.watermark,
                    watermark_at: row.watermark_at,
                    calls: row.calls,
                    rows_added: row.added,
                    rows_changed: row.changed,
                    rows_removed: row.rows_removed.into(),
                    users: Progress { done: row.users, of: row.users_expected },
                    groups: Progress { done: row.groups, of: row.groups_expected },
                    memberships: row.memberships,
                    jobs: Progress { done: row.done, of: row.registered },
                    sweep_revision: row.sweep_revision,
                    exceptions: row.exceptions,
                    discrepancies: serde_json::from_value(row.discrepancies)
                        .map_err(|source| StoreError::Json { column: "sync_run.discrepancies", source })?,
                })
            })
            .collect()
    }

    /// What a run that waits for approval would remove, as listed under its current revision.
    pub async fn sweep_list(&self, run: RunKey) -> StoreResult<Vec<Going>> {
        let rows = sqlx::query_as!(
            Going,
            r#"-- progress.sweep_list
            SELECT l.kind AS "kind!", coalesce(ak.account_id, gk.group_id::text) AS "id!", coalesce(a.name, g.name) AS name, a.email
            FROM sweep_list AS l
            INNER JOIN sync_run AS r ON r.run_key = l.run_key AND r.sweep_revision = l.revision
            LEFT JOIN account_key AS ak ON l.kind = 'account' AND ak.account_key = l.entity_key
            LEFT JOIN account AS a ON l.kind = 'account' AND a.account_key = l.entity_key
            LEFT JOIN group_key AS gk ON l.kind = 'group' AND gk.group_key = l.entity_key
            LEFT JOIN org_group AS g ON l.kind = 'group' AND g.group_key = l.entity_key
            WHERE l.run_key = $1
            ORDER BY l.kind, name, 2"#,
            run.0
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// How fresh an organisation is, and how large.
    pub async fn freshness(&self, org: OrgKey) -> StoreResult<Freshness> {
        let row = sqlx::query!(
            r#"-- progress.freshness
            SELECT org.last_synced_at, org.watermark, org.watermark_at, run.run_id AS "run_id?",
                (SELECT count(*) FROM account WHERE org_key = $1 AND known_alive AND hidden_at IS NULL) AS "accounts!",
                (SELECT count(*) FROM org_group WHERE org_key = $1 AND known_alive AND hidden_at IS NULL) AS "groups!",
                (
                    SELECT coalesce(sum(cardinality(group_keys)), 0) FROM account
                    WHERE org_key = $1 AND known_alive AND hidden_at IS NULL
                ) AS "memberships!"
            FROM org LEFT JOIN sync_run AS run ON run.run_key = org.watermark_run_key
            WHERE org.org_key = $1"#,
            org.0
        );
        let row = row.fetch_one(&self.pool).await?;
        Ok(Freshness {
            last_synced_at: row.last_synced_at,
            watermark: row.watermark,
            watermark_at: row.watermark_at,
            run_id: row.run_id.map(RunId),
            accounts: row.accounts,
            groups: row.groups,
            memberships: row.memberships,
        })
    }

    /// The run that answers a request.
    pub async fn answering_run(&self, request: uuid::Uuid) -> StoreResult<Option<RunKey>> {
        let run = sqlx::query_scalar!("SELECT run_key FROM sync_request WHERE request_id = $1", request);
        Ok(run.fetch_optional(&self.pool).await?.map(RunKey))
    }
}
