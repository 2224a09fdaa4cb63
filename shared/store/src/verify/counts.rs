//! The API's own counts: asked again (first round), partitions that came short read again (second), differences that stay reported.

use orgmirror_domain::verify::{Discrepancy, read_again};

use crate::StoreResult;
use crate::barrier::LockedRun;
use crate::transaction::Tx;

/// The API's counts of the whole, and of each partition that listed fewer rows than planning counted.
pub(super) async fn ask_for_counts(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- verify.counts
        WITH partitions AS MATERIALIZED (SELECT * FROM run_partitions($1))
        INSERT INTO sync_job (run_key, kind, subjects, filter)
        SELECT $1::bigint, 'count'::job_kind, ARRAY[whole.kind, 'whole'], '{}'::jsonb FROM (VALUES ('users'), ('groups')) AS whole (kind)
        UNION ALL
        SELECT $1, 'count', ARRAY[partitions.kind, partitions.number::text], partitions.filter
        FROM partitions
        WHERE partitions.listed < partitions.expected
            AND (SELECT count(*) FROM partitions AS others WHERE others.kind = partitions.kind) > 1"#,
        run.run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A partition that listed fewer rows than the API counted before and after is read once more, from its beginning to its end.
pub(super) async fn read_short_partitions_again(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    // Distinct rows are counted only where a count may show that some are missing.
    let suspicious = sqlx::query_scalar!(
        r#"-- verify.suspicious_counts
        SELECT EXISTS (
            SELECT FROM sync_job AS job INNER JOIN sync_run AS run ON run.run_key = job.run_key
            WHERE job.run_key = $1 AND job.kind = 'count' AND job.state = 'done'
                AND (
                    job.subjects[2] <> 'whole'
                    OR jsonb_array_length(
                        run.plan -> (CASE job.subjects[1] WHEN 'users' THEN 'user_partitions' ELSE 'group_partitions' END)
                    ) = 1
                )
        ) AS "suspicious!""#,
        run.run.0
    );
    if !suspicious.fetch_one(&mut **tx).await? {
        return Ok(());
    }
    let partitions = sqlx::query!(
        r#"-- verify.short_partitions
        WITH counted AS (
            SELECT subjects[1] AS kind, subjects[2] AS name, answer FROM sync_job
            WHERE run_key = $1 AND kind = 'count' AND state = 'done'
        ),
        planned AS (SELECT *, count(*) OVER (PARTITION BY kind) AS of_its_kind FROM run_partitions($1))
        SELECT
            planned.number::integer AS "number!", planned.listed AS "listed!", planned.expected AS "before!", counted.answer AS "after!"
        FROM planned
        INNER JOIN counted
            -- With one partition of its kind, the whole is the partition.
            ON counted.kind = planned.kind
            AND (counted.name = planned.number::text OR (counted.name = 'whole' AND planned.of_its_kind = 1))
        ORDER BY planned.number"#,
        run.run.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let size = |count: i64| u64::try_from(count).unwrap_or_default();
    let short: Vec<i32> = partitions
        .iter()
        .filter(|one| read_again(size(one.listed), size(one.before), size(one.after)))
        .map(|one| one.number)
        .collect();
    sqlx::query!(
        r#"-- verify.read_again
        INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, filter)
        SELECT DISTINCT ON (job.partition)
            $1, job.kind, job.partition, false,
            (SELECT max(other.restart) + 1 FROM sync_job AS other WHERE other.run_key = $1 AND other.partition = job.partition),
            0, 100, job.filter
        FROM sync_job AS job
        WHERE job.run_key = $1 AND job.partition = ANY ($2) AND job.page = 0
        ORDER BY job.partition, job.job_key"#,
        run.run.0,
        &short
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The whole, counted by the API before and after the scan, against what the mirror has. Anything between the two counts is a change
/// that happened meanwhile.
pub(super) async fn count_differences(tx: &mut Tx, run: LockedRun) -> StoreResult<Vec<Discrepancy>> {
    let rows = sqlx::query!(
        r#"-- verify.count_differences
        SELECT job.subjects[1] AS "kind!", job.answer AS "after!", (run.plan ->> job.subjects[1])::bigint AS "before!",
            CASE job.subjects[1]
                WHEN 'users' THEN (SELECT count(*) FROM account WHERE org_key = $2 AND known_alive AND NOT missing)
                ELSE (SELECT count(*) FROM org_group WHERE org_key = $2 AND known_alive AND NOT missing)
            END AS "mirrored!"
        FROM sync_job AS job INNER JOIN sync_run AS run ON run.run_key = job.run_key
        WHERE job.run_key = $1 AND job.kind = 'count' AND job.state = 'done' AND job.subjects[2] = 'whole'"#,
        run.run.0,
        run.org.0
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    Ok(rows
        .into_iter()
        .filter(|row| row.mirrored < row.before.min(row.after) || row.mirrored > row.before.max(row.after))
        .map(|row| Discrepancy {
            kind: "organisation_count".to_owned(),
            detail: format!("the API counted {} before and {} after, the mirror has {}", row.before, row.after, row.mirrored),
            subject: row.kind,
        })
        .collect())
}
