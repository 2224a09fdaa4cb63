//! From the ledger to the queue: which jobs nobody has heard of.

use std::time::Duration;

use orgmirror_domain::ids::{JobKey, OrgKey};

use crate::{Store, StoreResult};

/// How long a coordinator that took jobs may need to publish them before another one does.
const PUBLISHING: Duration = Duration::from_secs(5);

/// For whom jobs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Scoped runs: somebody waits for them.
    Interactive,
    /// Full runs.
    Bulk,
}

impl Store {
    /// Takes up to `limit` pending jobs of an organisation that were never published, or not heard of for a lease; other coordinators leave them alone
    /// for a few seconds. After publishing them, say so with [`Store::heard`]: if this process dies in between, they come back.
    pub async fn take_unheard(&self, org: OrgKey, waiting: Waiting, lease: Duration, limit: u32) -> StoreResult<Vec<JobKey>> {
        let rows = sqlx::query!(
            r#"-- dispatch.take
            WITH due AS (
                SELECT job.job_key
                FROM sync_run AS run
                INNER JOIN sync_job AS job ON job.run_key = run.run_key
                WHERE run.org_key = $4 AND (run.scope <> 'full') = $5
                    AND run.finished_at IS NULL AND run.phase <> 'requested' AND run.hold IS NULL
                    AND job.state = 'pending'
                    AND (job.heard_at IS NULL OR job.heard_at < clock_timestamp() - make_interval(secs => $1))
                ORDER BY job.job_key
                LIMIT $2
                FOR NO KEY UPDATE OF job SKIP LOCKED
            )
            UPDATE sync_job AS job
            SET heard_at = clock_timestamp() - make_interval(secs => $1 - $3)
            FROM due
            WHERE job.job_key = due.job_key AND job.state = 'pending'
            RETURNING job.job_key"#,
            lease.as_secs_f64(),
            i64::from(limit),
            PUBLISHING.min(lease / 2).as_secs_f64(),
            org.0,
            waiting == Waiting::Interactive
        );
        let mut rows = rows.fetch_all(&self.pool).await?;
        rows.sort_by_key(|row| row.job_key);
        Ok(rows.into_iter().map(|row| JobKey(row.job_key)).collect())
    }
}
