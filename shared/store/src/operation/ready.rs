//! From the rows to the queue: items that may perhaps act.

use std::time::Duration;

use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{ItemKey, OrgKey};

use super::request::action_of;
use crate::{Store, StoreResult};

impl Store {
    /// Whether there is anything to look after: an operation that has not ended, or a call of one that was cancelled and may still have happened.
    /// Answered by short indexes alone, so that a tick without operations costs one question.
    pub async fn operations_are_open(&self, org: OrgKey) -> StoreResult<bool> {
        let open = sqlx::query_scalar!(
            r#"-- operation.any_open
            SELECT
                EXISTS (SELECT FROM operation AS o WHERE o.org_key = $1 AND o.finished_at IS NULL)
                OR EXISTS (
                    SELECT FROM operation_item AS i INNER JOIN operation AS o ON o.operation_key = i.operation_key
                    WHERE o.org_key = $1 AND i.state IN ('running', 'unknown')
                )
                OR EXISTS (
                    SELECT FROM operation_item AS i INNER JOIN operation AS o ON o.operation_key = i.operation_key
                    WHERE o.org_key = $1 AND i.state = 'done' AND i.settled_at IS NULL
                ) AS "open!""#,
            org.0
        );
        Ok(open.fetch_one(&self.pool).await?)
    }

    /// Takes items whose gate might open and that nobody has heard of for a lease, as long as no more than `window` are with workers.
    pub async fn take_ready_items(&self, org: OrgKey, lease: Duration, window: u32) -> StoreResult<Vec<ItemKey>> {
        let rows = sqlx::query_scalar!(
            r#"-- operation.take_ready
            WITH due AS (
                SELECT w.item_key
                FROM waiting_item AS w
                INNER JOIN operation_item AS i ON i.item_key = w.item_key
                WHERE w.org_key = $1 AND w.fresh AND w.group_fresh AND NOT w.blocked
                    AND (i.heard_at IS NULL OR i.heard_at < clock_timestamp() - make_interval(secs => $2))
                ORDER BY w.item_key
                LIMIT greatest(0, $3 - (
                    SELECT count(*) FROM operation AS o INNER JOIN operation_item AS held ON held.operation_key = o.operation_key
                    WHERE o.org_key = $1 AND o.finished_at IS NULL AND held.state IN ('pending', 'running')
                        AND held.heard_at > clock_timestamp() - make_interval(secs => $2)
                ))
                FOR NO KEY UPDATE OF i SKIP LOCKED
            )
            UPDATE operation_item AS i SET heard_at = clock_timestamp()
            FROM due
            WHERE i.item_key = due.item_key AND i.state = 'pending'
            RETURNING i.item_key"#,
            org.0,
            lease.as_secs_f64(),
            i64::from(window)
        );
        let mut rows = rows.fetch_all(&self.pool).await?;
        rows.sort_unstable();
        Ok(rows.into_iter().map(ItemKey).collect())
    }

    /// What an item's operation does, if the item waits; a look, so that the right permit can be taken before the gate is asked.
    pub async fn waiting_action(&self, item: ItemKey) -> StoreResult<Option<Action>> {
        let action = sqlx::query_scalar!(
            r#"-- operation.waiting_action
            SELECT o.action FROM operation_item AS i INNER JOIN operation AS o ON o.operation_key = i.operation_key
            WHERE i.item_key = $1 AND i.state = 'pending' AND o.state = 'running'"#,
            item.0
        );
        action.fetch_optional(&self.pool).await?.map(action_of).transpose()
    }

    /// Lets an item come back after `wait`, without an attempt.
    pub async fn put_back_item(&self, item: ItemKey, wait: Duration, lease: Duration) -> StoreResult<()> {
        sqlx::query!(
            r#"-- operation.put_back
            UPDATE operation_item SET heard_at = clock_timestamp() + make_interval(secs => $2)
            WHERE item_key = $1 AND state = 'pending'"#,
            item.0,
            wait.as_secs_f64() - lease.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
