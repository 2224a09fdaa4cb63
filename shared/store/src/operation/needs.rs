//! Readings that items wait for: each gets a run, unless one that was asked for on its behalf is still to answer.
//!
//! All operations' needs of a kind share one run, and so ten accounts a call. A run that was asked for before the need is no help, however
//! late it commits: its reading may be older than the request (K11). So an item remembers the run that was made for it, and nothing else.

use orgmirror_domain::ids::{OrgKey, RunKey};
use orgmirror_domain::operation::scoped_is_cheaper;
use orgmirror_domain::run::RunKind;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult, request};

/// Accounts of one run at most; the next tick asks for more.
const ACCOUNTS: i64 = 1_000;

/// Accounts that one call reads.
const ACCOUNTS_A_CALL: usize = 10;

/// Items that need a reading, and their groups.
struct Needs {
    items: Vec<i64>,
    accounts: Vec<String>,
    groups: Vec<Uuid>,
}

impl Needs {
    fn of(rows: impl Iterator<Item = (i64, String, Option<Uuid>)>) -> Self {
        let mut needs = Self { items: Vec::new(), accounts: Vec::new(), groups: Vec::new() };
        for (item, account, group) in rows {
            needs.items.push(item);
            needs.accounts.push(account);
            // A group's own row tells whether its members may be changed, and afterwards how many they are.
            needs.groups.extend(group);
        }
        needs.groups.sort_unstable();
        needs.groups.dedup();
        needs
    }
}

impl Store {
    /// Asks for the readings that items need before they may act (`PreOperation`), or that tell what has come of their calls
    /// (`PostOperation`). Returns the run, if there was anything to ask for.
    pub async fn request_readings(&self, org: OrgKey, kind: RunKind) -> StoreResult<Option<RunKey>> {
        transact!(self, |tx| {
            let needs = match kind {
                RunKind::PreOperation => before(tx, org).await?,
                _ => after(tx, org).await?,
            };
            if needs.items.is_empty() {
                return Ok(None);
            }
            let run = if kind == RunKind::PreOperation && !scoped_pays(tx, org).await? {
                request::join_pending(tx, org, kind).await?.0
            } else {
                let run = request::scoped_run(tx, org, kind, "accounts", &needs.accounts).await?.0;
                sqlx::query!("UPDATE sync_run SET group_rows = $2 WHERE run_key = $1", run.0, &needs.groups)
                    .execute(&mut **tx)
                    .await?;
                run
            };
            sqlx::query!(
                r#"-- operation.served_by
                UPDATE operation_item SET refresh_run_key = $2, refreshes = least(refreshes + 1, 30) WHERE item_key = ANY ($1)"#,
                &needs.items,
                run.0
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
            Ok(Some(run))
        })
    }
}

/// Pending items whose reading is too old, and that no run which was made for them is still to serve. A run that did not help is followed by
/// the next one after a while that doubles.
async fn before(tx: &mut Tx, org: OrgKey) -> StoreResult<Needs> {
    let rows = sqlx::query!(
        r#"-- operation.needs_before
        SELECT w.item_key AS "item_key!", k.account_id, g.group_id AS "group_id?"
        FROM waiting_item AS w
        INNER JOIN operation_item AS i ON i.item_key = w.item_key
        INNER JOIN account_key AS k ON k.account_key = w.account_key
        LEFT JOIN group_key AS g ON g.group_key = w.group_key
        LEFT JOIN sync_run AS run ON run.run_key = w.refresh_run_key
        WHERE w.org_key = $1 AND NOT (w.fresh AND w.group_fresh) AND NOT w.blocked
            AND (
                run.run_key IS NULL
                OR run.finished_at < clock_timestamp() - make_interval(secs => least(300, power(2, w.refreshes) - 2))
            )
        ORDER BY w.item_key
        LIMIT $2
        FOR NO KEY UPDATE OF i SKIP LOCKED"#,
        org.0,
        ACCOUNTS
    );
    Ok(Needs::of(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (row.item_key, row.account_id, row.group_id))))
}

/// Unknown items whose call's deadline is over, and done ones that the API has not been seen to show. The API may be behind by half a
/// minute: what is not shown yet is looked at again when as long again has passed as when it was last looked at, and a second.
///
/// While their operation goes on, a few wait for more: a call reads ten accounts as it reads one.
async fn after(tx: &mut Tx, org: OrgKey) -> StoreResult<Needs> {
    let rows = sqlx::query!(
        r#"-- operation.needs_after
        SELECT
            i.item_key, k.account_id, g.group_id AS "group_id?",
            i.state = 'unknown'
                OR i.written_at < clock_timestamp() - interval '2 seconds'
                OR NOT EXISTS (
                    SELECT FROM operation_item AS open
                    WHERE open.operation_key = o.operation_key AND open.state IN ('pending', 'running')
                ) AS "pressing!"
        FROM operation AS o
        INNER JOIN operation_item AS i ON i.operation_key = o.operation_key
        INNER JOIN account_key AS k ON k.account_key = i.account_key
        INNER JOIN account_freshness AS f ON f.account_key = i.account_key
        LEFT JOIN group_key AS g ON g.group_key = o.group_key
        LEFT JOIN sync_run AS run ON run.run_key = i.refresh_run_key
        WHERE o.org_key = $1
            AND (
                (
                    i.state = 'unknown' AND i.read_from IS NOT NULL
                    AND (run.run_key IS NULL OR run.finished_at < clock_timestamp() - make_interval(secs => least(300, power(2, i.refreshes) - 2)))
                )
                OR (
                    i.state = 'done' AND i.settled_at IS NULL
                    AND (run.run_key IS NULL OR run.finished_at IS NOT NULL)
                    AND (
                        f.fresh IS NULL OR f.fresh <= i.write_instant
                        OR clock_timestamp() > i.written_at + 2 * greatest(f.fresh_at - i.written_at, interval '0') + interval '1 second'
                    )
                )
            )
        ORDER BY i.item_key
        LIMIT $2
        FOR NO KEY UPDATE OF i SKIP LOCKED"#,
        org.0,
        ACCOUNTS
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    if rows.len() < ACCOUNTS_A_CALL && !rows.iter().any(|row| row.pressing) {
        return Ok(Needs::of(std::iter::empty()));
    }
    Ok(Needs::of(rows.into_iter().map(|row| (row.item_key, row.account_id, row.group_id))))
}

/// Whether look-ups of all accounts that wait cost fewer calls than a full run.
async fn scoped_pays(tx: &mut Tx, org: OrgKey) -> StoreResult<bool> {
    let waiting = sqlx::query_scalar!(
        r#"-- operation.waiting
        SELECT count(*) AS "waiting!" FROM waiting_item AS w WHERE w.org_key = $1 AND NOT w.fresh AND NOT w.blocked"#,
        org.0
    );
    let waiting = waiting.fetch_one(&mut **tx).await?.max(0).unsigned_abs();
    Ok(scoped_is_cheaper(waiting, calls_of_a_full_run(tx, org).await?))
}

/// What the newest completed full run cost.
pub(crate) async fn calls_of_a_full_run(connection: &mut PgConnection, org: OrgKey) -> StoreResult<Option<u64>> {
    let calls = sqlx::query_scalar!(
        r#"-- operation.full_calls
        SELECT run.calls FROM sync_run AS run
        WHERE run.org_key = $1 AND run.scope = 'full' AND run.phase = 'completed'
        ORDER BY run.run_key DESC LIMIT 1"#,
        org.0
    );
    Ok(calls.fetch_optional(connection).await?.and_then(|calls| u64::try_from(calls).ok()))
}
