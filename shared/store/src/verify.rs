//! T5: what verifying asks for, in rounds, and what it reports at the end.
//!
//! Round 1 asks by id for every row that no page listed and for every subject of an unfinished look-up, asks again for the groups
//! whose reported member count differs from the mirrored one, and for the API's counts. Round 2 repairs what still differs, cheapest
//! first, within 2 % of the run's calls. Round 3 asks for members that the mirror has and a member list has not. There is no fourth:
//! what remains different is reported.

use orgmirror_domain::verify::{Discrepancy, affordable, read_again, repair_calls};

use crate::barrier::{LockedRun, LockedScope};
use crate::transaction::Tx;
use crate::{StoreError, StoreResult};

/// A round of verifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round(i16);

impl Round {
    pub(crate) const FIRST: Self = Self(1);
    const LAST: i16 = 3;

    /// The round after that one; `None` after the last.
    pub(crate) fn after(round: i16) -> Option<Self> {
        (round < Self::LAST).then_some(Self(round + 1))
    }
}

/// Registers the jobs of a round.
pub(crate) async fn open_round(tx: &mut Tx, run: LockedRun, round: Round) -> StoreResult<()> {
    // Tables that were empty when statistics were last taken: a nested loop over them would be quadratic.
    sqlx::query!(r#"SELECT set_config('enable_nestloop', 'off', true) AS "set!""#).fetch_one(&mut **tx).await?;
    match (run.scope, round) {
        (LockedScope::Full, Round(1)) => {
            ask_for_unlisted_accounts(tx, run).await?;
            ask_for_unlisted_groups(tx, run).await?;
            ask_again_for_differing_groups(tx, run).await?;
            ask_for_counts(tx, run).await
        }
        (LockedScope::Full, Round(2)) => {
            read_short_partitions_again(tx, run).await?;
            list_members_of_differing_groups(tx, run).await
        }
        (LockedScope::Full, Round(3)) | (LockedScope::Groups, Round(1)) => ask_for_unlisted_members(tx, run).await,
        _ => Ok(()),
    }
}

/// Marks which round is under way.
pub(crate) async fn mark_round(tx: &mut Tx, run: LockedRun, round: Round) -> StoreResult<()> {
    sqlx::query!(
        r#"-- verify.mark_round
        UPDATE sync_run SET verify_round = $3 WHERE run_key = $1 AND phase = 'verifying' AND verify_round = $2"#,
        run.run.0,
        run.round,
        round.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Accounts whose row is older than the watermark and that no page listed; subjects of unfinished look-ups, known or not, that no
/// page listed; rows written by others since the watermark that a page saw later than they were written.
async fn ask_for_unlisted_accounts(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
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
async fn ask_for_unlisted_groups(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
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

/// A group whose reported and mirrored members differ.
struct Differing {
    group_key: i32,
    group_id: String,
    reported: i32,
    mirrored: i32,
}

/// Which differences count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Differences {
    /// Those that a listing may repair: not those that one has confirmed and that have not changed since.
    Repairable,
    /// All.
    All,
}

/// Groups whose reported member count is not the mirrored one, the smallest first.
async fn differing_groups(tx: &mut Tx, run: LockedRun, which: Differences) -> StoreResult<Vec<Differing>> {
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
async fn ask_again_for_differing_groups(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
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

async fn calls_so_far(tx: &mut Tx, run: LockedRun) -> StoreResult<u64> {
    let calls = sqlx::query_scalar!(
        r#"-- verify.calls_so_far
        SELECT coalesce(sum(calls), 0)::bigint AS "calls!" FROM sync_job WHERE run_key = $1"#,
        run.run.0
    );
    Ok(u64::try_from(calls.fetch_one(&mut **tx).await?).unwrap_or_default())
}

/// The API's counts of the whole, and of each partition that listed fewer rows than planning counted.
async fn ask_for_counts(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- verify.counts
        WITH partitions AS (
            SELECT planned.kind, planned.number - 1 AS number, planned.part -> 'filter' AS filter, (planned.part ->> 'expected')::bigint AS expected
            FROM sync_run AS run
            CROSS JOIN LATERAL (
                SELECT 'users' AS kind, number, part
                FROM jsonb_array_elements(run.plan -> 'user_partitions') WITH ORDINALITY AS users (part, number)
                UNION ALL
                SELECT 'groups', number + jsonb_array_length(run.plan -> 'user_partitions'), part
                FROM jsonb_array_elements(run.plan -> 'group_partitions') WITH ORDINALITY AS groups (part, number)
            ) AS planned
            WHERE run.run_key = $1
        ),
        listed AS (
            SELECT job.partition AS number, count(DISTINCT sighting.key) AS rows
            FROM sync_job AS job
            CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
            WHERE job.run_key = $1 AND job.kind IN ('users_page', 'groups_page') AND job.state = 'done'
            GROUP BY job.partition
        )
        INSERT INTO sync_job (run_key, kind, subjects, filter)
        SELECT $1::bigint, 'count'::job_kind, ARRAY[whole.kind, 'whole'], '{}'::jsonb FROM (VALUES ('users'), ('groups')) AS whole (kind)
        UNION ALL
        SELECT $1, 'count', ARRAY[partitions.kind, partitions.number::text], partitions.filter
        FROM partitions LEFT JOIN listed ON listed.number = partitions.number
        WHERE coalesce(listed.rows, 0) < partitions.expected
            AND (SELECT count(*) FROM partitions AS others WHERE others.kind = partitions.kind) > 1"#,
        run.run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A partition that listed fewer rows than the API counted before and after is read once more, from its beginning to its end.
async fn read_short_partitions_again(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
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
        planned AS (
            SELECT parts.kind, parts.number - 1 AS number, (parts.part ->> 'expected')::bigint AS expected,
                count(*) OVER (PARTITION BY parts.kind) AS of_its_kind
            FROM sync_run AS run
            CROSS JOIN LATERAL (
                SELECT 'users', number, part
                FROM jsonb_array_elements(run.plan -> 'user_partitions') WITH ORDINALITY AS users (part, number)
                UNION ALL
                SELECT 'groups', number + jsonb_array_length(run.plan -> 'user_partitions'), part
                FROM jsonb_array_elements(run.plan -> 'group_partitions') WITH ORDINALITY AS groups (part, number)
            ) AS parts (kind, number, part)
            WHERE run.run_key = $1
        ),
        listed AS (
            SELECT job.partition AS number, count(DISTINCT sighting.key) AS rows
            FROM sync_job AS job
            CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
            WHERE job.run_key = $1 AND job.kind IN ('users_page', 'groups_page') AND job.state = 'done'
            GROUP BY job.partition
        )
        SELECT
            planned.number::integer AS "number!", coalesce(listed.rows, 0) AS "listed!", planned.expected AS "before!",
            counted.answer AS "after!"
        FROM planned
        LEFT JOIN listed ON listed.number = planned.number
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
async fn anything_repaired(tx: &mut Tx, run: LockedRun) -> StoreResult<bool> {
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
async fn list_members_of_differing_groups(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
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
async fn ask_for_unlisted_members(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
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

/// Ends verifying: writes down what remains different, and which differences a listing confirmed.
pub(crate) async fn report(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    if run.scope != LockedScope::Full {
        return Ok(());
    }
    let mut discrepancies: Vec<Discrepancy> = Vec::new();
    // Nothing asked for and nothing confirmed earlier: the first look has found none, and it need not be repeated.
    let differing = if anything_repaired(tx, run).await? || anything_confirmed(tx, run).await? {
        differing_groups(tx, run, Differences::All).await?
    } else {
        Vec::new()
    };
    confirm_differences(tx, run, &differing).await?;
    discrepancies.extend(differing.into_iter().map(|group| Discrepancy {
        kind: "group_members".to_owned(),
        subject: group.group_id,
        detail: format!("the API reports {} members, the mirror has {}", group.reported, group.mirrored),
    }));
    discrepancies.extend(count_differences(tx, run).await?);
    let discrepancies =
        serde_json::to_value(&discrepancies).map_err(|source| StoreError::Json { column: "sync_run.discrepancies", source })?;
    sqlx::query!("UPDATE sync_run SET discrepancies = $2 WHERE run_key = $1", run.run.0, discrepancies)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether earlier runs have confirmed a difference of this organisation.
async fn anything_confirmed(tx: &mut Tx, run: LockedRun) -> StoreResult<bool> {
    let confirmed =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM confirmed_difference WHERE org_key = $1) AS "confirmed!""#, run.org.0);
    Ok(confirmed.fetch_one(&mut **tx).await?)
}

/// Differences that a member list of this run has confirmed are not read again while they stay the same.
async fn confirm_differences(tx: &mut Tx, run: LockedRun, differing: &[Differing]) -> StoreResult<()> {
    let keys: Vec<i32> = differing.iter().map(|group| group.group_key).collect();
    let reported: Vec<i32> = differing.iter().map(|group| group.reported).collect();
    let mirrored: Vec<i32> = differing.iter().map(|group| group.mirrored).collect();
    sqlx::query!(
        r#"-- verify.confirm
        INSERT INTO confirmed_difference AS c (org_key, group_key, reported, mirrored)
        SELECT $2, d.group_key, d.reported, d.mirrored
        FROM unnest($3::integer[], $4::integer[], $5::integer[]) AS d (group_key, reported, mirrored)
        WHERE EXISTS (
            SELECT FROM sync_job AS job
            WHERE job.run_key = $1 AND job.partition = -d.group_key AND job.kind = 'member_page' AND job.state = 'done'
        )
        ON CONFLICT (org_key, group_key) DO UPDATE SET reported = excluded.reported, mirrored = excluded.mirrored"#,
        run.run.0,
        run.org.0,
        &keys,
        &reported,
        &mirrored
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The whole, counted by the API before and after the scan, against what the mirror has. Anything between the two counts is a change
/// that happened meanwhile.
async fn count_differences(tx: &mut Tx, run: LockedRun) -> StoreResult<Vec<Discrepancy>> {
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
