//! Operations as people see them: how far, what they wait for, what came of each account.

use chrono::{DateTime, Utc};
use orgmirror_domain::action::Action;
use orgmirror_domain::gate::Awaited;
use orgmirror_domain::gate::Subject;
use orgmirror_domain::ids::{OperationId, OperationKey, OrgKey};
use orgmirror_domain::item::{ItemState, SkipReason};
use orgmirror_domain::operation::OperationState;
use serde::Serialize;

use super::request::action_of;
use crate::{Store, StoreError, StoreResult};

/// An operation.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OperationView {
    /// Its id.
    #[serde(rename = "id")]
    pub operation_id: OperationId,
    /// Its row.
    #[serde(skip)]
    pub operation: OperationKey,
    /// Where it stands.
    pub state: OperationState,
    /// What it does.
    #[schema(value_type = Object)]
    pub action: Action,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Revision of its list, which an approval names.
    pub revision: i32,
    /// Who approved.
    pub approved_by: Option<String>,
    /// What its pending items wait for, in words.
    pub waits_for: Option<String>,
    /// Then they are given up.
    pub waits_until: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How many items stand where.
    pub items: Counts,
}

/// Items by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "each is a state of an item")]
pub struct Counts {
    pub pending: i64,
    pub running: i64,
    pub done: i64,
    pub already_so: i64,
    pub skipped: i64,
    pub failed: i64,
    pub unknown: i64,
    /// Of those skipped: no fresh reading came in time.
    pub not_fresh: i64,
    /// Of those done: the API does not show it.
    pub differing: i64,
    /// Of those done: not seen yet.
    pub unsettled: i64,
}

/// What came of an account.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ItemView {
    /// Which.
    pub account_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub email: Option<String>,
    /// Where it stands.
    pub state: ItemState,
    /// Why no call was made.
    pub reason: Option<SkipReason>,
    /// The API's words, or what a person should know.
    pub words: Option<String>,
    /// What the API shows instead of what was done.
    pub difference: Option<String>,
    /// Attempts marked.
    pub attempts: i16,
    /// When its call was answered.
    pub written_at: Option<DateTime<Utc>>,
    /// When the API was seen to show it.
    pub settled_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Operations, newest first; one alone if named.
    pub async fn operations(&self, org: OrgKey, one: Option<OperationKey>, limit: i64) -> StoreResult<Vec<OperationView>> {
        let rows = sqlx::query!(
            r#"-- operation.views
            SELECT
                o.operation_key, o.operation_id, o.state::text AS "state!", o.action, o.requested_by, o.requested_at, o.revision,
                o.approved_by, o.waits_until, o.finished_at, o.held_until > clock_timestamp() AS held, o.hold_reason,
                items.pending AS "pending!", items.running AS "running!", items.done AS "done!", items.already_so AS "already_so!",
                items.skipped AS "skipped!", items.failed AS "failed!", items.unknown AS "unknown!", items.not_fresh AS "not_fresh!",
                items.differing AS "differing!", items.unsettled AS "unsettled!",
                waiting.blocked, waiting.fresh, waiting.group_fresh
            FROM operation AS o
            CROSS JOIN LATERAL (
                SELECT
                    count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'running') AS running,
                    count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'already_so') AS already_so,
                    count(*) FILTER (WHERE state = 'skipped') AS skipped, count(*) FILTER (WHERE state = 'failed') AS failed,
                    count(*) FILTER (WHERE state = 'unknown') AS unknown,
                    count(*) FILTER (WHERE skip_reason = 'not_fresh') AS not_fresh,
                    count(*) FILTER (WHERE difference IS NOT NULL) AS differing,
                    count(*) FILTER (WHERE state = 'done' AND settled_at IS NULL) AS unsettled
                FROM operation_item AS i WHERE i.operation_key = o.operation_key
            ) AS items
            LEFT JOIN LATERAL (
                SELECT w.blocked, w.fresh, w.group_fresh FROM waiting_item AS w WHERE w.operation_key = o.operation_key
                ORDER BY w.item_key LIMIT 1
            ) AS waiting ON true
            WHERE o.org_key = $1 AND ($2::bigint IS NULL OR o.operation_key = $2)
            ORDER BY o.operation_key DESC
            LIMIT $3"#,
            org.0,
            one.map(|operation| operation.0),
            limit
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                let state: OperationState = row.state.parse().map_err(StoreError::from)?;
                let awaited = match (row.blocked, row.fresh, row.group_fresh) {
                    (Some(true), ..) => Some(Awaited::OtherItem),
                    (_, Some(false), _) => Some(Awaited::Newer(Subject::Account)),
                    (_, _, Some(false)) => Some(Awaited::Newer(Subject::Group)),
                    _ => None,
                };
                let waits_for = match state {
                    OperationState::Approval => Some("a second person has to approve the list".to_owned()),
                    OperationState::Running if row.held == Some(true) => row.hold_reason,
                    OperationState::Running => awaited.map(|awaited| awaited.to_string()),
                    OperationState::Checking => Some("the API does not show every result yet".to_owned()),
                    OperationState::Settled | OperationState::Differs | OperationState::Cancelled => None,
                };
                Ok(OperationView {
                    operation_id: OperationId(row.operation_id),
                    operation: OperationKey(row.operation_key),
                    state,
                    action: action_of(row.action)?,
                    requested_by: row.requested_by,
                    requested_at: row.requested_at,
                    revision: row.revision,
                    approved_by: row.approved_by,
                    waits_until: waits_for.as_ref().filter(|_| state == OperationState::Running).map(|_| row.waits_until),
                    waits_for,
                    finished_at: row.finished_at,
                    items: Counts {
                        pending: row.pending,
                        running: row.running,
                        done: row.done,
                        already_so: row.already_so,
                        skipped: row.skipped,
                        failed: row.failed,
                        unknown: row.unknown,
                        not_fresh: row.not_fresh,
                        differing: row.differing,
                        unsettled: row.unsettled,
                    },
                })
            })
            .collect()
    }

    /// What came of each account of an operation, in the order of its list.
    pub async fn operation_items(&self, operation: OperationKey) -> StoreResult<Vec<ItemView>> {
        let rows = sqlx::query!(
            r#"-- operation.item_views
            SELECT
                k.account_id, a.name AS "name?", a.email AS "email?", i.state::text AS "state!", i.skip_reason, i.words, i.difference,
                i.attempts, i.written_at, i.settled_at
            FROM operation_item AS i
            INNER JOIN account_key AS k ON k.account_key = i.account_key
            LEFT JOIN account AS a ON a.account_key = i.account_key
            WHERE i.operation_key = $1
            ORDER BY i.item_key"#,
            operation.0
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                Ok(ItemView {
                    account_id: row.account_id,
                    name: row.name,
                    email: row.email,
                    state: row.state.parse().map_err(StoreError::from)?,
                    reason: row.skip_reason.map(|reason| reason.parse()).transpose().map_err(StoreError::from)?,
                    words: row.words,
                    difference: row.difference,
                    attempts: row.attempts,
                    written_at: row.written_at,
                    settled_at: row.settled_at,
                })
            })
            .collect()
    }
}
