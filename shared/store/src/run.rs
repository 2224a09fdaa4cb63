//! T7 and T8: how a run ends early, waits for somebody, and goes on.

use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{JobKey, OrgKey, RunId, RunKey};
use orgmirror_domain::run::{Hold, Phase, RunEvent};
use serde_json::{Value, json};

use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, audit, lock};

/// What came of asking for a change of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is so now.
    Yes,
    /// The run had moved on by itself.
    TooLate,
}

impl Store {
    /// The run with that id, of that organisation.
    pub async fn run_key(&self, org: OrgKey, run: RunId) -> StoreResult<RunKey> {
        let key = sqlx::query_scalar!("SELECT run_key FROM sync_run WHERE run_id = $1 AND org_key = $2", run.0, org.0);
        let key = key.fetch_optional(&self.pool).await?;
        key.map(RunKey).ok_or_else(|| StoreError::NotFound { what: "run", id: run.to_string() })
    }

    /// T7. Gives a job up for good, and its run with it, in one transaction: a failed job alone would look finished to a barrier that
    /// only counts what is pending.
    pub async fn fail_job(&self, run: RunKey, job: JobKey, calls: i32, reason: &str) -> StoreResult<Moved> {
        transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            let failed = sqlx::query!(
                r#"-- run.fail_job
                UPDATE sync_job SET state = 'failed', finished_at = clock_timestamp(), failure = $3, calls = calls + $4
                WHERE job_key = $1 AND run_key = $2 AND state = 'pending'"#,
                job.0,
                run.0,
                reason,
                calls
            );
            if failed.execute(&mut **tx).await?.rows_affected() == 0 {
                return Ok(Moved::TooLate);
            }
            end(tx, run, RunEvent::GaveUp, Some(reason)).await
        })
    }

    /// T7. A person stops a run, also for everybody who joined it: each requester learns that.
    pub async fn cancel_run(&self, run: RunKey, by: &Actor) -> StoreResult<Moved> {
        transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            let moved = end(tx, run, RunEvent::CancelAsked, None).await?;
            if moved == Moved::Yes {
                record(tx, run, by, Event::RunCancelled, &json!({})).await?;
            }
            Ok(moved)
        })
    }

    /// T7. Holds a run for its key, if the refused call used the key that is current, or for the API being down.
    pub async fn hold_run(&self, run: RunKey, hold: Hold, fingerprint: Option<&str>, reason: &str) -> StoreResult<Moved> {
        transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            let held = sqlx::query!(
                r#"-- run.hold
                UPDATE sync_run AS run
                SET hold = $2::text::run_hold, hold_reason = $3, held_at = clock_timestamp(),
                    -- A probe that failed is no new outage: nothing of the run was done since.
                    unreachable_since = CASE
                        WHEN $2 = 'api_down' AND EXISTS (
                            SELECT FROM sync_job AS job WHERE job.run_key = $1 AND job.finished_at > run.unreachable_since
                        ) THEN clock_timestamp()
                        WHEN $2 = 'api_down' THEN coalesce(run.unreachable_since, clock_timestamp())
                        ELSE run.unreachable_since
                    END
                FROM org
                WHERE run.run_key = $1
                    AND org.org_key = run.org_key
                    AND run.finished_at IS NULL
                    AND run.hold IS NULL
                    -- An answer to an old key, late, holds nothing.
                    AND ($4::text IS NULL OR org.key_fingerprint IS NOT DISTINCT FROM $4)"#,
                run.0,
                hold.as_str(),
                reason,
                fingerprint
            );
            let held = held.execute(&mut **tx).await?.rows_affected() > 0;
            Ok(if held { Moved::Yes } else { Moved::TooLate })
        })
    }

    /// T7. Lets a held run go on; a hold for approval needs [`Store::approve_run`]. Without somebody who asks the product does it by itself,
    /// which the audit log leaves out.
    pub async fn resume_run(&self, run: RunKey, by: Option<&Actor>) -> StoreResult<Moved> {
        transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            let resumed = sqlx::query!(
                r#"-- run.resume
                UPDATE sync_run SET hold = NULL, hold_reason = NULL, held_at = NULL
                WHERE run_key = $1 AND finished_at IS NULL AND hold IS NOT NULL AND hold <> 'approval'"#,
                run.0
            );
            if resumed.execute(&mut **tx).await?.rows_affected() == 0 {
                return Ok(Moved::TooLate);
            }
            // Whatever was queued was dropped while the run was held.
            sqlx::query!(
                r#"-- run.republish
                UPDATE sync_job SET heard_at = NULL WHERE run_key = $1 AND state = 'pending'"#,
                run.0
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
            if let Some(by) = by {
                record(tx, run, by, Event::RunResumed, &json!({})).await?;
            }
            Ok(Moved::Yes)
        })
    }

    /// Runs of an organisation that are held for their key: a new one may let them go on.
    pub async fn held_by_key(&self, org: OrgKey) -> StoreResult<Vec<RunKey>> {
        let runs = sqlx::query_scalar!(
            r#"-- run.held_by_key
            SELECT run_key FROM sync_run
            WHERE org_key = $1 AND finished_at IS NULL AND hold IN ('key_rejected', 'scope_missing')"#,
            org.0
        );
        Ok(runs.fetch_all(&self.pool).await?.into_iter().map(RunKey).collect())
    }

    /// Runs that have been held for so long because nothing answered.
    pub async fn held_by_outage(&self, for_so_long: std::time::Duration) -> StoreResult<Vec<RunKey>> {
        let runs = sqlx::query_scalar!(
            r#"-- run.held_by_outage
            SELECT run_key FROM sync_run
            WHERE finished_at IS NULL AND hold = 'api_down' AND held_at < clock_timestamp() - make_interval(secs => $1)"#,
            for_so_long.as_secs_f64()
        );
        Ok(runs.fetch_all(&self.pool).await?.into_iter().map(RunKey).collect())
    }

    /// T8. A person agrees to the list of that revision. What was not on the list goes only below the limits.
    pub async fn approve_run(&self, run: RunKey, revision: i32, by: &Actor) -> StoreResult<Moved> {
        transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            let approved = sqlx::query!(
                r#"-- run.approve
                UPDATE sync_run SET approved_revision = $2, hold = NULL, hold_reason = NULL, held_at = NULL
                WHERE run_key = $1 AND finished_at IS NULL AND hold = 'approval' AND sweep_revision = $2"#,
                run.0,
                revision
            );
            if approved.execute(&mut **tx).await?.rows_affected() == 0 {
                return Ok(Moved::TooLate);
            }
            sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
            record(tx, run, by, Event::RunApproved, &json!({ "revision": revision })).await?;
            Ok(Moved::Yes)
        })
    }
}

/// What somebody did with a run, for the audit log.
async fn record(tx: &mut Tx, run: RunKey, by: &Actor, event: Event, detail: &Value) -> StoreResult<()> {
    let row = sqlx::query!("SELECT org_key, run_id FROM sync_run WHERE run_key = $1", run.0).fetch_one(&mut **tx).await?;
    audit::append(tx, OrgKey(row.org_key), by, event, row.run_id, detail).await
}

/// Ends a run early. The run's exclusive lock must be held, taken by an earlier statement.
async fn end(tx: &mut Tx, run: RunKey, event: RunEvent, reason: Option<&str>) -> StoreResult<Moved> {
    let Some(phase) = phase(tx, run).await? else { return Ok(Moved::TooLate) };
    let Some(ended) = phase.after(event) else { return Ok(Moved::TooLate) };
    let moved = sqlx::query!(
        r#"-- run.end
        UPDATE sync_run AS run
        SET phase = $3::text::run_phase, entered_at = clock_timestamp(), finished_at = clock_timestamp(), failure = $4,
            hold = NULL, hold_reason = NULL, held_at = NULL
        WHERE run.run_key = $1 AND run.phase = $2::text::run_phase"#,
        run.0,
        phase.as_str(),
        ended.as_str(),
        reason
    );
    let moved = moved.execute(&mut **tx).await?.rows_affected() > 0;
    sum_up(tx, run).await?;
    sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
    Ok(if moved { Moved::Yes } else { Moved::TooLate })
}

/// Keeps what the run's jobs add up to: the jobs go, the run stays.
pub(crate) async fn sum_up(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!(
        r#"-- run.sum_up
        UPDATE sync_run AS run
        SET calls = spent.calls, rows_added = spent.added, rows_changed = spent.changed
        FROM (
            SELECT
                coalesce(sum(calls), 0)::integer AS calls,
                coalesce(sum(rows_added), 0)::integer AS added,
                coalesce(sum(rows_changed), 0)::integer AS changed
            FROM sync_job WHERE run_key = $1
        ) AS spent
        WHERE run.run_key = $1"#,
        run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The run's phase, as of this statement.
pub(crate) async fn phase(tx: &mut Tx, run: RunKey) -> StoreResult<Option<Phase>> {
    let phase = sqlx::query_scalar!(r#"SELECT phase::text AS "phase!" FROM sync_run WHERE run_key = $1"#, run.0);
    Ok(phase.fetch_optional(&mut **tx).await?.map(|word| word.parse()).transpose()?)
}
