//! Groups whose reported member count is not the mirrored one: asked again (first round), their members listed (second), members that
//! such a list has not asked for by id (third).

use orgmirror_domain::verify::{affordable, repair_calls};

use super::calls_so_far;
use crate::StoreResult;
use crate::barrier::LockedRun;
use crate::transaction::Tx;

/// A group whose reported and mirrored members differ.
pub(super) struct Differing {
    pub(super) group_key: i32,
    pub(super) group_id: String,
    pub(super) reported: i32,
    pub(super) mirrored: i32,
}

/// Which differences count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Differences {
    /// Those that a listing may repair: not those that one has confirmed and that have not changed since.
    Repairable,
    /// All.
    All,
}

/// Groups whose reported member count is not the mirrored one, the smallest first.
pub(super) async fn differing_groups(tx: &mut Tx, run: LockedRun, which: Differences) -> StoreResult<Vec<Differing>> {
    let groups = sqlx::query_as!(
        Differing,
        r#"-- verify.differing_groups
        WITH mirrored AS MATERIALIZED (
            SELECT member.group_key, count(*)::integer AS members
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
            WHERE a.org_key = $1 AND a.known_alive AND NOT a.missing
            GROUP BY member.group_key
        )
        SELECT
            g.group_key, k.group_id::text AS "group_id!", g.member_count AS "reported!", coalesce(mirrored.members, 0) AS "mirrored!"
        FROM org_group AS g
        INNER JOIN group_key AS k ON k.group_key = g.group_key
        LEFT JOIN mirrored ON mirrored.group_key = g.group_key
        LEFT JOIN confirmed_difference AS c ON c.org_key = g.org_key AND c.group_key = g.group_key
        WHERE g.org_key = $1 AND g.known_alive AND NOT g.missing
            AND g.member_count <> coalesce(mirrored.members, 0)
            AND ($2 OR (c.reported, c.mirrored) IS DISTINCT FROM (g.member_count, coalesce(mirrored.members, 0)))
        ORDER BY g.member_count, g.group_key"#,
        run.org.0,
        which == Differences::All
    );
    Ok(groups.fetch_all(&mut **tx).await?)
}

/// The count is asked again first, 10 a call: most differences are changes between the two readings.
pub(super) async fn ask_again_for_differing_groups(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    // Where this run wrote nothing, all is as the last one left it: what differs still has been asked for and confirmed.
    if !anything_written(tx, run).await? {
        return Ok(());
    }
    let differing = differing_groups(tx, run, Differences::Repairable).await?;
    let calls = repair_calls(calls_so_far(tx, run).await?);
    let take = usize::try_from(calls * 10).unwrap_or(usize::MAX).min(differing.len());
    let keys: Vec<i32> = differing[..take].iter().map(|group| group.group_key).collect();
    sqlx::query!(
        r#"-- verify.ask_again
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'group_lookup', array_agg(k.group_id::text ORDER BY position), array_agg(k.group_key ORDER BY position)
        FROM unnest($2::integer[]) WITH ORDINALITY AS asked (key, position)
        INNER JOIN group_key AS k ON k.group_key = asked.key
        GROUP BY (position - 1) / 10"#,
        run.run.0,
        &keys
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether any row came to be, changed or went since the newest completed run began to verify.
async fn anything_written(tx: &mut Tx, run: LockedRun) -> StoreResult<bool> {
    let written = sqlx::query_scalar!(
        r#"-- verify.anything_written
        SELECT org.watermark IS NULL
            OR EXISTS (SELECT FROM sync_job WHERE run_key = $1 AND (rows_added > 0 OR rows_changed > 0 OR kind IN ('account_lookup', 'group_lookup')))
            OR EXISTS (
                SELECT FROM sync_run AS other
                WHERE other.org_key = $2 AND other.run_key <> $1
                    AND (other.finished_at IS NULL OR other.run_key > org.watermark_run_key OR other.finished_at > org.watermark_at)
                    AND other.run_key <> org.watermark_run_key
                    AND other.phase <> 'requested'
            )
            OR EXISTS (
                SELECT FROM sync_run AS last
                WHERE last.run_key = org.watermark_run_key AND jsonb_array_length(last.discrepancies) > 0
            ) AS "written!"
        FROM org WHERE org.org_key = $2"#,
        run.run.0,
        run.org.0
    );
    Ok(written.fetch_one(&mut **tx).await?)
}

/// Whether any job of verifying has written something, so that what was equal at the first look may differ now.
pub(super) async fn anything_repaired(tx: &mut Tx, run: LockedRun) -> StoreResult<bool> {
    let repaired = sqlx::query_scalar!(
        r#"-- verify.anything_repaired
        SELECT EXISTS (
            SELECT FROM sync_job
            WHERE run_key = $1
                AND (kind IN ('account_lookup', 'group_lookup', 'member_page') OR (kind IN ('users_page', 'groups_page') AND restart > 0))
        ) AS "repaired!""#,
        run.run.0
    );
    Ok(repaired.fetch_one(&mut **tx).await?)
}

/// Member lists of the groups that still differ, the smallest first, as long as calls last.
pub(super) async fn list_members_of_differing_groups(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    // Counting all members again costs as much as a hundred pages: not where the first look found nothing to ask for.
    if !anything_repaired(tx, run).await? {
        return Ok(());
    }
    let differing = differing_groups(tx, run, Differences::Repairable).await?;
    let costs: Vec<u64> =
        differing.iter().map(|group| u64::try_from(group.reported.max(group.mirrored) / 100 + 1).unwrap_or(1)).collect();
    let take = affordable(&costs, repair_calls(calls_so_far(tx, run).await?));
    let keys: Vec<i32> = differing[..take].iter().map(|group| group.group_key).collect();
    sqlx::query!(
        r#"-- verify.member_lists
        INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, filter, subjects)
        SELECT $1, 'member_page', -k.group_key, false, 0, 0, 100, jsonb_build_object('group_ids', jsonb_build_array(k.group_id)),
            ARRAY[k.group_id::text]
        FROM group_key AS k WHERE k.group_key = ANY ($2)
        ON CONFLICT DO NOTHING"#,
        run.run.0,
        &keys
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whoever the mirror has in a group and the group's list has not: asked for by id, since a list is never a patch of memberships.
pub(super) async fn ask_for_unlisted_members(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- verify.unlisted_members
        WITH lists AS (
            SELECT -job.partition AS group_key, min(job.instant) AS first_read
            FROM sync_job AS job
            WHERE job.run_key = $1 AND job.kind = 'member_page' AND job.state = 'done'
                -- A list that could not be read to its end says nothing about who is not on it.
                AND NOT EXISTS (
                    SELECT FROM run_exception AS e WHERE e.run_key = $1 AND e.kind = 'group' AND e.entity_key = -job.partition
                )
            GROUP BY job.partition
        ),
        listed AS MATERIALIZED (
            SELECT -job.partition AS group_key, sighting.key
            FROM sync_job AS job CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
            WHERE job.run_key = $1 AND job.kind = 'member_page' AND job.state = 'done'
        ),
        asked AS (
            SELECT DISTINCT a.account_key AS key
            FROM lists
            INNER JOIN account AS a ON a.org_key = $2 AND NOT a.missing AND a.group_keys @> ARRAY[lists.group_key]
            WHERE a.observed < lists.first_read
                AND NOT EXISTS (SELECT FROM listed WHERE listed.group_key = lists.group_key AND listed.key = a.account_key)
        ),
        numbered AS (SELECT key, row_number() OVER (ORDER BY key) AS position FROM asked)
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'account_lookup', array_agg(k.account_id ORDER BY position), array_agg(k.account_key ORDER BY position)
        FROM numbered INNER JOIN account_key AS k ON k.account_key = numbered.key
        GROUP BY (position - 1) / 10"#,
        run.run.0,
        run.org.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
