//! T10: an item's call has ended, or nobody was heard of until its deadline.

use std::time::Duration;

use orgmirror_domain::ids::{AttemptKey, OrgKey};
use orgmirror_domain::item::{ItemEvent, ItemState, SkipReason};

use crate::transaction::{Tx, transact};
use crate::{Store, StoreResult};

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The API did it.
    Done,
    /// The API said that it was so already.
    SaidSo,
    /// The API refused, with its words.
    Refused(String),
    /// The API says, in its words, that the account is not in the action's directory.
    NotThere(String),
    /// Surely nothing was changed, for a reason that lies elsewhere: the rate limit, or a call that came too late to be made.
    NotSent,
    /// Surely nothing was changed, and every other item would meet the same: the operation waits so long.
    Held {
        /// How long until one item tries again.
        wait: Duration,
        /// What a person has to see to.
        reason: String,
    },
    /// The call may have happened; what is known of it.
    Unanswered(String),
}

impl Answer {
    fn event(&self) -> ItemEvent {
        match self {
            Self::Done => ItemEvent::Done,
            Self::SaidSo => ItemEvent::SaidSo,
            Self::Refused(_) => ItemEvent::Refused,
            Self::NotThere(_) => ItemEvent::NotThere,
            Self::NotSent | Self::Held { .. } => ItemEvent::NotSent,
            Self::Unanswered(_) => ItemEvent::Unanswered,
        }
    }

    fn skip_reason(&self) -> Option<SkipReason> {
        matches!(self, Self::NotThere(_)).then_some(SkipReason::NotInDirectory)
    }

    fn words(&self) -> Option<&str> {
        match self {
            Self::Refused(words) | Self::NotThere(words) | Self::Unanswered(words) | Self::Held { reason: words, .. } => {
                Some(words)
            }
            Self::Done | Self::SaidSo | Self::NotSent => None,
        }
    }
}

impl Store {
    /// T10. Records what came of an attempt's call, and the instant of the write, drawn after its answer; `None` if the item has gone on
    /// without it.
    ///
    /// The look-up that shows the result is not registered here: it follows from the row, and ten items share one call.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "operation.finish", otel.kind = "client", db.system.name = "postgresql"))]
    pub async fn finish_item(&self, attempt: AttemptKey, answer: &Answer) -> StoreResult<Option<ItemState>> {
        transact!(self, |tx| {
            let item = sqlx::query!(
                r#"-- operation.finish_lock
                SELECT i.item_key, i.operation_key, i.state::text AS "state!"
                FROM operation_attempt AS a
                INNER JOIN operation_item AS i ON i.item_key = a.item_key AND i.attempt_key = a.attempt_key
                WHERE a.attempt_key = $1
                FOR NO KEY UPDATE OF i"#,
                attempt.0
            );
            let Some(item) = item.fetch_optional(&mut **tx).await? else { return Ok(None) };
            let Some(next) = item.state.parse::<ItemState>()?.after(answer.event()) else { return Ok(None) };
            sqlx::query!(
                r#"-- operation.finish_attempt
                UPDATE operation_attempt SET ended_at = clock_timestamp(), outcome = $2, words = $3
                WHERE attempt_key = $1"#,
                attempt.0,
                format!("{:?}", answer.event()),
                answer.words()
            )
            .execute(&mut **tx)
            .await?;
            match answer {
                // The deadline stays: until then the call may still take effect.
                Answer::Unanswered(words) => {
                    sqlx::query!(
                        r#"-- operation.finish_unknown
                        UPDATE operation_item SET state = $2::text::item_state, words = $3 WHERE item_key = $1"#,
                        item.item_key,
                        next.as_str(),
                        words
                    )
                    .execute(&mut **tx)
                    .await?;
                }
                Answer::NotSent | Answer::Held { .. } => {
                    sqlx::query!(
                        r#"-- operation.finish_not_sent
                        UPDATE operation_item SET state = $2::text::item_state, deadline_at = NULL, heard_at = NULL WHERE item_key = $1"#,
                        item.item_key,
                        next.as_str()
                    )
                    .execute(&mut **tx)
                    .await?;
                    if let Answer::Held { wait, reason } = answer {
                        hold(tx, item.operation_key, *wait, reason).await?;
                    }
                }
                Answer::Done | Answer::SaidSo | Answer::Refused(_) | Answer::NotThere(_) => {
                    sqlx::query!(
                        r#"-- operation.finish
                        UPDATE operation_item
                        SET state = $2::text::item_state, words = $3, skip_reason = $4, deadline_at = NULL, finished_at = clock_timestamp(),
                            write_instant = nextval('instant'), written_at = clock_timestamp(), refresh_run_key = NULL,
                            settled_at = CASE WHEN $2 = 'done' THEN NULL ELSE clock_timestamp() END, difference = NULL
                        WHERE item_key = $1"#,
                        item.item_key,
                        next.as_str(),
                        answer.words(),
                        answer.skip_reason().map(SkipReason::as_str)
                    )
                    .execute(&mut **tx)
                    .await?;
                }
            }
            sqlx::query!("SELECT notify_run(0)").execute(&mut **tx).await?;
            Ok(Some(next))
        })
    }

    /// Items whose call's deadline is over without an answer: their calls may have happened, and from the instant drawn here on a
    /// reading tells whether. Returns how many.
    pub async fn expire_attempts(&self, org: OrgKey) -> StoreResult<u64> {
        // The instant is drawn for a row after its deadline was compared with the clock, so whatever is read later is read after it.
        let expired = sqlx::query!(
            r#"-- operation.expire
            UPDATE operation_item AS i
            SET state = 'unknown', read_from = drawn.instant, write_instant = drawn.instant, written_at = clock_timestamp(), refreshes = 0,
                refresh_run_key = NULL,
                words = coalesce(CASE WHEN i.state = 'unknown' THEN i.words END, 'the worker that had it was not heard of again')
            FROM (
                SELECT open.item_key, nextval('instant') AS instant
                FROM operation AS o
                INNER JOIN operation_item AS open ON open.operation_key = o.operation_key
                WHERE o.org_key = $1
                    AND open.state IN ('running', 'unknown') AND open.read_from IS NULL AND open.deadline_at < clock_timestamp()
            ) AS drawn
            WHERE i.item_key = drawn.item_key AND i.state IN ('running', 'unknown') AND i.read_from IS NULL
                AND i.deadline_at < clock_timestamp()"#,
            org.0
        );
        Ok(expired.execute(&self.pool).await?.rows_affected())
    }
}

async fn hold(tx: &mut Tx, operation: i64, wait: Duration, reason: &str) -> StoreResult<()> {
    sqlx::query!(
        r#"-- operation.hold
        UPDATE operation SET held_until = clock_timestamp() + make_interval(secs => $2), hold_reason = $3 WHERE operation_key = $1"#,
        operation,
        wait.as_secs_f64(),
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
