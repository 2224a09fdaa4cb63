//! T3: moves a run from phase to phase.
//!
//! A phase ends when every job in its ledger is done or superseded. Nothing announces that moment: each tick asks again, so a lost
//! message, a dead worker or a second coordinator costs time, never correctness.
//!
//! Invariants
//! - A transition inserts the next phase's jobs itself: an empty ledger is never an unplanned one.
//! - The exclusive lock is taken in one statement and the ledger is read in the next: no page of the phase can still be written.

use orgmirror_domain::ids::{Instant, OrgKey, RunId, RunKey};
use orgmirror_domain::job::{JobState, barrier_open};
use orgmirror_domain::plan::Plan;
use orgmirror_domain::run::{Phase, RunEvent};
use serde_json::Value;

use crate::transaction::{Tx, transact};
use crate::verify::{self, Round};
use crate::{Store, StoreError, StoreResult, lock, request};

/// A run that may move on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRun {
    /// Its key.
    pub run: RunKey,
    /// For people.
    pub run_id: RunId,
    /// Its organisation.
    pub org: OrgKey,
    /// Where it stands.
    pub phase: Phase,
}

/// A run under its exclusive lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LockedRun {
    pub(crate) run: RunKey,
    pub(crate) org: OrgKey,
    pub(crate) phase: Phase,
    pub(crate) round: i16,
    pub(crate) watermark: Instant,
    pub(crate) scope: LockedScope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockedScope {
    Full,
    Accounts,
    Groups,
}

impl Store {
    /// Runs that are active and not held.
    pub async fn open_runs(&self) -> StoreResult<Vec<OpenRun>> {
        let rows = sqlx::query!(
            r#"-- barrier.open_runs
            SELECT run_key, run_id, org_key, phase::text AS "phase!"
            FROM sync_run
            WHERE finished_at IS NULL AND phase <> 'requested' AND hold IS NULL
            ORDER BY run_key"#
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                Ok(OpenRun {
                    run: RunKey(row.run_key),
                    run_id: RunId(row.run_id),
                    org: OrgKey(row.org_key),
                    phase: row.phase.parse()?,
                })
            })
            .collect()
    }

    /// Whether it is worth trying to move the run on: a look without a lock, which may be wrong either way.
    pub async fn seems_drained(&self, run: RunKey) -> StoreResult<bool> {
        let open = sqlx::query_scalar!(
            r#"-- barrier.seems_drained
            SELECT NOT EXISTS (SELECT FROM sync_job WHERE run_key = $1 AND state IN ('pending', 'failed')) AS "drained!""#,
            run.0
        );
        Ok(open.fetch_one(&self.pool).await?)
    }

    /// T3, T5. Moves a run on by one step if its barrier is open; `None` if it is not, or the run is held or has ended. Sweeping is
    /// left by [`Store::sweep`] alone.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "barrier.advance", otel.kind = "client", db.system.name = "postgresql"))]
    pub async fn advance(&self, run: RunKey) -> StoreResult<Option<Phase>> {
        transact!(self, |tx| {
            lock::exclusive(tx, run).await?;
            let Some(locked) = load(tx, run).await? else { return Ok(None) };
            if !drained(tx, run).await? {
                return Ok(None);
            }
            fail::fail_point!("coordinator::before_transition");
            match (locked.phase, locked.scope) {
                (Phase::Planning, LockedScope::Full) => register_partitions(tx, run).await?,
                (Phase::Planning, LockedScope::Accounts) => {
                    register_account_lookups(tx, locked).await?;
                    register_grants(tx, run).await?;
                }
                (Phase::Planning, LockedScope::Groups) => {
                    if too_large_for_scope(tx, run).await? {
                        return hand_over_to_full(tx, locked).await.map(Some);
                    }
                    register_member_lists(tx, run).await?;
                    register_grants(tx, run).await?;
                }
                (Phase::Scanning, _) => verify::open_round(tx, locked, Round::FIRST).await?,
                (Phase::Verifying, _) => match Round::after(locked.round) {
                    Some(round) => {
                        verify::open_round(tx, locked, round).await?;
                        verify::mark_round(tx, locked, round).await?;
                        return Ok(Some(Phase::Verifying));
                    }
                    None => verify::report(tx, locked).await?,
                },
                _ => return Ok(None),
            }
            enter_next(tx, locked).await
        })
    }
}

/// Loads a run under its lock; `None` if it is held, waits, or has ended.
pub(crate) async fn load(tx: &mut Tx, run: RunKey) -> StoreResult<Option<LockedRun>> {
    let row = sqlx::query!(
        r#"-- barrier.load
        SELECT org_key, phase::text AS "phase!", verify_round, watermark AS "watermark!", scope::text AS "scope!"
        FROM sync_run
        WHERE run_key = $1 AND finished_at IS NULL AND hold IS NULL AND phase <> 'requested'"#,
        run.0
    );
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(None) };
    let scope = match row.scope.as_str() {
        "full" => LockedScope::Full,
        "accounts" => LockedScope::Accounts,
        _ => LockedScope::Groups,
    };
    Ok(Some(LockedRun {
        run,
        org: OrgKey(row.org_key),
        phase: row.phase.parse()?,
        round: row.verify_round,
        watermark: Instant(row.watermark),
        scope,
    }))
}

/// Whether every job of the run is done or superseded. Only the states that shut the barrier are asked for: they are few.
async fn drained(tx: &mut Tx, run: RunKey) -> StoreResult<bool> {
    let states = sqlx::query_scalar!(
        r#"-- barrier.open_states
        SELECT DISTINCT state::text AS "state!" FROM sync_job WHERE run_key = $1 AND state IN ('pending', 'failed')"#,
        run.0
    );
    let states: Result<Vec<JobState>, _> = states.fetch_all(&mut **tx).await?.iter().map(|word| word.parse()).collect();
    Ok(barrier_open(states?))
}

/// Compare-and-set to the phase after this one.
async fn enter_next(tx: &mut Tx, run: LockedRun) -> StoreResult<Option<Phase>> {
    let Some(next) = run.phase.after(RunEvent::Drained) else { return Ok(None) };
    let moved = sqlx::query!(
        r#"-- barrier.enter
        UPDATE sync_run
        SET phase = $3::text::run_phase, entered_at = clock_timestamp(),
            verify_round = CASE WHEN $3 = 'verifying' THEN 1 ELSE 0 END
        WHERE run_key = $1 AND phase = $2::text::run_phase"#,
        run.run.0,
        run.phase.as_str(),
        next.as_str()
    );
    Ok((moved.execute(&mut **tx).await?.rows_affected() > 0).then_some(next))
}

/// Where a chain starts.
#[derive(Clone, Debug)]
struct FirstPage {
    /// Rows that it will read, about.
    length: u64,
    kind: &'static str,
    partition: i32,
    descending: bool,
    filter: Value,
    /// Rows of the whole partition, where it is read from both ends.
    expected: Option<i64>,
}

/// The first pages of every partition, from both ends where the plan says so. The longest partition is published first.
async fn register_partitions(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    let plan = sqlx::query_scalar!(r#"SELECT plan AS "plan!" FROM sync_run WHERE run_key = $1"#, run.0);
    let plan: Plan = serde_json::from_value(plan.fetch_one(&mut **tx).await?)
        .map_err(|source| StoreError::Json { column: "sync_run.plan", source })?;
    let mut chains: Vec<FirstPage> = Vec::new();
    let users =
        plan.user_partitions.iter().map(|one| ("users_page", one.expected, one.two_ended, serde_json::to_value(&one.filter)));
    let groups =
        plan.group_partitions.iter().map(|one| ("groups_page", one.expected, one.two_ended, serde_json::to_value(&one.filter)));
    for (number, (kind, expected, two_ended, filter)) in users.chain(groups).enumerate() {
        let filter = filter.map_err(|source| StoreError::Json { column: "sync_job.filter", source })?;
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let both = two_ended.then(|| i64::try_from(expected).unwrap_or(i64::MAX));
        let length = if two_ended { expected / 2 } else { expected };
        let first = FirstPage { length, kind, partition: number, descending: false, filter, expected: both };
        if two_ended {
            chains.push(FirstPage { descending: true, ..first.clone() });
        }
        chains.push(first);
    }
    chains.sort_by_key(|chain| std::cmp::Reverse(chain.length));
    let kinds: Vec<&str> = chains.iter().map(|chain| chain.kind).collect();
    let numbers: Vec<i32> = chains.iter().map(|chain| chain.partition).collect();
    let descending: Vec<bool> = chains.iter().map(|chain| chain.descending).collect();
    let filters: Vec<Value> = chains.iter().map(|chain| chain.filter.clone()).collect();
    let expected: Vec<Option<i64>> = chains.iter().map(|chain| chain.expected).collect();
    sqlx::query!(
        r#"-- barrier.register_partitions
        INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, filter, expected)
        SELECT $1, c.kind::job_kind, c.partition, c.descending, 0, 0, 100, c.filter, c.expected
        FROM unnest($2::text[], $3::integer[], $4::boolean[], $5::jsonb[], $6::bigint[])
            AS c (kind, partition, descending, filter, expected)"#,
        run.0,
        &kinds as &[&str],
        &numbers,
        &descending,
        &filters,
        &expected as &[Option<i64>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A scoped run's look-ups, registered with their subjects before any instant is drawn for them.
async fn register_account_lookups(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- barrier.register_account_lookups
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'account_lookup', array_agg(subject.id ORDER BY subject.position), array_agg(subject.key ORDER BY subject.position)
        FROM sync_run AS run
        CROSS JOIN LATERAL unnest(run.scope_ids, account_keys(run.org_key, run.scope_ids)) WITH ORDINALITY AS subject (id, key, position)
        WHERE run.run_key = $1
        GROUP BY (subject.position - 1) / 10"#,
        run.run.0
    )
    .execute(&mut **tx)
    .await?;
    // An operation's group: its own row decides whether its members may be changed at all.
    sqlx::query!(
        r#"-- barrier.register_group_rows
        INSERT INTO sync_job (run_key, kind, subjects, subject_keys)
        SELECT $1, 'group_lookup', array_agg(subject.id::text ORDER BY subject.position), array_agg(subject.key ORDER BY subject.position)
        FROM sync_run AS run
        CROSS JOIN LATERAL unnest(run.group_rows, group_keys(run.org_key, run.group_rows)) WITH ORDINALITY AS subject (id, key, position)
        WHERE run.run_key = $1
        GROUP BY (subject.position - 1) / 10"#,
        run.run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What groups grant that an event has told of.
async fn register_grants(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!(
        r#"-- barrier.register_grants
        INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, subjects, subject_keys)
        SELECT $1, 'group_grants', -subject.key, false, -1, 0, 100, ARRAY[subject.id::text], ARRAY[subject.key]
        FROM sync_run AS run
        CROSS JOIN LATERAL unnest(run.grant_groups, group_keys(run.org_key, run.grant_groups)) AS subject (id, key)
        WHERE run.run_key = $1
        ON CONFLICT DO NOTHING"#,
        run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The member list of each group of a scoped run that is there.
async fn register_member_lists(tx: &mut Tx, run: RunKey) -> StoreResult<()> {
    sqlx::query!(
        r#"-- barrier.register_member_lists
        INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, filter, subjects)
        SELECT $1, 'member_page', -g.group_key, false, 0, 0, 100, jsonb_build_object('group_ids', jsonb_build_array(k.group_id)),
            ARRAY[k.group_id::text]
        FROM sync_run AS run
        CROSS JOIN LATERAL unnest(run.scope_ids) AS wanted (id)
        INNER JOIN group_key AS k ON k.org_key = run.org_key AND k.group_id = wanted.id::uuid
        INNER JOIN org_group AS g ON g.group_key = k.group_key AND NOT g.missing
        WHERE run.run_key = $1
        ON CONFLICT DO NOTHING"#,
        run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether a scoped run would read more than 100 pages of members.
async fn too_large_for_scope(tx: &mut Tx, run: RunKey) -> StoreResult<bool> {
    let pages = sqlx::query_scalar!(
        r#"-- barrier.member_pages
        SELECT coalesce(sum(g.member_count / 100 + 1), 0)::bigint AS "pages!"
        FROM sync_run AS run
        CROSS JOIN LATERAL unnest(run.scope_ids) AS wanted (id)
        INNER JOIN group_key AS k ON k.org_key = run.org_key AND k.group_id = wanted.id::uuid
        INNER JOIN org_group AS g ON g.group_key = k.group_key AND NOT g.missing
        WHERE run.run_key = $1"#,
        run.0
    );
    Ok(pages.fetch_one(&mut **tx).await? > 100)
}

/// A full run answers the requests of a scoped one that grew too large.
async fn hand_over_to_full(tx: &mut Tx, run: LockedRun) -> StoreResult<Phase> {
    let (full, _) = request::join_pending(tx, run.org, orgmirror_domain::run::RunKind::Manual).await?;
    sqlx::query!(
        r#"-- barrier.hand_over
        UPDATE sync_request SET run_key = $2 WHERE run_key = $1"#,
        run.run.0,
        full.0
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        r#"-- barrier.replaced_by_full
        UPDATE sync_run SET phase = 'replaced', entered_at = clock_timestamp(), finished_at = clock_timestamp() WHERE run_key = $1"#,
        run.run.0
    )
    .execute(&mut **tx)
    .await?;
    crate::run::sum_up(tx, run.run).await?;
    Ok(Phase::Replaced)
}
