//! T6: hides what was proven gone, and completes the run.
//!
//! Nothing is hidden because it was not seen: a row is missing when its own newest observation said "not there". The sweep looks at
//! the rows as they are now, so whoever came back since stays.

use orgmirror_domain::ids::RunKey;
use orgmirror_domain::run::{Phase, RunEvent};
use orgmirror_domain::sweep::{Going, SweepLimits, SweepVerdict, lost_most_members, verdict};
use orgmirror_domain::verify::Discrepancy;
use orgmirror_metrics::ROWS_WRITTEN;

use crate::account::AccountFacts;
use crate::barrier::{LockedRun, LockedScope, load};
use crate::group::GroupFacts;
use crate::observe::Mirrored;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, lock};

/// What a sweep came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// The run is completed, its watermark visible.
    Completed,
    /// A person must look at the list first.
    Held,
    /// The run was not sweeping any more.
    TooLate,
}

/// How many rows left the mirror.
#[derive(Clone, Copy, Debug, Default)]
struct Removed {
    accounts: i64,
    groups: i64,
}

impl Removed {
    /// Counts them as written. Called after the commit.
    fn count(self) {
        for (kind, rows) in [(AccountFacts::KIND, self.accounts), (GroupFacts::KIND, self.groups)] {
            ROWS_WRITTEN.add(rows.unsigned_abs(), [kind.into(), "removed".into()]);
        }
    }
}

impl Store {
    /// T6. Sweeps and completes a run, or holds it for approval.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "sweep", otel.kind = "client", db.system.name = "postgresql"))]
    pub async fn sweep(&self, run: RunKey, limits: SweepLimits) -> StoreResult<Swept> {
        let (swept, removed) = transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            let Some(locked) = load(tx, run).await?.filter(|locked| locked.phase == Phase::Sweeping) else {
                return Ok((Swept::TooLate, Removed::default()));
            };
            let (accounts, groups, last_admin) = going(tx, locked).await?;
            let approved = approved(tx, locked).await?;
            let decided = verdict(accounts, groups, last_admin, limits, approved);
            let within = accounts.within(limits) && groups.within(limits) && !last_admin;
            let removed = match decided {
                // A scoped run asks nobody: what it found missing stays marked for the next full run's list.
                SweepVerdict::AskPerson if locked.scope != LockedScope::Full => Removed::default(),
                SweepVerdict::AskPerson => {
                    ask_person(tx, locked, accounts, groups, last_admin).await?;
                    return Ok((Swept::Held, Removed::default()));
                }
                SweepVerdict::HideMissing => hide(tx, locked, false).await?,
                // What became missing after the list was shown goes too if it is below the limits; else it waits for the next list.
                SweepVerdict::HideApproved => hide(tx, locked, !within).await?,
            };
            fail::fail_point!("coordinator::during_sweep");
            drop_stale_grants(tx, locked).await?;
            report_lost_members(tx, locked).await?;
            Ok((complete(tx, locked).await?, removed))
        })?;
        if swept == Swept::Completed {
            removed.count();
        }
        Ok(swept)
    }
}

/// What would go, of each kind, and whether the last organisation admin would. A scoped run looks at its own subjects alone: what a
/// full run has marked so far is that run's to sweep.
async fn going(tx: &mut Tx, run: LockedRun) -> StoreResult<(Going, Going, bool)> {
    let row = sqlx::query!(
        r#"-- sweep.going
        WITH own AS (
            SELECT job.kind IN ('group_lookup') AS of_groups, sighting.key
            FROM sync_job AS job CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
            WHERE job.run_key = $2 AND $3
        )
        SELECT
            (
                SELECT count(*) FROM account WHERE org_key = $1 AND missing AND hidden_at IS NULL AND known_alive
                    AND (NOT $3 OR account_key IN (SELECT key FROM own WHERE NOT of_groups))
            ) AS "accounts!",
            (SELECT count(*) FROM account WHERE org_key = $1 AND hidden_at IS NULL AND known_alive) AS "visible_accounts!",
            (
                SELECT count(*) FROM org_group WHERE org_key = $1 AND missing AND hidden_at IS NULL AND known_alive
                    AND (NOT $3 OR group_key IN (SELECT key FROM own WHERE of_groups))
            ) AS "groups!",
            (SELECT count(*) FROM org_group WHERE org_key = $1 AND hidden_at IS NULL AND known_alive) AS "visible_groups!""#,
        run.org.0,
        run.run.0,
        run.scope != LockedScope::Full
    );
    let row = row.fetch_one(&mut **tx).await?;
    let size = |count: i64| u64::try_from(count).unwrap_or_default();
    let accounts = Going { missing: size(row.accounts), visible: size(row.visible_accounts) };
    let groups = Going { missing: size(row.groups), visible: size(row.visible_groups) };
    if accounts.missing == 0 {
        return Ok((accounts, groups, false));
    }
    let admins = sqlx::query!(
        r#"-- sweep.admins
        SELECT count(*) FILTER (WHERE missing) AS "going!", count(*) FILTER (WHERE NOT missing) AS "staying!"
        FROM account
        WHERE org_key = $1 AND hidden_at IS NULL AND known_alive AND 'atlassian/org-admin' = ANY (platform_roles)"#,
        run.org.0
    );
    let admins = admins.fetch_one(&mut **tx).await?;
    Ok((accounts, groups, admins.going > 0 && admins.staying == 0))
}

async fn approved(tx: &mut Tx, run: LockedRun) -> StoreResult<bool> {
    let approved = sqlx::query_scalar!(
        r#"-- sweep.approved
        SELECT coalesce(approved_revision = sweep_revision, false) AS "approved!" FROM sync_run WHERE run_key = $1"#,
        run.run.0
    );
    Ok(approved.fetch_one(&mut **tx).await?)
}

/// Holds the run, with the list that a person is asked about.
async fn ask_person(tx: &mut Tx, run: LockedRun, accounts: Going, groups: Going, last_admin: bool) -> StoreResult<()> {
    let reason = format!(
        "{} of {} users and {} of {} groups would be removed from the mirror{}; look at the list, then approve or cancel",
        accounts.missing,
        accounts.visible,
        groups.missing,
        groups.visible,
        if last_admin { ", the last organisation admin among them" } else { "" }
    );
    let revision = sqlx::query_scalar!(
        r#"-- sweep.ask_person
        UPDATE sync_run
        SET hold = 'approval', hold_reason = $2, held_at = clock_timestamp(), sweep_revision = sweep_revision + 1
        WHERE run_key = $1 AND phase = 'sweeping' AND hold IS NULL
        RETURNING sweep_revision"#,
        run.run.0,
        reason
    );
    let revision = revision.fetch_one(&mut **tx).await?;
    sqlx::query!(
        r#"-- sweep.list
        INSERT INTO sweep_list (run_key, revision, kind, entity_key)
        SELECT $1::bigint, $2::integer, 'account', account_key FROM account WHERE org_key = $3 AND missing AND hidden_at IS NULL AND known_alive
        UNION ALL
        SELECT $1, $2, 'group', group_key FROM org_group WHERE org_key = $3 AND missing AND hidden_at IS NULL AND known_alive"#,
        run.run.0,
        revision,
        run.org.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Hides rows that are missing now: all of them, or only those of the approved list. Tombstones of ids that were never seen alive
/// are hidden in any case; nobody sees them.
async fn hide(tx: &mut Tx, run: LockedRun, only_listed: bool) -> StoreResult<Removed> {
    let logged = run.scope != LockedScope::Full || had_watermark(tx, run).await?;
    let removed = sqlx::query_as!(
        Removed,
        r#"-- sweep.hide
        WITH swept AS (SELECT nextval('instant') AS instant, clock_timestamp() AS at),
        accounts AS (
            UPDATE account AS a SET hidden_at = swept.at, hidden_instant = swept.instant
            FROM swept
            WHERE a.org_key = $1 AND a.missing AND a.hidden_at IS NULL
                AND (
                        NOT $5 OR a.account_key IN (
                            SELECT sighting.key FROM sync_job AS job CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
                            WHERE job.run_key = $2 AND job.kind IN ('account_lookup', 'member_page')
                        )
                    )
                AND (
                    NOT $3 OR NOT a.known_alive OR EXISTS (
                        SELECT FROM sweep_list AS l INNER JOIN sync_run AS r ON r.run_key = l.run_key AND r.sweep_revision = l.revision
                        WHERE l.run_key = $2 AND l.kind = 'account' AND l.entity_key = a.account_key
                    )
                )
            RETURNING 'account' AS kind, a.account_key AS entity_key, a.known_alive
        ),
        groups AS (
            UPDATE org_group AS g SET hidden_at = swept.at, hidden_instant = swept.instant
            FROM swept
            WHERE g.org_key = $1 AND g.missing AND g.hidden_at IS NULL
                AND (
                        NOT $5 OR g.group_key IN (
                            SELECT sighting.key FROM sync_job AS job CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
                            WHERE job.run_key = $2 AND job.kind = 'group_lookup'
                        )
                    )
                AND (
                    NOT $3 OR NOT g.known_alive OR EXISTS (
                        SELECT FROM sweep_list AS l INNER JOIN sync_run AS r ON r.run_key = l.run_key AND r.sweep_revision = l.revision
                        WHERE l.run_key = $2 AND l.kind = 'group' AND l.entity_key = g.group_key
                    )
                )
            RETURNING 'group' AS kind, g.group_key AS entity_key, g.known_alive
        ),
        gone AS (SELECT * FROM accounts WHERE known_alive UNION ALL SELECT * FROM groups WHERE known_alive),
        counted AS (UPDATE sync_run SET rows_removed = (SELECT count(*) FROM gone) WHERE run_key = $2),
        logged AS (
            INSERT INTO change_log (org_key, run_key, kind, entity_key, change)
            SELECT $1, $2, kind, entity_key, 'removed' FROM gone WHERE $4
        )
        SELECT count(*) FILTER (WHERE kind = 'account') AS "accounts!", count(*) FILTER (WHERE kind = 'group') AS "groups!" FROM gone"#,
        run.org.0,
        run.run.0,
        only_listed,
        logged,
        run.scope != LockedScope::Full
    );
    Ok(removed.fetch_one(&mut **tx).await?)
}

async fn had_watermark(tx: &mut Tx, run: LockedRun) -> StoreResult<bool> {
    let had = sqlx::query_scalar!(r#"SELECT watermark IS NOT NULL AS "had!" FROM org WHERE org_key = $1"#, run.org.0);
    Ok(had.fetch_one(&mut **tx).await?)
}

/// A group that grants nothing any more has no job that would say so: its own row does.
async fn drop_stale_grants(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- sweep.drop_stale_grants
        DELETE FROM group_grants AS r
        USING org_group AS g
        WHERE r.org_key = $1 AND g.group_key = r.group_key AND g.resource_count = 0 AND g.observed > r.observed"#,
        run.org.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A group of 50 or more that lost more than half of its members is worth a look, although nothing is wrong with the sync.
async fn report_lost_members(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    let changed = sqlx::query!(
        r#"-- sweep.member_counts
        SELECT k.group_id::text AS "group_id!", (c.fields -> 'member_count' ->> 0)::bigint AS "before!",
            (c.fields -> 'member_count' ->> 1)::bigint AS "after!"
        FROM change_log AS c INNER JOIN group_key AS k ON k.group_key = c.entity_key
        WHERE c.run_key = $1 AND c.kind = 'group' AND c.change = 'changed'
            AND (c.fields -> 'member_count' ->> 0)::bigint > (c.fields -> 'member_count' ->> 1)::bigint"#,
        run.run.0
    );
    let size = |count: i64| u64::try_from(count).unwrap_or_default();
    let lost: Vec<Discrepancy> = changed
        .fetch_all(&mut **tx)
        .await?
        .into_iter()
        .filter(|group| lost_most_members(size(group.before), size(group.after)))
        .map(|group| Discrepancy {
            kind: "members_lost".to_owned(),
            subject: group.group_id,
            detail: format!("{} members before, {} now", group.before, group.after),
        })
        .collect();
    let lost = serde_json::to_value(&lost).map_err(|source| StoreError::Json { column: "sync_run.discrepancies", source })?;
    sqlx::query!("UPDATE sync_run SET discrepancies = discrepancies || $2 WHERE run_key = $1", run.run.0, lost)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Completes the run; a full run's watermark becomes visible in the same moment.
async fn complete(tx: &mut Tx, run: LockedRun) -> StoreResult<Swept> {
    let Some(completed) = Phase::Sweeping.after(RunEvent::Swept) else { return Ok(Swept::TooLate) };
    let moved = sqlx::query!(
        r#"-- sweep.complete
        UPDATE sync_run AS run
        SET phase = $2::text::run_phase, entered_at = clock_timestamp(), finished_at = clock_timestamp()
        WHERE run.run_key = $1 AND run.phase = 'sweeping' AND run.hold IS NULL"#,
        run.run.0,
        completed.as_str()
    );
    if moved.execute(&mut **tx).await?.rows_affected() == 0 {
        return Ok(Swept::TooLate);
    }
    crate::run::sum_up(tx, run.run).await?;
    if run.scope == LockedScope::Full {
        sqlx::query!(
            r#"-- sweep.watermark
            UPDATE org
            SET watermark = run.watermark, watermark_at = run.watermark_at, last_synced_at = run.finished_at,
                watermark_run_key = run.run_key
            FROM sync_run AS run
            WHERE run.run_key = $1 AND org.org_key = run.org_key AND coalesce(org.watermark, 0) < run.watermark"#,
            run.run.0
        )
        .execute(&mut **tx)
        .await?;
    }
    sqlx::query!("SELECT notify_run($1)", run.run.0).execute(&mut **tx).await?;
    Ok(Swept::Completed)
}
