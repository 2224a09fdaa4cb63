//! A task's run goes on: its accounts have been read, an operation has ended, or it has waited too long.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::{Instant, OrgKey, TaskRunKey};
use orgmirror_domain::operation::{Admitted, Limits, OperationState};
use orgmirror_domain::run::Phase;
use orgmirror_domain::task::{Task, TaskRunEvent, TaskRunState};
use serde_json::json;

use super::{Columns, start};
use crate::filter::Selection;
use crate::operation::request::{New, Step, insert, new_id};
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, audit};

/// Of those who match only after the refresh, so many are listed.
const LISTED: i64 = 1_000;

/// What each step needs beside its run.
struct Around<'a> {
    org: OrgKey,
    limits: &'a Limits,
    /// Keys of the groups that the task's actions are about, in their order.
    groups: Vec<Option<i32>>,
}

/// A run and its task, locked.
struct Locked {
    run: TaskRunKey,
    state: TaskRunState,
    task: Task,
    asked_by: String,
    started_at: DateTime<Utc>,
    asked: Instant,
    selected: Vec<i32>,
    refresh_run: Option<i64>,
    overdue: bool,
}

impl Store {
    /// Lets the organisation's runs of tasks go on that can. Returns how many moved.
    pub async fn advance_task_runs(&self, org: OrgKey, limits: &Limits) -> StoreResult<usize> {
        let ready = sqlx::query!(
            r#"-- task.ready
            SELECT run.task_run_key, task.actions
            FROM task_run AS run
            INNER JOIN task ON task.task_key = run.task_key
            LEFT JOIN sync_run AS refresh ON refresh.run_key = run.refresh_run_key
            WHERE task.org_key = $1 AND run.finished_at IS NULL
                AND CASE run.state
                    WHEN 'refreshing' THEN
                        run.waits_until < clock_timestamp() OR refresh.phase = 'completed'
                        OR refresh.finished_at < clock_timestamp() - make_interval(secs => least(300, power(2, run.refreshes) - 2))
                    ELSE NOT EXISTS (
                        SELECT FROM operation AS o WHERE o.task_run_key = run.task_run_key AND o.finished_at IS NULL
                    )
                END
            ORDER BY run.task_run_key"#,
            org.0
        );
        let (mut moved, mut outcome) = (0, Ok(()));
        for row in ready.fetch_all(&self.pool).await? {
            match self.advance_task_run(org, TaskRunKey(row.task_run_key), row.actions, limits).await {
                Ok(did) => moved += usize::from(did),
                // One task's trouble is not the others'.
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome.map(|()| moved)
    }

    async fn advance_task_run(
        &self,
        org: OrgKey,
        run: TaskRunKey,
        actions: serde_json::Value,
        limits: &Limits,
    ) -> StoreResult<bool> {
        // Keys are committed before they are used. What a task does never changes.
        let actions: Vec<orgmirror_domain::action::Action> =
            serde_json::from_value(actions).map_err(|source| StoreError::Json { column: "task.actions", source })?;
        let mut groups = Vec::with_capacity(actions.len());
        for action in &actions {
            groups.push(self.group_of(org, action).await?);
        }
        let around = Around { org, limits, groups };
        transact!(self, |tx| {
            let Some(locked) = lock(tx, run).await? else { return Ok(false) };
            match locked.state {
                TaskRunState::Refreshing => after_refresh(tx, &around, &locked).await,
                TaskRunState::Acting => after_step(tx, &around, &locked).await,
                TaskRunState::Done | TaskRunState::Failed | TaskRunState::Cancelled => Ok(false),
            }
        })
    }
}

async fn lock(tx: &mut Tx, run: TaskRunKey) -> StoreResult<Option<Locked>> {
    let row = sqlx::query!(
        r#"-- task.lock_run
        SELECT
            run.state::text AS "state!", task.name, task.filter, task.actions, task.schedule, task.max_items, run.asked_by, run.started_at,
            run.asked, run.selected, run.refresh_run_key, run.waits_until < clock_timestamp() AS "overdue!"
        FROM task_run AS run
        INNER JOIN task ON task.task_key = run.task_key
        WHERE run.task_run_key = $1 AND run.finished_at IS NULL
        FOR UPDATE OF run SKIP LOCKED"#,
        run.0
    );
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(None) };
    let (name, filter, actions, schedule, max_items) = (row.name, row.filter, row.actions, row.schedule, row.max_items);
    Ok(Some(Locked {
        run,
        state: row.state.parse()?,
        task: Task::try_from(Columns { name, filter, actions, schedule, max_items })?,
        asked_by: row.asked_by,
        started_at: row.started_at,
        asked: Instant(row.asked),
        selected: row.selected,
        refresh_run: row.refresh_run_key,
        overdue: row.overdue,
    }))
}

/// Its accounts were read, or could not be.
async fn after_refresh(tx: &mut Tx, around: &Around<'_>, run: &Locked) -> StoreResult<bool> {
    let refresh = sqlx::query!(
        r#"-- task.refresh
        SELECT run_id, phase::text AS "phase!", hold_reason, failure FROM sync_run WHERE run_key = $1"#,
        run.refresh_run
    );
    let refresh = refresh.fetch_optional(&mut **tx).await?;
    let phase: Option<Phase> = refresh.as_ref().map(|refresh| refresh.phase.parse()).transpose()?;
    if phase == Some(Phase::Completed) {
        return choose(tx, around, run).await;
    }
    if run.overdue {
        let why = refresh.map(|refresh| {
            let is = refresh.hold_reason.or(refresh.failure).unwrap_or_else(|| format!("it is {}", refresh.phase));
            format!("run {} should have read them: {is}", refresh.run_id)
        });
        let why = why.unwrap_or_else(|| "no run is there to read them".to_owned());
        let reason = format!("its accounts were not read in time, so nothing was done; {why}");
        return end(tx, around.org, run, TaskRunEvent::GaveUp, Some(&reason)).await;
    }
    if phase.is_none_or(Phase::has_ended) {
        return refresh_again(tx, around.org, run).await;
    }
    Ok(false)
}

/// The run that should have read the accounts has ended without doing so.
async fn refresh_again(tx: &mut Tx, org: OrgKey, run: &Locked) -> StoreResult<bool> {
    let ids = sqlx::query_scalar!(
        r#"-- task.selected_ids
        SELECT account_id FROM account_key WHERE account_key = ANY ($1)"#,
        &run.selected
    );
    let ids = ids.fetch_all(&mut **tx).await?;
    let refresh = start::refresh(tx, org, &ids).await?;
    sqlx::query!(
        r#"-- task.refresh_again
        UPDATE task_run SET refresh_run_key = $2, refreshes = least(refreshes + 1, 30) WHERE task_run_key = $1"#,
        run.run.0,
        refresh
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// Chooses again, on what was read since, and asks for the first operation.
async fn choose(tx: &mut Tx, around: &Around<'_>, run: &Locked) -> StoreResult<bool> {
    // Ages count back from the same moment as at first, so that nobody comes or goes by the clock alone.
    let selection = match Selection::find(tx, around.org, &run.task.filter, run.started_at).await {
        Ok(selection) => selection,
        Err(error @ StoreError::UnknownName { .. }) => {
            return end(tx, around.org, run, TaskRunEvent::GaveUp, Some(&error.to_string())).await;
        }
        Err(error) => return Err(error),
    };
    let kept = selection.matching(tx, &run.selected).await?;
    let (appeared, appeared_count) = selection.others(tx, &run.selected, LISTED).await?;
    let dropped: Vec<i32> = {
        let kept: HashSet<i32> = kept.iter().copied().collect();
        run.selected.iter().copied().filter(|account| !kept.contains(account)).collect()
    };
    sqlx::query!(
        r#"-- task.chosen
        UPDATE task_run SET dropped = $2, appeared = $3, appeared_count = $4, chosen_at = clock_timestamp() WHERE task_run_key = $1"#,
        run.run.0,
        &dropped,
        &appeared,
        appeared_count
    )
    .execute(&mut **tx)
    .await?;
    if kept.is_empty() {
        return end(tx, around.org, run, TaskRunEvent::NobodyLeft, Some("nobody who was chosen matched any more when read anew"))
            .await;
    }
    let step = Step { task_run: run.run, number: 1, asked: Some(run.asked) };
    act(tx, around, run, step, &kept, TaskRunEvent::Chosen).await
}

/// An operation has ended: the next one, if there is one.
async fn after_step(tx: &mut Tx, around: &Around<'_>, run: &Locked) -> StoreResult<bool> {
    let last = sqlx::query!(
        r#"-- task.last_step
        SELECT operation_key, state::text AS "state!", step AS "step!" FROM operation
        WHERE task_run_key = $1
        ORDER BY step DESC LIMIT 1"#,
        run.run.0
    );
    let last = last.fetch_one(&mut **tx).await?;
    let state: OperationState = last.state.parse()?;
    if !state.has_ended() {
        return Ok(false);
    }
    if state == OperationState::Cancelled {
        return end(tx, around.org, run, TaskRunEvent::Stopped, Some("its operation was cancelled")).await;
    }
    if usize::from(last.step.unsigned_abs()) >= run.task.actions.len() {
        return end(tx, around.org, run, TaskRunEvent::Finished, None).await;
    }
    let accounts = sqlx::query_scalar!(
        r#"-- task.next_accounts
        SELECT account_key FROM operation_item
        WHERE operation_key = $1 AND state IN ('done', 'already_so') AND difference IS NULL
        ORDER BY item_key"#,
        last.operation_key
    );
    let accounts = accounts.fetch_all(&mut **tx).await?;
    if accounts.is_empty() {
        let reason = "the action before was done for nobody, so there is nobody for the next one";
        return end(tx, around.org, run, TaskRunEvent::Finished, Some(reason)).await;
    }
    let step = Step { task_run: run.run, number: last.step + 1, asked: None };
    act(tx, around, run, step, &accounts, TaskRunEvent::StepEnded).await
}

/// Asks for the operation of a step.
async fn act(
    tx: &mut Tx,
    around: &Around<'_>,
    run: &Locked,
    step: Step,
    accounts: &[i32],
    event: TaskRunEvent,
) -> StoreResult<bool> {
    let position = usize::from(step.number.unsigned_abs()).saturating_sub(1);
    let Some(action) = run.task.actions.get(position) else { return Ok(false) };
    let state = match around.limits.admit(accounts.len()) {
        Admitted::AtOnce => OperationState::Running,
        Admitted::WithApproval => OperationState::Approval,
        Admitted::TooMany => {
            let reason =
                format!("{} accounts are more than one operation may change ({})", accounts.len(), around.limits.max_items);
            return end(tx, around.org, run, TaskRunEvent::GaveUp, Some(&reason)).await;
        }
    };
    // What the first action changes may well be what the filter looks at, so it is asked before the first alone.
    let filter: Option<&Filter> = Some(&run.task.filter).filter(|_| step.number == 1);
    let new = New {
        id: new_id(),
        action,
        group: around.groups.get(position).copied().flatten(),
        accounts,
        requested_by: &run.asked_by,
        state,
        filter,
        step: Some(step),
    };
    insert(tx, around.org, &new, around.limits).await?;
    let Some(next) = run.state.after(event) else { return Ok(false) };
    sqlx::query!(
        r#"-- task.act
        UPDATE task_run SET state = $2::text::task_run_state WHERE task_run_key = $1"#,
        run.run.0,
        next.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

async fn end(tx: &mut Tx, org: OrgKey, run: &Locked, event: TaskRunEvent, reason: Option<&str>) -> StoreResult<bool> {
    let Some(next) = run.state.after(event) else { return Ok(false) };
    let ended = sqlx::query!(
        r#"-- task.end
        UPDATE task_run SET state = $2::text::task_run_state, reason = $3, finished_at = clock_timestamp() WHERE task_run_key = $1
        RETURNING
            task_run_id, cardinality(selected) AS "selected!", cardinality(dropped) AS dropped, appeared_count"#,
        run.run.0,
        next.as_str(),
        reason
    );
    let ended = ended.fetch_one(&mut **tx).await?;
    // What came due meanwhile begins at the next look.
    sqlx::query!("SELECT notify_run(0)").execute(&mut **tx).await?;
    let detail = json!({
        "run": ended.task_run_id, "state": next, "reason": reason, "selected": ended.selected, "dropped": ended.dropped,
        "appeared": ended.appeared_count, "asked": run.asked.0
    });
    audit::append(tx, org, &Actor::system(), Event::TaskRunEnded, &run.task.name, &detail).await?;
    Ok(true)
}
