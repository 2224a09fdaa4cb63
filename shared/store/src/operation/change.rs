//! What people do with an operation: approve it, take accounts off its list, cancel it, try again what failed. And what time does to it.

use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{AccountId, OperationId, OperationKey, OrgKey};
use orgmirror_domain::item::{ItemEvent, ItemState, SkipReason};
use orgmirror_domain::operation::{NoApproval, OperationEvent, OperationState, approve};
use serde_json::{Value, json};

use crate::run::Moved;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, audit};

impl Store {
    /// A second person agrees to the list of that revision.
    pub async fn approve_operation(
        &self,
        operation: OperationKey,
        person: &str,
        shown: i32,
    ) -> StoreResult<Result<(), NoApproval>> {
        transact!(self, |tx| {
            let Some(locked) = lock(tx, operation).await? else { return Ok(Err(NoApproval::NotAwaited)) };
            let next = match approve(locked.state, &locked.requested_by, person, locked.revision, shown) {
                Ok(next) => next,
                Err(refusal) => return Ok(Err(refusal)),
            };
            sqlx::query!(
                r#"-- operation.approve
                UPDATE operation
                SET state = $2::text::operation_state, approved_by = $3, approved_revision = $4, approved_at = clock_timestamp(),
                    waits_until = clock_timestamp() + patience
                WHERE operation_key = $1 AND state = 'approval' AND revision = $4"#,
                operation.0,
                next.as_str(),
                person,
                shown
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!("SELECT notify_run(0)").execute(&mut **tx).await?;
            record(tx, &locked, &Actor::person(person), Event::OperationApproved, &json!({ "revision": shown })).await?;
            Ok(Ok(()))
        })
    }

    /// Takes accounts off the list of an operation that waits for approval: whoever approves must have seen the list without them.
    pub async fn withdraw_accounts(
        &self,
        org: OrgKey,
        operation: OperationKey,
        accounts: &[AccountId],
        by: &Actor,
    ) -> StoreResult<Moved> {
        let keys = self.account_keys(org, &accounts.iter().collect::<Vec<_>>()).await?;
        transact!(self, |tx| {
            let Some(locked) = lock(tx, operation).await?.filter(|locked| locked.state == OperationState::Approval) else {
                return Ok(Moved::TooLate);
            };
            let gone = sqlx::query!(
                r#"-- operation.withdraw
                DELETE FROM operation_item WHERE operation_key = $1 AND account_key = ANY ($2)"#,
                operation.0,
                &keys
            );
            if gone.execute(&mut **tx).await?.rows_affected() == 0 {
                return Ok(Moved::TooLate);
            }
            sqlx::query!(
                r#"-- operation.revise
                UPDATE operation SET revision = revision + 1 WHERE operation_key = $1"#,
                operation.0
            )
            .execute(&mut **tx)
            .await?;
            let detail = json!({ "revision": locked.revision + 1, "withdrawn": accounts });
            record(tx, &locked, by, Event::OperationRevised, &detail).await?;
            Ok(Moved::Yes)
        })
    }

    /// Stops an operation: what is not marked will not be. A call under way is still looked after to its end.
    pub async fn cancel_operation(&self, operation: OperationKey, by: &Actor) -> StoreResult<Moved> {
        transact!(self, |tx| {
            // Waits for items that are being marked at this moment; whoever comes later sees the operation cancelled.
            let Some(locked) = lock(tx, operation).await? else { return Ok(Moved::TooLate) };
            let Some(next) = locked.state.after(OperationEvent::CancelAsked) else { return Ok(Moved::TooLate) };
            sqlx::query!(
                r#"-- operation.cancel
                UPDATE operation
                SET state = $2::text::operation_state, finished_at = clock_timestamp(), held_until = NULL, hold_reason = NULL
                WHERE operation_key = $1"#,
                operation.0,
                next.as_str()
            )
            .execute(&mut **tx)
            .await?;
            let dropped = drop_pending(tx, Some(operation), None, SkipReason::Cancelled).await?;
            record(tx, &locked, by, Event::OperationCancelled, &json!({ "not_begun": dropped })).await?;
            Ok(Moved::Yes)
        })
    }

    /// Tries again what failed: a request of its own, with an instant of its own, so that everything is read anew. Returns how many items.
    pub async fn retry_operation(&self, operation: OperationKey, by: &Actor) -> StoreResult<u64> {
        transact!(self, |tx| {
            let Some(locked) = lock(tx, operation).await? else { return Ok(0) };
            let next = match locked.state {
                OperationState::Running => OperationState::Running,
                state => match state.after(OperationEvent::RetryAsked) {
                    Some(next) => next,
                    None => return Ok(0),
                },
            };
            let Some(pending) = ItemState::Failed.after(ItemEvent::RetryAsked) else { return Ok(0) };
            let items = sqlx::query!(
                r#"-- operation.retry_items
                UPDATE operation_item
                SET state = $2::text::item_state, asked = drawn.instant, words = NULL, finished_at = NULL, settled_at = NULL, heard_at = NULL,
                    refresh_run_key = NULL, refreshes = 0
                FROM (SELECT nextval('instant') AS instant) AS drawn
                WHERE operation_key = $1 AND state = 'failed'"#,
                operation.0,
                pending.as_str()
            );
            let items = items.execute(&mut **tx).await?.rows_affected();
            if items > 0 {
                sqlx::query!(
                    r#"-- operation.retry
                    UPDATE operation
                    SET state = $2::text::operation_state, finished_at = NULL, waits_until = clock_timestamp() + patience
                    WHERE operation_key = $1"#,
                    operation.0,
                    next.as_str()
                )
                .execute(&mut **tx)
                .await?;
                sqlx::query!("SELECT notify_run(0)").execute(&mut **tx).await?;
                record(tx, &locked, by, Event::OperationRetried, &json!({ "accounts": items })).await?;
            }
            Ok(items)
        })
    }

    /// What time does: operations that make progress may wait longer, items that waited too long are given up, and so are items whose
    /// account or group cannot be read.
    pub async fn give_up_items(&self, org: OrgKey) -> StoreResult<u64> {
        transact!(self, |tx| {
            sqlx::query!(
                r#"-- operation.progress
                UPDATE operation AS o
                SET waits_until = latest.ended_at + o.patience
                FROM (
                    SELECT i.operation_key, max(i.finished_at) AS ended_at
                    FROM operation AS running
                    INNER JOIN operation_item AS i ON i.operation_key = running.operation_key
                    WHERE running.org_key = $1 AND running.state = 'running'
                    GROUP BY i.operation_key
                ) AS latest
                WHERE o.operation_key = latest.operation_key AND o.state = 'running'
                    AND latest.ended_at + o.patience > o.waits_until + interval '10 seconds'"#,
                org.0
            )
            .execute(&mut **tx)
            .await?;
            let unreadable = sqlx::query!(
                r#"-- operation.unreadable
                UPDATE operation_item AS i
                SET state = 'skipped', skip_reason = $2, words = e.reason, finished_at = clock_timestamp(), settled_at = clock_timestamp()
                FROM operation AS o, run_exception AS e, account_freshness AS f
                WHERE o.org_key = $1 AND o.state = 'running' AND i.operation_key = o.operation_key AND i.state = 'pending'
                    AND e.run_key = i.refresh_run_key
                    AND f.account_key = i.account_key
                    AND (
                        (e.kind = 'account' AND e.entity_key = i.account_key AND (f.fresh IS NULL OR f.fresh <= i.asked))
                        OR (e.kind = 'group' AND e.entity_key = o.group_key)
                    )
                    AND EXISTS (SELECT FROM sync_run AS run WHERE run.run_key = i.refresh_run_key AND run.finished_at IS NOT NULL)"#,
                org.0,
                SkipReason::Unreadable.as_str()
            );
            let unreadable = unreadable.execute(&mut **tx).await?.rows_affected();
            Ok(unreadable + drop_pending(tx, None, Some(org), SkipReason::NotFresh).await?)
        })
    }
}

/// An operation's row, locked against items that start and other people.
pub(super) struct Locked {
    pub(super) org: OrgKey,
    pub(super) id: OperationId,
    pub(super) state: OperationState,
    requested_by: String,
    revision: i32,
}

pub(super) async fn lock(tx: &mut Tx, operation: OperationKey) -> StoreResult<Option<Locked>> {
    let row = sqlx::query!(
        r#"-- operation.lock
        SELECT org_key, operation_id, state::text AS "state!", requested_by, revision FROM operation WHERE operation_key = $1 FOR UPDATE"#,
        operation.0
    );
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(None) };
    let state = row.state.parse().map_err(StoreError::from)?;
    let (org, id) = (OrgKey(row.org_key), OperationId(row.operation_id));
    Ok(Some(Locked { org, id, state, requested_by: row.requested_by, revision: row.revision }))
}

/// What was done with an operation, for the audit log.
pub(super) async fn record(tx: &mut Tx, operation: &Locked, by: &Actor, event: Event, detail: &Value) -> StoreResult<()> {
    audit::append(tx, operation.org, by, event, operation.id, detail).await
}

/// Ends pending items without a call: all of an operation, or those of an organisation whose operations have waited too long.
async fn drop_pending(
    tx: &mut Tx,
    operation: Option<OperationKey>,
    late_in: Option<OrgKey>,
    reason: SkipReason,
) -> StoreResult<u64> {
    let Some(next) = ItemState::Pending.after(ItemEvent::Dropped) else { return Ok(0) };
    let dropped = sqlx::query!(
        r#"-- operation.drop_pending
        UPDATE operation_item AS i
        SET state = $3::text::item_state, skip_reason = $4, finished_at = clock_timestamp(), settled_at = clock_timestamp()
        FROM operation AS o
        WHERE o.operation_key = i.operation_key AND i.state = 'pending'
            AND (o.operation_key = $1 OR (o.org_key = $2 AND o.state = 'running' AND o.waits_until < clock_timestamp()))"#,
        operation.map(|operation| operation.0),
        late_in.map(|org| org.0),
        next.as_str(),
        reason.as_str()
    );
    Ok(dropped.execute(&mut **tx).await?.rows_affected())
}
