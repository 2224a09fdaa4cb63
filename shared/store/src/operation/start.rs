//! T9: an item starts. The gate is asked, and the attempt marked, by one transaction; the call follows its commit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use orgmirror_domain::action::{Call, Decision};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::freshness::Freshness;
use orgmirror_domain::gate::{Admission, Awaited, Closed, Gate, GateView, may_act};
use orgmirror_domain::ids::{AttemptKey, Instant, ItemKey, OperationId, OrgKey};
use orgmirror_domain::item::{ItemEvent, ItemState, SkipReason};
use orgmirror_domain::operation::OperationState;

use super::facts::{self, AccountState};
use super::request::action_of;
use crate::filter::Selection;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult};

/// What came of asking to start an item.
#[derive(Debug)]
pub enum Start {
    /// Its attempt is marked: make the call now, and say what came of it.
    Act(Marked),
    /// It ended without a call, as the fresh reading shows.
    Ended(ItemState),
    /// The gate is shut; the item comes back when what it waits for is there.
    Waits(Awaited),
    /// It is not to act, now or ever.
    Closed(Closed),
    /// It is not pending: somebody else has it, or it has ended.
    NotWanted,
}

/// An attempt that was marked. Only T9 makes one, so that a call that needs it cannot be made past the gate.
#[derive(Debug)]
pub struct Marked {
    attempt: AttemptKey,
    call: Call,
    operation: OperationId,
    waited: Duration,
}

impl Marked {
    /// Its row.
    pub fn attempt(&self) -> AttemptKey {
        self.attempt
    }

    /// The one call that may be made for it, once.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Its operation, for people.
    pub fn operation(&self) -> OperationId {
        self.operation
    }

    /// From the operation's request until the gate opened.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

/// An item and its operation, locked.
struct Locked {
    org: OrgKey,
    account_key: i32,
    operation_id: uuid::Uuid,
    state: ItemState,
    asked: Instant,
    admission: Admission,
    action: orgmirror_domain::action::Action,
    group_key: Option<i32>,
    max_age_s: f64,
    waits_until: DateTime<Utc>,
    protected_accounts: Vec<String>,
    protected_groups: Vec<uuid::Uuid>,
    filter: Option<Filter>,
    requested_at: DateTime<Utc>,
}

impl Store {
    /// T9. Asks the gate for an item and marks its attempt. After `call_ends_within` nothing that the attempt sends can change anything
    /// any more: from then on it is read instead of waited for.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "operation.start", otel.kind = "client", db.system.name = "postgresql"))]
    pub async fn start_item(&self, item: ItemKey, call_ends_within: Duration) -> StoreResult<Start> {
        let account = sqlx::query_scalar!("SELECT account_key FROM operation_item WHERE item_key = $1", item.0);
        let Some(account) = account.fetch_optional(&self.pool).await? else { return Ok(Start::NotWanted) };
        transact!(self, |tx| {
            // Two items of one account are decided one after the other: the second one sees what the first has marked, or what came of it.
            sqlx::query!("SELECT lock_account($1)", account).execute(&mut **tx).await?;
            let Some(locked) = lock(tx, item).await?.filter(|locked| locked.state == ItemState::Pending) else {
                return Ok(Start::NotWanted);
            };
            // A statement of its own, after the locks: what was committed while they were waited for counts.
            let mut accounts = facts::accounts(tx, &[account], locked.group_key, &locked.protected_accounts).await?;
            let Some(account) = accounts.remove(&account) else { return Ok(Start::NotWanted) };
            let group = match locked.group_key {
                Some(key) => Some(facts::group(tx, key, &locked.protected_groups).await?),
                None => None,
            };
            let view = view(tx, item, &locked, &account, group.as_ref().map(|group| group.fresh)).await?;
            let fresh = match may_act(&view) {
                Gate::Open(fresh) => fresh,
                Gate::Waits { awaited, .. } => return Ok(Start::Waits(awaited)),
                Gate::Closed(closed) => return Ok(Start::Closed(closed)),
            };
            if !still_matches(tx, &locked).await? {
                return end(tx, item, ItemEvent::Dropped, Some(SkipReason::NoLongerMatches)).await;
            }
            match locked.action.decide(&account.id, &account.view, group.as_ref().map(|group| &group.view)) {
                Decision::AlreadySo => end(tx, item, ItemEvent::FoundSo, None).await,
                Decision::Skip(reason) => end(tx, item, ItemEvent::Dropped, Some(reason)).await,
                Decision::Call(call) => {
                    let waited = (view.now - locked.requested_at).to_std().unwrap_or_default();
                    mark(tx, item, &locked, (&account, fresh, waited), call, call_ends_within).await
                }
            }
        })
    }
}

/// Locks the item, and its operation against being cancelled meanwhile.
async fn lock(tx: &mut Tx, item: ItemKey) -> StoreResult<Option<Locked>> {
    let row = sqlx::query!(
        r#"-- operation.start_lock
        SELECT
            i.account_key, i.state::text AS "item_state!", i.asked, o.operation_id, o.state::text AS "state!", o.action, o.group_key,
            extract(epoch FROM o.max_age)::float8 AS "max_age_s!", o.waits_until, o.protected_accounts, o.protected_groups,
            o.org_key, o.filter, o.requested_at
        FROM operation_item AS i
        INNER JOIN operation AS o ON o.operation_key = i.operation_key
        WHERE i.item_key = $1
        FOR SHARE OF o FOR NO KEY UPDATE OF i"#,
        item.0
    );
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(None) };
    let admission = match row.state.parse::<OperationState>()? {
        OperationState::Running => Admission::Admitted,
        OperationState::Approval => Admission::AwaitingApproval,
        OperationState::Checking | OperationState::Settled | OperationState::Differs | OperationState::Cancelled => {
            Admission::Ended
        }
    };
    Ok(Some(Locked {
        org: OrgKey(row.org_key),
        account_key: row.account_key,
        operation_id: row.operation_id,
        state: row.item_state.parse()?,
        asked: Instant(row.asked),
        admission,
        action: action_of(row.action)?,
        group_key: row.group_key,
        max_age_s: row.max_age_s,
        waits_until: row.waits_until,
        protected_accounts: row.protected_accounts,
        protected_groups: row.protected_groups,
        filter: row
            .filter
            .map(|text| text.parse())
            .transpose()
            .map_err(|source| StoreError::SavedText { column: "operation.filter", source: Box::new(source) })?,
        requested_at: row.requested_at,
    }))
}

/// Whether the account is still one that the operation's filter chooses, on the reading that opened the gate. Ages count back from when
/// the operation was asked for. A filter that names what is not in the mirror any more chooses nobody.
async fn still_matches(tx: &mut Tx, locked: &Locked) -> StoreResult<bool> {
    let Some(filter) = &locked.filter else { return Ok(true) };
    match Selection::find(tx, locked.org, filter, locked.requested_at).await {
        Ok(selection) => Ok(!selection.matching(tx, &[locked.account_key]).await?.is_empty()),
        Err(StoreError::UnknownName { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn view(
    tx: &mut Tx,
    item: ItemKey,
    locked: &Locked,
    account: &AccountState,
    group: Option<Option<Freshness>>,
) -> StoreResult<GateView> {
    let row = sqlx::query!(
        r#"-- operation.start_others
        SELECT
            clock_timestamp() AS "now!",
            EXISTS (
                SELECT FROM operation_item
                WHERE account_key = $1 AND item_key <> $2 AND state IN ('running', 'unknown')
            ) AS "open_elsewhere!""#,
        locked.account_key,
        item.0
    );
    let row = row.fetch_one(&mut **tx).await?;
    Ok(GateView {
        admission: locked.admission,
        asked: locked.asked,
        account: account.fresh,
        group,
        own_write: account.own_write,
        open_elsewhere: row.open_elsewhere,
        max_age: Duration::try_from_secs_f64(locked.max_age_s).unwrap_or_default(),
        waits_until: locked.waits_until,
        now: row.now,
    })
}

/// Ends an item that needs no call.
async fn end(tx: &mut Tx, item: ItemKey, event: ItemEvent, reason: Option<SkipReason>) -> StoreResult<Start> {
    let Some(next) = ItemState::Pending.after(event) else { return Ok(Start::NotWanted) };
    sqlx::query!(
        r#"-- operation.start_end
        UPDATE operation_item
        SET state = $2::text::item_state, skip_reason = $3, finished_at = clock_timestamp(), settled_at = clock_timestamp()
        WHERE item_key = $1 AND state = 'pending'"#,
        item.0,
        next.as_str(),
        reason.map(SkipReason::as_str)
    )
    .execute(&mut **tx)
    .await?;
    Ok(Start::Ended(next))
}

/// Marks the attempt, with all that it was decided on.
async fn mark(
    tx: &mut Tx,
    item: ItemKey,
    locked: &Locked,
    (account, fresh, waited): (&AccountState, Freshness, Duration),
    call: Call,
    call_ends_within: Duration,
) -> StoreResult<Start> {
    let Some(next) = ItemState::Pending.after(ItemEvent::Marked) else { return Ok(Start::NotWanted) };
    let json = serde_json::to_value(&call).map_err(|source| StoreError::Json { column: "operation_attempt.call", source })?;
    let attempt = sqlx::query_scalar!(
        r#"-- operation.start_attempt
        INSERT INTO operation_attempt (item_key, number, call, asked, fresh, fresh_at, own_write)
        SELECT item_key, attempts + 1, $2, $3, $4, $5, $6 FROM operation_item WHERE item_key = $1
        RETURNING attempt_key"#,
        item.0,
        json,
        locked.asked.0,
        fresh.instant.0,
        fresh.at,
        account.own_write.map(|write| write.instant.0)
    );
    let attempt = AttemptKey(attempt.fetch_one(&mut **tx).await?);
    sqlx::query!(
        r#"-- operation.start_mark
        UPDATE operation_item
        SET state = $2::text::item_state, attempt_key = $3, attempts = attempts + 1, read_from = NULL, refreshes = 0,
            deadline_at = clock_timestamp() + make_interval(secs => $4)
        WHERE item_key = $1 AND state = 'pending'"#,
        item.0,
        next.as_str(),
        attempt.0,
        call_ends_within.as_secs_f64()
    )
    .execute(&mut **tx)
    .await?;
    Ok(Start::Act(Marked { attempt, call, operation: OperationId(locked.operation_id), waited }))
}
