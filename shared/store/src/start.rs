//! T2: a run leaves `requested`. Its watermark is drawn here, after its row was locked and before any of its jobs exists.

use orgmirror_domain::ids::{Instant, OrgKey, RunKey};
use orgmirror_domain::run::{Phase, RunEvent};
use orgmirror_domain::sweep::archive_before;

use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult, lock, run};

impl Store {
    /// Runs that wait for their turn and may have it: scoped ones at once, those for events one after the other, a full one when no other is
    /// active.
    pub async fn startable_runs(&self) -> StoreResult<Vec<(OrgKey, RunKey)>> {
        let runs = sqlx::query!(
            r#"-- start.candidates
            SELECT run.org_key, run.run_key
            FROM sync_run AS run
            WHERE run.finished_at IS NULL
                AND run.phase = 'requested'
                AND (
                    (
                        run.scope <> 'full'
                        -- Events that come while a refresh runs gather for the next one.
                        AND (run.kind <> 'delta' OR NOT EXISTS (
                            SELECT FROM sync_run AS active
                            WHERE active.org_key = run.org_key AND active.kind = 'delta' AND active.scope = run.scope
                                AND active.finished_at IS NULL AND active.phase <> 'requested'
                        ))
                    )
                    OR run.scope = 'full' AND NOT EXISTS (
                        SELECT FROM sync_run AS active
                        WHERE active.org_key = run.org_key
                            AND active.scope = 'full'
                            AND active.phase IN ('planning', 'scanning', 'verifying', 'sweeping')
                            AND active.hold IS DISTINCT FROM 'approval'
                    )
                )
            ORDER BY run.run_key"#
        );
        let runs = runs.fetch_all(&self.pool).await?;
        Ok(runs.into_iter().map(|row| (OrgKey(row.org_key), RunKey(row.run_key))).collect())
    }

    /// T2. Starts a run; false if it has started meanwhile, or another full run is active.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "start.run", otel.kind = "client", db.system.name = "postgresql"))]
    pub async fn start_run(&self, org: OrgKey, run: RunKey) -> StoreResult<bool> {
        transact!(self, |tx| {
            lock::start(tx, org).await?;
            let Some(full) = lock_requested(tx, run).await? else { return Ok(false) };
            if full {
                if another_is_active(tx, org, run).await? {
                    return Ok(false);
                }
                replace_held(tx, org, run).await?;
            }
            // Two statements: a watermark drawn in the one that waited for the lock could be older than a joined request's instant.
            let Some(next) = Phase::Requested.after(RunEvent::Started) else { return Ok(false) };
            let started = sqlx::query!(
                r#"-- start.run
                UPDATE sync_run
                SET phase = $2::text::run_phase, entered_at = clock_timestamp(), watermark = nextval('instant'),
                    watermark_at = clock_timestamp()
                WHERE run_key = $1 AND phase = 'requested'"#,
                run.0,
                next.as_str()
            );
            if started.execute(&mut **tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            if full {
                sqlx::query!(
                    r#"-- start.plan_job
                    INSERT INTO sync_job (run_key, kind) VALUES ($1, 'plan')"#,
                    run.0
                )
                .execute(&mut **tx)
                .await?;
                archive_tombstones(tx, org).await?;
            } else {
                register_group_lookups(tx, run).await?;
            }
            Ok(true)
        })
    }
}

/// Locks the run's row; `None` if it is not waiting any more, else whether it is a full run.
async fn lock_requested(tx: &mut Tx, run: RunKey) -> StoreResult<Option<bool>> {
    let row = sqlx::query!(
        r#"-- start.lock
        SELECT scope = 'full' AS "full!" FROM sync_run WHERE run_key = $1 AND phase = 'requested' FOR UPDATE"#,
        run.0
    );
    Ok(row.fetch_optional(&mut **tx).await?.map(|row| row.full))
}

/// A scoped group run reads the groups' own rows first: absence is "not there", and the size of a member list decides what follows.
async fn register_group_lookups(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!(
        r#"-- start.group_lookups
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'group_lookup', array_agg(subject.id ORDER BY subject.position), array_agg(subject.key ORDER BY subject.position)
        FROM sync_run AS run
        CROSS JOIN LATERAL unnest(run.scope_ids, group_keys(run.org_key, run.scope_ids::uuid[])) WITH ORDINALITY AS subject (id, key, position)
        WHERE run.run_key = $1 AND run.scope = 'groups'
        GROUP BY (subject.position - 1) / 10"#,
        run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn another_is_active(tx: &mut Tx, org: OrgKey, run: RunKey) -> StoreResult<bool> {
    let active = sqlx::query_scalar!(
        r#"-- start.another_active
        SELECT EXISTS (
            SELECT FROM sync_run
            WHERE org_key = $1 AND run_key <> $2 AND scope = 'full' AND phase IN ('planning', 'scanning', 'verifying', 'sweeping')
                AND hold IS DISTINCT FROM 'approval'
        ) AS "active!""#,
        org.0,
        run.0
    );
    Ok(active.fetch_one(&mut **tx).await?)
}

/// A run that waits for a person's approval gives way: else no later run would ever start.
async fn replace_held(tx: &mut Tx, org: OrgKey, next: RunKey) -> StoreResult<()> {
    let held = sqlx::query_scalar!(
        r#"-- start.held
        SELECT run_key FROM sync_run
        WHERE org_key = $1 AND run_key <> $2 AND scope = 'full' AND finished_at IS NULL AND hold = 'approval'
        ORDER BY run_key"#,
        org.0,
        next.0
    );
    for held in held.fetch_all(&mut **tx).await? {
        lock::exclusive(tx, RunKey(held)).await?;
        sqlx::query!(
            r#"-- start.replace
            UPDATE sync_run
            SET phase = 'replaced', entered_at = clock_timestamp(), finished_at = clock_timestamp(), hold = NULL, hold_reason = NULL,
                held_at = NULL
            WHERE run_key = $1 AND finished_at IS NULL AND hold = 'approval'"#,
            held
        )
        .execute(&mut **tx)
        .await?;
        run::sum_up(tx, RunKey(held)).await?;
        // Who waited for it is answered by this one, whose watermark is not drawn yet.
        sqlx::query!(
            r#"-- start.hand_over
            UPDATE sync_request SET run_key = $2 WHERE run_key = $1"#,
            held,
            next.0
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Moves hidden rows to the archive: now no full run is active, and none that is active began before they were hidden.
async fn archive_tombstones(tx: &mut Tx, org: OrgKey) -> StoreResult<()> {
    let oldest = sqlx::query_scalar!(
        r#"-- start.oldest_active
        SELECT min(watermark) FROM sync_run WHERE org_key = $1 AND finished_at IS NULL"#,
        org.0
    );
    let before = archive_before(oldest.fetch_one(&mut **tx).await?.map(Instant));
    sqlx::query!(
        r#"-- start.archive_accounts
        WITH gone AS (
            DELETE FROM account AS a
            WHERE a.org_key = $1 AND a.missing AND a.hidden_at IS NOT NULL
                AND a.hidden_instant < $2
            RETURNING a.account_key, a.name, a.email, a.hidden_at, a.known_alive
        )
        INSERT INTO departed (org_key, kind, entity_key, name, email, hidden_at)
        SELECT $1, 'account', account_key, name, email, hidden_at FROM gone WHERE known_alive
        ON CONFLICT DO NOTHING"#,
        org.0,
        before.0
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        r#"-- start.archive_groups
        WITH gone AS (
            DELETE FROM org_group AS g
            WHERE g.org_key = $1 AND g.missing AND g.hidden_at IS NOT NULL
                AND g.hidden_instant < $2
            RETURNING g.group_key, g.name, g.hidden_at, g.known_alive
        )
        INSERT INTO departed (org_key, kind, entity_key, name, hidden_at)
        SELECT $1, 'group', group_key, name, hidden_at FROM gone WHERE known_alive
        ON CONFLICT DO NOTHING"#,
        org.0,
        before.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
