//! A run's lock: shared by those who write its pages, exclusive for those who move it on.
//!
//! Each function is one statement, so that the caller's next statement sees what the last holder committed.

use orgmirror_domain::ids::{OrgKey, RunKey};

use crate::StoreResult;
use crate::transaction::Tx;

/// For a transition: waits until no page of the run is being written.
pub(crate) async fn exclusive(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", run.0).execute(&mut **tx).await?;
    Ok(())
}

/// For a member page of a scoped run: also keeps the organisation's full run from moving on meanwhile. Locks none for pages of the
/// full run itself.
pub(crate) async fn shared_with_full_runs(tx: &mut Tx, org: OrgKey, run: RunKey) -> StoreResult<()> {
    sqlx::query!(
        r#"-- lock.shared_with_full_runs
        SELECT pg_advisory_xact_lock_shared(full_run.run_key) AS locked
        FROM (
            SELECT other.run_key FROM sync_run AS other
            WHERE other.org_key = $1 AND other.run_key <> $2 AND other.scope = 'full' AND other.finished_at IS NULL
                AND other.phase <> 'requested'
                AND EXISTS (SELECT FROM sync_run AS own WHERE own.run_key = $2 AND own.scope <> 'full')
            ORDER BY other.run_key
        ) AS full_run"#,
        org.0,
        run.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(())
}

/// For a write: waits only for a transition. Makes the transaction's statements look rows up by key, whatever the planner believes
/// about the tables' sizes: during a first load it believes that they are empty.
pub(crate) async fn shared(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!(
        r#"-- lock.shared
        SELECT
            pg_advisory_xact_lock_shared($1),
            set_config('enable_seqscan', 'off', true) AS seqscan,
            set_config('enable_hashjoin', 'off', true) AS hashjoin,
            set_config('enable_mergejoin', 'off', true) AS mergejoin"#,
        run.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(())
}
