//! Which jobs of a batch may be committed, and that they are.

use orgmirror_domain::ids::{Instant, JobKey, OrgKey, RunKey};
use orgmirror_domain::job::{JobKind, may_commit};
use orgmirror_domain::run::Phase;

use super::Keyed;
use crate::observe::{Mirrored, Tally, Writer};
use crate::transaction::Tx;
use crate::{StoreResult, array};

/// A page whose job is locked and pending.
pub(super) struct Claimed {
    pub(super) job: JobKey,
    pub(super) kind: JobKind,
    pub(super) partition: i32,
    pub(super) descending: bool,
    pub(super) page: i32,
    pub(super) last_page: bool,
    /// Set where the partition is read from both ends.
    pub(super) expected: Option<i64>,
    /// How many pages the chain from the other end has committed.
    pub(super) read_by_other: u64,
}

/// A chain of a run: its partition, and whether it is read from the last name back.
pub(super) type Chain = (i32, bool);

impl Claimed {
    pub(super) fn chain(&self) -> Chain {
        (self.partition, self.descending)
    }
}

/// Locks the jobs of the pages, and keeps those that may be committed. No writer: none may.
pub(super) async fn claim<F>(
    tx: &mut Tx,
    org: OrgKey,
    run: RunKey,
    pages: &[&Keyed<F>],
) -> StoreResult<(Vec<Claimed>, Option<Writer>)> {
    let jobs: Vec<i64> = pages.iter().map(|page| page.job.0).collect();
    let rows = sqlx::query!(
        r#"-- page.claim
        SELECT
            job.job_key, job.kind::text AS "kind!", job.state::text AS "state!", run.phase::text AS "phase!",
            job.partition AS "partition!", job.descending AS "descending!", job.page AS "page!", job.last_page, job.expected,
            run.watermark AS "watermark!", org.watermark IS NOT NULL AS "logged!",
            CASE WHEN job.expected IS NOT NULL THEN (
                SELECT other.page + 1 FROM sync_job AS other
                WHERE other.run_key = job.run_key AND other.partition = job.partition AND other.descending = NOT job.descending
                    AND other.state = 'done'
                ORDER BY other.restart DESC, other.page DESC
                LIMIT 1
            ) END AS read_by_other
        FROM sync_job AS job
        INNER JOIN sync_run AS run ON run.run_key = job.run_key
        INNER JOIN org ON org.org_key = run.org_key
        WHERE job.job_key = ANY ($1) AND job.run_key = $2
        ORDER BY job.job_key
        FOR NO KEY UPDATE OF job"#,
        &jobs,
        run.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    let (mut claimed, mut writer) = (Vec::new(), None);
    for row in rows {
        if !may_commit(row.phase.parse::<Phase>()?, row.state.parse()?) {
            continue;
        }
        let writes_from = Instant(i64::MIN);
        writer = Some(Writer { org, run, watermark: Instant(row.watermark), logged: row.logged, lookup: false, writes_from });
        claimed.push(Claimed {
            job: JobKey(row.job_key),
            kind: row.kind.parse()?,
            partition: row.partition,
            descending: row.descending,
            page: row.page,
            last_page: row.last_page,
            expected: row.expected,
            read_by_other: row.read_by_other.and_then(|pages| u64::try_from(pages).ok()).unwrap_or_default(),
        });
    }
    Ok((claimed, writer))
}

/// The newest watermark of a full run of the organisation, other than this one, that goes on or is completed. It may have seen an
/// account after a stalled member page did, found nothing to change, and left no instant; or asked for all accounts that it had to.
pub(super) async fn newest_begun(tx: &mut Tx, org: OrgKey, run: RunKey) -> StoreResult<Instant> {
    let newest = sqlx::query_scalar!(
        r#"-- page.newest_begun
        SELECT coalesce(max(watermark), 0) AS "newest!" FROM sync_run
        WHERE org_key = $1 AND run_key <> $2 AND scope = 'full'
            AND phase IN ('planning', 'scanning', 'verifying', 'sweeping', 'completed')"#,
        org.0,
        run.0
    );
    Ok(Instant(newest.fetch_one(&mut **tx).await?))
}

/// Marks the jobs done, with what their pages listed, in one statement. The rows written count for the first of them.
pub(super) async fn finish<F: Mirrored>(
    tx: &mut Tx,
    run: RunKey,
    pages: &[&Keyed<F>],
    claimed: &[Claimed],
    tally: Tally,
) -> StoreResult<()> {
    let done: Vec<(&Claimed, &&Keyed<F>)> =
        claimed.iter().filter_map(|one| Some((one, pages.iter().find(|page| page.job == one.job)?))).collect();
    let jobs: Vec<i64> = done.iter().map(|(one, _)| one.job.0).collect();
    let instants: Vec<i64> = done.iter().map(|(_, page)| page.instant.0).collect();
    let calls: Vec<i32> = done.iter().map(|(_, page)| page.calls).collect();
    let seen: Vec<String> = done.iter().map(|(_, page)| array::literal(page.seen.iter().copied().map(Some))).collect();
    let hashes: Vec<Option<String>> =
        done.iter().map(|(one, page)| one.expected.is_some().then(|| array::literal(page.hashes.iter().copied()))).collect();
    let memberships: Vec<i32> = done.iter().map(|(_, page)| page.facts.iter().map(F::memberships).sum()).collect();
    sqlx::query!(
        r#"-- page.finish
        UPDATE sync_job AS job
        SET state = 'done', finished_at = clock_timestamp(), instant = page.instant, seen = page.seen::integer[],
            sort_hashes = page.hashes::bigint[], calls = job.calls + page.calls, memberships = page.memberships,
            listed = cardinality(page.seen::integer[]),
            rows_added = CASE WHEN page.position = 1 THEN $8 ELSE 0 END,
            rows_changed = CASE WHEN page.position = 1 THEN $9 ELSE 0 END
        FROM unnest($2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::integer[])
            WITH ORDINALITY AS page (job_key, instant, calls, seen, hashes, memberships, position)
        WHERE job.job_key = page.job_key AND job.run_key = $1 AND job.state = 'pending'"#,
        run.0,
        &jobs,
        &instants,
        &calls,
        &seen,
        &hashes as &[Option<String>],
        &memberships,
        tally.added,
        tally.changed,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
