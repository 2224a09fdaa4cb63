//! What keeps the database small: a little at a time, never in the way of a run.

use orgmirror_domain::ids::RunKey;

use crate::{Store, StoreResult};

/// Jobs whose lists are cleared, or rows deleted, in one transaction.
const SLICE: i64 = 2_000;
/// Rows written by a run that make new statistics worth a second of work.
const WORTH_STATISTICS: i32 = 10_000;

impl Store {
    /// Clears what ended runs need no more, in slices; returns whether there may be more to do at once.
    pub async fn tidy(&self) -> StoreResult<bool> {
        let cleared = sqlx::query!(
            r#"-- housekeeping.clear_seen
            UPDATE sync_job SET seen = NULL, sort_hashes = NULL, cursor = NULL
            WHERE job_key IN (
                SELECT job.job_key FROM sync_job AS job INNER JOIN sync_run AS run ON run.run_key = job.run_key
                WHERE run.finished_at IS NOT NULL AND (job.seen IS NOT NULL OR job.cursor IS NOT NULL)
                LIMIT $1
            )"#,
            SLICE
        );
        let cleared = cleared.execute(&self.pool).await?.rows_affected();
        let dropped = sqlx::query!(
            r#"-- housekeeping.drop_jobs
            DELETE FROM sync_job WHERE job_key IN (
                SELECT job.job_key FROM sync_job AS job INNER JOIN sync_run AS run ON run.run_key = job.run_key
                WHERE run.finished_at < now() - interval '7 days'
                LIMIT $1
            )"#,
            SLICE
        );
        let dropped = dropped.execute(&self.pool).await?.rows_affected();
        Ok(cleared.max(dropped) >= SLICE.unsigned_abs())
    }

    /// Daily work: the archive's 30 days, the change log's months.
    pub async fn expire(&self) -> StoreResult<()> {
        sqlx::query!("DELETE FROM departed WHERE hidden_at < now() - interval '30 days'").execute(&self.pool).await?;
        sqlx::query!(
            r#"-- housekeeping.months
            SELECT change_log_ensure_month(current_date), change_log_ensure_month((current_date + interval '1 month')::date) AS next"#
        )
        .execute(&self.pool)
        .await?;
        sqlx::query!(
            r#"-- housekeeping.drop_months
            SELECT change_log_drop_months(interval '400 days')"#
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes statistics after a run that wrote much, so that readers' plans fit the tables' new size. Autovacuum would, some day.
    pub async fn analyze_after(&self, run: RunKey) -> StoreResult<()> {
        let written = sqlx::query_scalar!(
            r#"-- housekeeping.written
            SELECT rows_added + rows_changed AS "written!" FROM sync_run WHERE run_key = $1"#,
            run.0
        );
        if written.fetch_one(&self.pool).await? < WORTH_STATISTICS {
            return Ok(());
        }
        for statement in ["ANALYZE account", "ANALYZE org_group", "ANALYZE account_key", "ANALYZE group_key", "ANALYZE sync_job"]
        {
            sqlx::raw_sql(statement).execute(&self.pool).await?;
        }
        Ok(())
    }
}
