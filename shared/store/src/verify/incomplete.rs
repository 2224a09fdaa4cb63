//! First round: rows that came without something, asked for once more by id. What a look-up tells whole is no exception any more.

use orgmirror_domain::verify::repair_calls;

use super::calls_so_far;
use crate::StoreResult;
use crate::barrier::LockedRun;
use crate::transaction::Tx;

/// Asks for incomplete rows, ten a call, as long as calls last. Of a run that has none it is one look at a short list.
pub(super) async fn ask_again_for_incomplete_rows(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    let calls = i64::try_from(repair_calls(calls_so_far(tx, run).await?)).unwrap_or(i64::MAX / 10);
    sqlx::query!(
        r#"-- verify.incomplete_rows
        WITH asked AS (
            SELECT e.kind, e.entity_key AS key, row_number() OVER (PARTITION BY e.kind ORDER BY e.entity_key) AS position
            FROM run_exception AS e
            WHERE e.run_key = $1 AND e.incomplete
            ORDER BY e.kind, e.entity_key
            LIMIT $2
        )
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, CASE asked.kind WHEN 'account' THEN 'account_lookup' ELSE 'group_lookup' END::job_kind,
            array_agg(coalesce(a.account_id, g.group_id::text) ORDER BY position), array_agg(asked.key ORDER BY position)
        FROM asked
        LEFT JOIN account_key AS a ON asked.kind = 'account' AND a.account_key = asked.key
        LEFT JOIN group_key AS g ON asked.kind = 'group' AND g.group_key = asked.key
        GROUP BY asked.kind, (position - 1) / 10"#,
        run.run.0,
        calls * 10
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
