//! First round: rows that no page listed, asked for by id. Nothing is removed but by the answer.

use crate::StoreResult;
use crate::barrier::LockedRun;
use crate::transaction::Tx;

/// Accounts whose row is older than the watermark and that no page listed; subjects of unfinished look-ups, known or not, that no
/// page listed; rows written by others since the watermark that a page saw later than they were written.
pub(super) async fn ask_for_unlisted_accounts(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- verify.unlisted_accounts
        WITH listed AS MATERIALIZED (
            SELECT sighting.key, max(job.instant) AS newest
            FROM sync_job AS job
            CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
            WHERE job.run_key = $1 AND job.kind = 'users_page' AND job.state = 'done'
            GROUP BY sighting.key
        ),
        asked AS (
            SELECT a.account_key AS key
            FROM account AS a
            LEFT JOIN listed ON listed.key = a.account_key
            WHERE a.org_key = $2
                AND ((a.observed < $3 AND listed.key IS NULL) OR (a.observed >= $3 AND a.observed < listed.newest))
            UNION
            SELECT subject.key
            FROM sync_run AS other
            INNER JOIN sync_job AS job ON job.run_key = other.run_key
            CROSS JOIN LATERAL unnest(job.subject_keys) AS subject (key)
            WHERE other.org_key = $2 AND other.finished_at IS NULL AND other.run_key <> $1
                AND job.state = 'pending' AND job.kind = 'account_lookup'
                AND NOT EXISTS (SELECT FROM listed WHERE listed.key = subject.key)
        ),
        numbered AS (SELECT key, row_number() OVER (ORDER BY key) AS position FROM asked)
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'account_lookup', array_agg(k.account_id ORDER BY position), array_agg(k.account_key ORDER BY position)
        FROM numbered INNER JOIN account_key AS k ON k.account_key = numbered.key
        GROUP BY (position - 1) / 10"#,
        run.run.0,
        run.org.0,
        run.watermark.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The same for groups, and groups that users are members of although no group page has ever listed them.
pub(super) async fn ask_for_unlisted_groups(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- verify.unlisted_groups
        WITH listed AS MATERIALIZED (
            SELECT sighting.key, max(job.instant) AS newest
            FROM sync_job AS job
            CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
            WHERE job.run_key = $1 AND job.kind = 'groups_page' AND job.state = 'done'
            GROUP BY sighting.key
        ),
        rowless AS MATERIALIZED (
            SELECT array_agg(k.group_key) AS keys
            FROM group_key AS k
            WHERE k.org_key = $2 AND NOT EXISTS (SELECT FROM org_group AS g WHERE g.group_key = k.group_key)
        ),
        asked AS (
            SELECT g.group_key AS key
            FROM org_group AS g
            LEFT JOIN listed ON listed.key = g.group_key
            WHERE g.org_key = $2
                AND ((g.observed < $3 AND listed.key IS NULL) OR (g.observed >= $3 AND g.observed < listed.newest))
            UNION
            SELECT subject.key
            FROM sync_run AS other
            INNER JOIN sync_job AS job ON job.run_key = other.run_key
            CROSS JOIN LATERAL unnest(job.subject_keys) AS subject (key)
            WHERE other.org_key = $2 AND other.finished_at IS NULL AND other.run_key <> $1
                AND job.state = 'pending' AND job.kind = 'group_lookup'
                AND NOT EXISTS (SELECT FROM listed WHERE listed.key = subject.key)
            UNION
            -- Groups that somebody is a member of, although no page has ever listed them. One scan finds whether there are any.
            SELECT member.group_key
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
            WHERE a.org_key = $2 AND NOT a.missing
                AND a.group_keys && (SELECT keys FROM rowless)
                AND member.group_key = ANY ((SELECT keys FROM rowless)::integer[])
        ),
        numbered AS (SELECT key, row_number() OVER (ORDER BY key) AS position FROM asked)
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'group_lookup', array_agg(k.group_id::text ORDER BY position), array_agg(k.group_key ORDER BY position)
        FROM numbered INNER JOIN group_key AS k ON k.group_key = numbered.key
        GROUP BY (position - 1) / 10"#,
        run.run.0,
        run.org.0,
        run.watermark.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
