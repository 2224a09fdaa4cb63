//! A worker's attempts at a job: what is to be done, whether it still is, and how an attempt ends that commits nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{Instant, JobKey, OrgKey, RunId, RunKey};
use orgmirror_domain::job::{JobKind, may_commit};
use orgmirror_domain::query::Direction;
use orgmirror_domain::run::Phase;
use serde_json::Value;

use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult, lock};

/// A job as the ledger has it: all that a worker needs.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its key.
    pub key: JobKey,
    /// What it reads.
    pub kind: JobKind,
    /// Its run.
    pub run: RunKey,
    /// Its run, for people.
    pub run_id: RunId,
    /// Its organisation.
    pub org: OrgKey,
    /// Of a page: where in which chain.
    pub page: Option<PagePosition>,
    /// API ids that it is about.
    pub subjects: Vec<String>,
    /// Which rows, of a count.
    pub filter: Option<Value>,
    /// Deliveries that were begun and committed nothing.
    pub attempts: i16,
}

/// A page's place in its chain.
#[derive(Clone, Debug)]
pub struct PagePosition {
    /// Number of the partition; negative for a member list.
    pub partition: i32,
    /// From which end.
    pub direction: Direction,
    /// How often the chain was started again.
    pub restart: i16,
    /// Number of the page, from 0.
    pub page: i32,
    /// Rows to ask for.
    pub limit: u32,
    /// Where it starts.
    pub cursor: Option<String>,
    /// Both ends have met: no page follows it.
    pub last: bool,
}

/// What a reader draws before each attempt of each call.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// The observation's instant.
    pub instant: Instant,
    /// The clock at that moment, for people.
    pub at: DateTime<Utc>,
}

/// Who brings a job back.
#[derive(Clone, Copy, Debug)]
pub enum Silence {
    /// Its own delivery, after that time.
    For(Duration),
    /// The coordinator, which publishes it again when it was not heard of for a lease: so that this is in `wait`.
    UntilDue {
        /// When it shall be published.
        wait: Duration,
        /// The lease that the coordinator goes by.
        lease: Duration,
    },
}

/// Whose turn the next read is.
#[derive(Clone, Copy, Debug)]
pub enum Asking {
    /// The job's own call.
    For(JobKey),
    /// The page after that job's, read ahead while the job commits. Look-ups are never read ahead.
    AheadOf(JobKey),
}

/// How a chain goes on after its cursor expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarted {
    /// From its beginning; the first page's job.
    FromBeginning(JobKey),
    /// The other end reads on until it meets what this one listed.
    OtherEndReadsOn,
    /// The job was no longer pending.
    Late,
    /// Three restarts got no further: the run must fail.
    NoProgress,
}

impl Store {
    /// Loads a job that is still to be done, of a run that is not held; `None` otherwise: nothing to do, now or ever.
    pub async fn job(&self, job: JobKey) -> StoreResult<Option<Job>> {
        let row = sqlx::query!(
            r#"-- attempt.job
            SELECT
                job.kind::text AS "kind!", job.run_key, run.run_id, run.org_key, job.partition, job.descending, job.restart, job.page,
                job.page_limit, job.cursor, job.last_page, job.subjects, job.filter, job.attempts
            FROM sync_job AS job
            INNER JOIN sync_run AS run ON run.run_key = job.run_key
            WHERE job.job_key = $1 AND job.state = 'pending' AND run.finished_at IS NULL AND run.hold IS NULL"#,
            job.0
        );
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(None) };
        let page = match (row.partition, row.descending, row.restart, row.page, row.page_limit) {
            (Some(partition), Some(descending), Some(restart), Some(page), Some(limit)) => Some(PagePosition {
                partition,
                direction: if descending { Direction::Descending } else { Direction::Ascending },
                restart,
                page,
                limit: u32::try_from(limit).unwrap_or(1),
                cursor: row.cursor,
                last: row.last_page,
            }),
            _ => None,
        };
        Ok(Some(Job {
            key: job,
            kind: row.kind.parse()?,
            run: RunKey(row.run_key),
            run_id: RunId(row.run_id),
            org: OrgKey(row.org_key),
            page,
            subjects: row.subjects,
            filter: row.filter,
            attempts: row.attempts,
        }))
    }

    /// Draws the instant of a read, in the statement that asks whether it is still wanted; `None` if not.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "attempt.draw", otel.kind = "client", db.system.name = "postgresql"))]
    pub async fn draw(&self, asking: Asking) -> StoreResult<Option<Drawn>> {
        let (job, ahead) = match asking {
            Asking::For(job) => (job, false),
            Asking::AheadOf(job) => (job, true),
        };
        let drawn = sqlx::query!(
            r#"-- attempt.draw
            SELECT nextval('instant') AS "instant!", clock_timestamp() AS "at!"
            FROM sync_job AS job
            INNER JOIN sync_run AS run ON run.run_key = job.run_key
            WHERE job.job_key = $1
                AND (job.state = 'pending' OR ($2 AND job.state = 'done'))
                AND run.finished_at IS NULL
                AND run.hold IS NULL"#,
            job.0,
            ahead
        );
        let drawn = drawn.fetch_optional(&self.pool).await?;
        Ok(drawn.map(|row| Drawn { instant: Instant(row.instant), at: row.at }))
    }

    /// Says that these jobs are being worked on or waited for, so that nobody publishes them again.
    pub async fn heard(&self, jobs: &[JobKey]) -> StoreResult<()> {
        let jobs: Vec<i64> = jobs.iter().map(|job| job.0).collect();
        sqlx::query!(
            r#"-- attempt.heard
            UPDATE sync_job SET heard_at = greatest(heard_at, clock_timestamp()) WHERE job_key = ANY ($1) AND state = 'pending'"#,
            &jobs
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a delivery that committed nothing, with the calls it made; whoever has it next is heard of in so long. Waiting for the
    /// budget is no attempt.
    pub async fn put_back(&self, job: JobKey, calls: i32, silent_for: Silence, counts: bool) -> StoreResult<()> {
        let (sign, span) = match silent_for {
            Silence::For(wait) => (1.0, wait),
            Silence::UntilDue { wait, lease } if wait >= lease => (1.0, wait - lease),
            Silence::UntilDue { wait, lease } => (-1.0, lease - wait),
        };
        sqlx::query!(
            r#"-- attempt.put_back
            UPDATE sync_job
            SET attempts = attempts + $4::boolean::integer,
                calls = calls + $2,
                heard_at = clock_timestamp() + make_interval(secs => $3)
            WHERE job_key = $1 AND state = 'pending'"#,
            job.0,
            calls,
            sign * span.as_secs_f64(),
            counts
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Asks for fewer rows from now on, with attempts anew: a page that could not be read is tried smaller before its run fails.
    pub async fn shrink_page(&self, job: JobKey, limit: u32, calls: i32) -> StoreResult<()> {
        sqlx::query!(
            r#"-- attempt.shrink_page
            UPDATE sync_job
            SET page_limit = $2, attempts = 0, calls = calls + $3
            WHERE job_key = $1 AND state = 'pending' AND page_limit > $2"#,
            job.0,
            i16::try_from(limit).unwrap_or(1),
            calls
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// T4. An expired cursor is no failure: supersedes its page and starts that direction again, unless the other end lives and can
    /// read on. Under the exclusive lock: two ends whose cursors expire together must not each count on the other.
    pub async fn restart_chain(&self, run: RunKey, job: JobKey, calls: i32) -> StoreResult<Restarted> {
        transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            if !lock_pending(tx, job).await? {
                return Ok(Restarted::Late);
            }
            let progress = sqlx::query!(
                r#"-- attempt.chain_progress
                SELECT
                    job.restart AS "restart!",
                    job.page > coalesce((
                        SELECT max(earlier.page) FROM sync_job AS earlier
                        WHERE earlier.run_key = job.run_key AND earlier.partition = job.partition
                            AND earlier.descending = job.descending AND earlier.restart < job.restart
                    ), -1) AS "further!",
                    EXISTS (
                        SELECT FROM sync_job AS other
                        WHERE other.run_key = job.run_key AND other.partition = job.partition
                            AND other.descending <> job.descending AND other.state = 'pending'
                    ) AS "other_end_lives!"
                FROM sync_job AS job WHERE job.job_key = $1"#,
                job.0
            );
            let progress = progress.fetch_one(&mut **tx).await?;
            if progress.restart >= 3 && !progress.further {
                return Ok(Restarted::NoProgress);
            }
            sqlx::query!(
                r#"-- attempt.supersede
                UPDATE sync_job SET state = 'superseded', finished_at = clock_timestamp(), calls = calls + $2 WHERE job_key = $1"#,
                job.0,
                calls
            )
            .execute(&mut **tx)
            .await?;
            if progress.other_end_lives {
                return Ok(Restarted::OtherEndReadsOn);
            }
            let first = sqlx::query_scalar!(
                r#"-- attempt.restart
                INSERT INTO sync_job (
                    run_key, kind, partition, descending, restart, page, page_limit, filter, expected, subjects, heard_at
                )
                SELECT run_key, kind, partition, descending, restart + 1, 0, page_limit, filter, expected, subjects, clock_timestamp()
                FROM sync_job WHERE job_key = $1
                RETURNING job_key"#,
                job.0
            );
            Ok(Restarted::FromBeginning(JobKey(first.fetch_one(&mut **tx).await?)))
        })
    }
}

/// Locks a job's row and tells whether its effect may be committed. The run's lock must be held, taken by an earlier statement.
pub(crate) async fn lock_pending(tx: &mut Tx, job: JobKey) -> StoreResult<bool> {
    let row = sqlx::query!(
        r#"-- attempt.lock_pending
        SELECT job.state::text AS "state!", run.phase::text AS "phase!"
        FROM sync_job AS job
        INNER JOIN sync_run AS run ON run.run_key = job.run_key
        WHERE job.job_key = $1
        FOR NO KEY UPDATE OF job"#,
        job.0
    );
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(false) };
    Ok(may_commit(row.phase.parse::<Phase>()?, row.state.parse()?))
}
