//! What readings after the calls tell: whether an unknown call happened, and whether the API shows what was done.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use orgmirror_domain::action::{Action, Shown};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{Instant, OperationKey, OrgKey};
use orgmirror_domain::item::{ItemEvent, ItemState};
use orgmirror_domain::operation::{OperationEvent, OperationState};
use serde_json::Value;
use sqlx::PgConnection;

use super::change::{lock, record};
use super::facts::{self, AccountState};
use super::request::action_of;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult};

/// Items of one transaction at most.
const BATCH: i64 = 1_000;
/// After so many attempts that did not happen a person decides.
const ATTEMPTS: i16 = 5;

/// An item whose reading has come.
struct Read {
    item_key: i64,
    account_key: i32,
    group_key: Option<i32>,
    action: Value,
    state: String,
    attempts: i16,
    write_instant: i64,
    written_at: DateTime<Utc>,
}

impl Store {
    /// Decides what readings have told since: unknown items become done, pending or failed, done ones settled. What the API does not show
    /// within `lag` after the write differs. Returns how many items moved.
    pub async fn settle_items(&self, org: OrgKey, lag: Duration) -> StoreResult<usize> {
        transact!(self, |tx| {
            let items = read(tx, org).await?;
            let mut moved = 0;
            let mut groups: HashMap<Option<i32>, Vec<Read>> = HashMap::new();
            for item in items {
                groups.entry(item.group_key).or_default().push(item);
            }
            for (group, items) in groups {
                let keys: Vec<i32> = items.iter().map(|item| item.account_key).collect();
                let accounts = facts::accounts(tx, &keys, group, &[]).await?;
                for item in items {
                    if let Some(account) = accounts.get(&item.account_key) {
                        moved += usize::from(decide(tx, &item, account, lag).await?);
                    }
                }
            }
            Ok(moved)
        })
    }

    /// Moves operations on whose items have ended, or whose results were all looked for. Returns how many moved.
    pub async fn advance_operations(&self, org: OrgKey) -> StoreResult<usize> {
        let open = sqlx::query_scalar!(
            r#"-- operation.open
            SELECT operation_key FROM operation WHERE org_key = $1 AND state IN ('running', 'checking') ORDER BY operation_key"#,
            org.0
        );
        let mut moved = 0;
        for operation in open.fetch_all(&self.pool).await? {
            moved += usize::from(self.advance_operation(OperationKey(operation)).await?);
        }
        Ok(moved)
    }

    async fn advance_operation(&self, operation: OperationKey) -> StoreResult<bool> {
        // Without a lock first: most ticks find items that have not ended, and then no item that starts has to wait.
        if !left(&mut *self.pool.acquire().await?, operation).await?.may_advance() {
            return Ok(false);
        }
        transact!(self, |tx| {
            let Some(locked) = lock(tx, operation).await? else { return Ok(false) };
            // A statement of its own, after the lock: a person may have asked to try something again meanwhile.
            let left = left(tx, operation).await?;
            let event = match locked.state {
                OperationState::Running if left.open == 0 => OperationEvent::ItemsEnded,
                OperationState::Checking if left.open + left.unsettled > 0 => return Ok(false),
                OperationState::Checking if left.differing > 0 => OperationEvent::SomeDiffer,
                OperationState::Checking => OperationEvent::AllShown,
                _ => return Ok(false),
            };
            let Some(next) = locked.state.after(event) else { return Ok(false) };
            sqlx::query!(
                r#"-- operation.advance
                UPDATE operation
                SET state = $2::text::operation_state, finished_at = CASE WHEN $3 THEN clock_timestamp() END
                WHERE operation_key = $1"#,
                operation.0,
                next.as_str(),
                next.has_ended()
            )
            .execute(&mut **tx)
            .await?;
            if next.has_ended() {
                let results = results(tx, operation).await?;
                record(tx, &locked, &Actor::system(), Event::OperationEnded, &results).await?;
            }
            Ok(true)
        })
    }
}

/// An ended operation for the audit log: counts, the oldest reading that anything was decided on, and a digest of what came of each account,
/// so that a change of these rows shows.
async fn results(tx: &mut Tx, operation: OperationKey) -> StoreResult<Value> {
    let results = sqlx::query_scalar!(
        r#"-- operation.results
        SELECT jsonb_build_object(
            'state', (SELECT state FROM operation WHERE operation_key = $1),
            'done', count(*) FILTER (WHERE i.state = 'done'),
            'already_so', count(*) FILTER (WHERE i.state = 'already_so'),
            'skipped', count(*) FILTER (WHERE i.state = 'skipped'),
            'failed', count(*) FILTER (WHERE i.state = 'failed'),
            'differing', count(*) FILTER (WHERE i.difference IS NOT NULL),
            'calls', sum(i.attempts),
            'asked', max(i.asked),
            'decided_on', min(a.fresh),
            'decided_as_of', min(a.fresh_at),
            'results_sha256', encode(sha256(convert_to(string_agg(
                concat_ws(' ', k.account_id, i.state, i.skip_reason, i.attempts), E'\n' ORDER BY i.item_key
            ), 'UTF8')), 'hex')
        ) AS "results!"
        FROM operation_item AS i
        INNER JOIN account_key AS k ON k.account_key = i.account_key
        LEFT JOIN operation_attempt AS a ON a.attempt_key = i.attempt_key
        WHERE i.operation_key = $1"#,
        operation.0
    );
    Ok(results.fetch_one(&mut **tx).await?)
}

/// What is left of an operation.
struct Left {
    running: bool,
    open: i64,
    unsettled: i64,
    differing: i64,
}

impl Left {
    fn may_advance(&self) -> bool {
        self.open == 0 && (self.running || self.unsettled == 0)
    }
}

async fn left(connection: &mut PgConnection, operation: OperationKey) -> StoreResult<Left> {
    let left = sqlx::query_as!(
        Left,
        r#"-- operation.left
        SELECT
            o.state = 'running' AS "running!",
            (SELECT count(*) FROM operation_item AS i WHERE i.operation_key = $1 AND i.state IN ('pending', 'running', 'unknown')) AS "open!",
            (SELECT count(*) FROM operation_item AS i WHERE i.operation_key = $1 AND i.state = 'done' AND i.settled_at IS NULL) AS "unsettled!",
            (SELECT count(*) FROM operation_item AS i WHERE i.operation_key = $1 AND i.difference IS NOT NULL) AS "differing!"
        FROM operation AS o WHERE o.operation_key = $1"#,
        operation.0
    );
    Ok(left.fetch_one(connection).await?)
}

/// Items with a reading that is newer than their write, or than their call's deadline.
async fn read(tx: &mut Tx, org: OrgKey) -> StoreResult<Vec<Read>> {
    let items = sqlx::query_as!(
        Read,
        r#"-- operation.read_items
        SELECT
            i.item_key, i.account_key, o.group_key, o.action, i.state::text AS "state!", i.attempts,
            i.write_instant AS "write_instant!", i.written_at AS "written_at!"
        FROM operation AS o
        INNER JOIN operation_item AS i ON i.operation_key = o.operation_key
        INNER JOIN account_freshness AS f ON f.account_key = i.account_key
        WHERE o.org_key = $1
            AND ((i.state = 'unknown' AND i.read_from IS NOT NULL) OR (i.state = 'done' AND i.settled_at IS NULL))
            AND f.fresh > i.write_instant
        ORDER BY i.item_key
        LIMIT $2
        FOR NO KEY UPDATE OF i SKIP LOCKED"#,
        org.0,
        BATCH
    );
    Ok(items.fetch_all(&mut **tx).await?)
}

async fn decide(tx: &mut Tx, item: &Read, account: &AccountState, lag: Duration) -> StoreResult<bool> {
    let Some(fresh) = account.fresh.filter(|fresh| fresh.instant > Instant(item.write_instant)) else { return Ok(false) };
    let action = action_of(item.action.clone())?;
    let shown = action.shown(&account.view);
    let state: ItemState = item.state.parse()?;
    if state == ItemState::Unknown {
        return resolve(tx, item, &action, shown).await;
    }
    let over = (fresh.at - item.written_at).to_std().is_ok_and(|waited| waited >= lag);
    let (settled, difference) = match shown {
        Shown::So => (true, None),
        // Nothing that is mirrored would ever tell.
        Shown::CannotTell => (true, None),
        Shown::NotSo => (over, over.then(|| difference(&action, account))),
    };
    if settled {
        sqlx::query!(
            r#"-- operation.settle
            UPDATE operation_item SET settled_at = clock_timestamp(), difference = $2
            WHERE item_key = $1 AND state = 'done' AND settled_at IS NULL"#,
            item.item_key,
            difference
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(settled)
}

/// What has become of a call that nobody answered for. The reading began after its deadline, so nothing can change it any more.
async fn resolve(tx: &mut Tx, item: &Read, action: &Action, shown: Shown) -> StoreResult<bool> {
    let (event, words) = match shown {
        Shown::So => (ItemEvent::ReadSo, "no answer came; the API shows that it was done"),
        Shown::NotSo if action.is_idempotent() && item.attempts < ATTEMPTS => {
            (ItemEvent::ReadNotSo, "no answer came; the API shows that it was not done")
        }
        Shown::NotSo => (ItemEvent::Undecidable, "no answer came, and the API does not show it; look why, then try again"),
        Shown::CannotTell => (
            ItemEvent::Undecidable,
            "no answer came, and the mirror cannot tell whether it was done; look at the account, then try again",
        ),
    };
    let Some(next) = ItemState::Unknown.after(event) else { return Ok(false) };
    sqlx::query!(
        r#"-- operation.resolve
        UPDATE operation_item
        SET state = $2::text::item_state, words = $3, deadline_at = NULL, heard_at = NULL, refreshes = 0, refresh_run_key = NULL,
            finished_at = CASE WHEN $2 = 'pending' THEN NULL ELSE clock_timestamp() END,
            settled_at = CASE WHEN $2 = 'pending' THEN NULL ELSE clock_timestamp() END
        WHERE item_key = $1 AND state = 'unknown'"#,
        item.item_key,
        next.as_str(),
        words
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        r#"-- operation.resolve_attempt
        UPDATE operation_attempt AS a SET ended_at = coalesce(ended_at, clock_timestamp()), outcome = $2
        FROM operation_item AS i
        WHERE i.item_key = $1 AND a.attempt_key = i.attempt_key"#,
        item.item_key,
        format!("{event:?}")
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// What the API shows instead, for people.
fn difference(action: &Action, account: &AccountState) -> String {
    let word = |status: &Option<String>| status.clone().unwrap_or_else(|| "unknown".to_owned());
    if !account.view.present {
        return "the account is not in the organisation any more".to_owned();
    }
    match action {
        Action::AddToGroup { .. } => "the account is not a member of the group".to_owned(),
        Action::RemoveFromGroup { .. } => "the account is still a member of the group".to_owned(),
        Action::Suspend { .. } | Action::Restore { .. } | Action::RemoveFromDirectory { .. } => {
            format!("the account's membership status is {}", word(&account.view.membership_status))
        }
        Action::Disable | Action::Enable => format!("the account's status is {}", word(&account.view.account_status)),
        Action::GrantRole { .. } => "the account has no access to the resource".to_owned(),
        Action::RevokeRole { .. } => "the account still has access to the resource".to_owned(),
    }
}
