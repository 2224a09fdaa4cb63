//! Somebody asks for a bulk operation.

use orgmirror_domain::action::Action;
use orgmirror_domain::audit::{Actor, ActorKind, Event};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::{AccountId, DirectoryId, Instant, OperationId, OperationKey, OrgKey, TaskRunKey};
use orgmirror_domain::operation::{Admitted, Limits, OperationState};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, audit};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Chosen by whoever asks; asking again with the same id asks once.
    pub id: OperationId,
    /// What to do to each account.
    pub action: Action,
    /// To whom; repeats count once.
    pub accounts: Vec<AccountId>,
    /// Who asks.
    pub requested_by: String,
    /// The filter that chose them, if one did: who does not match it on a fresh reading is left alone.
    pub filter: Option<Filter>,
}

/// What whoever asked learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The operation.
    pub operation: OperationKey,
    /// Running, or waiting for a second person.
    pub state: OperationState,
    /// Nothing is done on an observation that is not newer.
    pub instant: Instant,
    /// The list's revision, which an approval must name.
    pub revision: i32,
}

impl Store {
    /// Stores an operation with its items, and draws its instant. Refuses one that is larger than the limits allow.
    pub async fn request_operation(&self, org: OrgKey, wanted: &Wanted, limits: &Limits) -> StoreResult<Asked> {
        let mut accounts: Vec<&AccountId> = Vec::with_capacity(wanted.accounts.len());
        let mut met = std::collections::HashSet::new();
        accounts.extend(wanted.accounts.iter().filter(|id| met.insert(*id)));
        let state = match limits.admit(accounts.len()) {
            Admitted::AtOnce => OperationState::Running,
            Admitted::WithApproval => OperationState::Approval,
            Admitted::TooMany => return Err(StoreError::TooLarge { accounts: accounts.len(), limit: limits.max_items }),
        };
        let accounts = self.account_keys(org, &accounts).await?;
        let group = self.group_of(org, &wanted.action).await?;
        let new = New {
            id: wanted.id,
            action: &wanted.action,
            group,
            accounts: &accounts,
            requested_by: &wanted.requested_by,
            state,
            filter: wanted.filter.as_ref(),
            step: None,
        };
        transact!(self, |tx| {
            match insert(tx, org, &new, limits).await? {
                Some(asked) => Ok(asked),
                None => earlier(tx, wanted.id).await,
            }
        })
    }

    /// Key of the group that an action is about, made if the mirror does not have it.
    pub(crate) async fn group_of(&self, org: OrgKey, action: &Action) -> StoreResult<Option<i32>> {
        Ok(match action.group() {
            Some(group) => self.group_keys(org, &[group]).await?.get(&group).copied(),
            None => None,
        })
    }

    /// The operation with that id, of that organisation.
    pub async fn operation_key(&self, org: OrgKey, operation: OperationId) -> StoreResult<OperationKey> {
        let key = sqlx::query_scalar!(
            r#"-- operation.key
            SELECT operation_key FROM operation WHERE operation_id = $1 AND org_key = $2"#,
            operation.0,
            org.0
        );
        let key = key.fetch_optional(&self.pool).await?;
        key.map(OperationKey).ok_or_else(|| StoreError::NotFound { what: "operation", id: operation.to_string() })
    }

    /// The organisation's directories, ids and names, in the order of their ids: an action of a directory names one.
    pub async fn directories(&self, org: OrgKey) -> StoreResult<Vec<(DirectoryId, Option<String>)>> {
        let directories = sqlx::query!(
            r#"-- operation.directories
            SELECT directory_id, name FROM directory WHERE org_key = $1 ORDER BY directory_id"#,
            org.0
        );
        let directories = directories.fetch_all(&self.pool).await?;
        Ok(directories.into_iter().map(|row| (DirectoryId::from(row.directory_id), row.name)).collect())
    }

    /// The organisation's directory, if it has exactly one: an action need not name it then.
    pub async fn only_directory(&self, org: OrgKey) -> StoreResult<Option<DirectoryId>> {
        let mut directories = self.directories(org).await?;
        Ok(if directories.len() == 1 { directories.pop().map(|(id, _)| id) } else { None })
    }

    /// Account ids of these e-mail addresses, by address in lower case; an address that several accounts have is not told.
    pub async fn accounts_of_emails(&self, org: OrgKey, emails: &[String]) -> StoreResult<Vec<(String, AccountId)>> {
        let wanted: Vec<String> = emails.iter().map(|email| email.to_lowercase()).collect();
        let rows = sqlx::query!(
            r#"-- operation.by_email
            SELECT lower(a.email) AS "email!", min(k.account_id) AS "account_id!"
            FROM account AS a
            INNER JOIN account_key AS k ON k.account_key = a.account_key
            WHERE a.org_key = $1 AND a.known_alive AND NOT a.missing AND lower(a.email) = ANY ($2)
            GROUP BY lower(a.email)
            HAVING count(*) = 1"#,
            org.0,
            &wanted
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.email, AccountId::from(row.account_id))).collect())
    }
}

/// An operation that is to be stored, within limits.
pub(crate) struct New<'a> {
    pub(crate) id: OperationId,
    pub(crate) action: &'a Action,
    pub(crate) group: Option<i32>,
    /// Without repeats.
    pub(crate) accounts: &'a [i32],
    pub(crate) requested_by: &'a str,
    pub(crate) state: OperationState,
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) step: Option<Step>,
}

/// The part of a task's run that an operation is.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) task_run: TaskRunKey,
    /// Which action, from 1.
    pub(crate) number: i16,
    /// The run's own instant, where the operation belongs to the request that was made then; else one is drawn.
    pub(crate) asked: Option<Instant>,
}

/// Stores an operation with its items, once for each id; `None` if it is there.
pub(crate) async fn insert(tx: &mut Tx, org: OrgKey, new: &New<'_>, limits: &Limits) -> StoreResult<Option<Asked>> {
    let made = sqlx::query!(
        r#"-- operation.request
        INSERT INTO operation (
            operation_id, org_key, state, action, group_key, requested_by, max_age, patience, waits_until, protected_accounts,
            protected_groups, filter, task_run_key, step
        )
        VALUES (
            $1, $2, $3::text::operation_state, $4, $5, $6, make_interval(secs => $7), make_interval(secs => $8),
            clock_timestamp() + make_interval(secs => $8), $9, $10, $11, $12, $13
        )
        ON CONFLICT DO NOTHING
        RETURNING operation_key, coalesce($14, nextval('instant')) AS "instant!""#,
        new.id.0,
        org.0,
        new.state.as_str(),
        action_json(new.action)?,
        new.group,
        new.requested_by,
        limits.max_age.as_secs_f64(),
        limits.patience.as_secs_f64(),
        &limits.protected_accounts,
        &limits.protected_groups,
        new.filter.map(ToString::to_string),
        new.step.map(|step| step.task_run.0),
        new.step.map(|step| step.number),
        new.step.and_then(|step| step.asked).map(|asked| asked.0)
    );
    let Some(made) = made.fetch_optional(&mut **tx).await? else { return Ok(None) };
    sqlx::query!(
        r#"-- operation.items
        INSERT INTO operation_item (operation_key, account_key, asked)
        SELECT $1, listed.key, $3 FROM unnest($2::integer[]) WITH ORDINALITY AS listed (key, position) ORDER BY listed.position"#,
        made.operation_key,
        new.accounts,
        made.instant
    )
    .execute(&mut **tx)
    .await?;
    // A hint for the coordinator.
    sqlx::query!("SELECT notify_run(0)").execute(&mut **tx).await?;
    let detail = json!({
        "action": new.action,
        "accounts": new.accounts.len(),
        "filter": new.filter.map(ToString::to_string),
        "instant": made.instant,
        "state": new.state,
        "step": new.step.map(|step| step.number),
    });
    // A task asks in the name of whoever switched it on or asked for its run.
    let kind = if new.step.is_some() { ActorKind::Schedule } else { ActorKind::Person };
    let actor = Actor { kind, name: new.requested_by.to_owned() };
    audit::append(tx, org, &actor, Event::OperationRequested, new.id, &detail).await?;
    Ok(Some(Asked { operation: OperationKey(made.operation_key), state: new.state, instant: Instant(made.instant), revision: 1 }))
}

/// The answer that the same request got before.
async fn earlier(tx: &mut Tx, id: OperationId) -> StoreResult<Asked> {
    let row = sqlx::query!(
        r#"-- operation.earlier
        SELECT o.operation_key, o.state::text AS "state!", o.revision, coalesce(min(i.asked), 0) AS "asked!"
        FROM operation AS o LEFT JOIN operation_item AS i ON i.operation_key = o.operation_key
        WHERE o.operation_id = $1
        GROUP BY o.operation_key"#,
        id.0
    );
    let row = row.fetch_one(&mut **tx).await?;
    Ok(Asked {
        operation: OperationKey(row.operation_key),
        state: row.state.parse()?,
        instant: Instant(row.asked),
        revision: row.revision,
    })
}

pub(crate) fn action_json(action: &Action) -> StoreResult<Value> {
    serde_json::to_value(action).map_err(|source| StoreError::Json { column: "operation.action", source })
}

pub(crate) fn action_of(json: Value) -> StoreResult<Action> {
    serde_json::from_value(json).map_err(|source| StoreError::Json { column: "operation.action", source })
}

/// Ids for requests that nobody names.
pub fn new_id() -> OperationId {
    OperationId(Uuid::now_v7())
}
