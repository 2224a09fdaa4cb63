//! A task's run begins: it draws its instant, chooses accounts, and lets exactly those be read anew.

use chrono::{DateTime, Utc};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{Instant, OrgKey, TaskKey, TaskRunId};
use orgmirror_domain::operation::{Limits, scoped_is_cheaper};
use orgmirror_domain::run::RunKind;
use orgmirror_domain::task::{Task, TaskRunEvent, TaskRunState};
use serde_json::json;
use uuid::Uuid;

use super::Columns;
use crate::filter::Selection;
use crate::operation::needs::calls_of_a_full_run;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, audit, request};

/// What a run begins with.
enum Beginning {
    /// These accounts are read first.
    Refreshing { accounts: Vec<i32>, run: i64 },
    /// It has nothing to do, for that reason.
    NobodyLeft(String),
    /// It does nothing, for that reason.
    GaveUp(String),
}

/// A task that is due, locked.
struct Due {
    task: Task,
    planned: Option<DateTime<Utc>>,
    asked_by: String,
    now: DateTime<Utc>,
}

impl Store {
    /// Starts the runs of tasks that are due, or that somebody asked for. What was missed is caught up by one run; what comes due while a
    /// run of the same task is open begins after it. Returns how many began.
    pub async fn start_due_tasks(&self, org: OrgKey, limits: &Limits) -> StoreResult<usize> {
        let due = sqlx::query_scalar!(
            r#"-- task.due
            SELECT task_key FROM task
            WHERE org_key = $1 AND deleted_at IS NULL AND (next_at <= clock_timestamp() OR run_asked_by IS NOT NULL)
                AND NOT EXISTS (SELECT FROM task_run AS run WHERE run.task_key = task.task_key AND run.finished_at IS NULL)
            ORDER BY task_key"#,
            org.0
        );
        let mut began = 0;
        let mut outcome = Ok(());
        for task in due.fetch_all(&self.pool).await? {
            match self.start_task(org, TaskKey(task), limits).await {
                Ok(started) => began += usize::from(started),
                // One task's trouble is not the others'.
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome.map(|()| began)
    }

    async fn start_task(&self, org: OrgKey, key: TaskKey, limits: &Limits) -> StoreResult<bool> {
        transact!(self, |tx| {
            let Some(due) = lock_due(tx, key).await? else { return Ok(false) };
            // Before anything is chosen: whatever is read from here on is newer.
            let asked = sqlx::query_scalar!(r#"SELECT nextval('instant') AS "instant!""#).fetch_one(&mut **tx).await?;
            let beginning = begin(tx, org, &due, limits).await?;
            let run = store_run(tx, key, &due, Instant(asked), &beginning, limits).await?;
            sqlx::query!(
                r#"-- task.handled
                UPDATE task
                SET run_asked_by = NULL, handled_at = CASE WHEN active THEN $2 ELSE handled_at END,
                    next_at = CASE WHEN active THEN $3::timestamptz END
                WHERE task_key = $1"#,
                key.0,
                due.now,
                due.task.schedule.next_after(due.now)
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!("SELECT notify_run(0)").execute(&mut **tx).await?;
            if let Beginning::NobodyLeft(reason) | Beginning::GaveUp(reason) = &beginning {
                let detail = json!({ "run": run, "reason": reason, "asked": asked });
                audit::append(tx, org, &Actor::system(), Event::TaskRunEnded, &due.task.name, &detail).await?;
            }
            Ok(true)
        })
    }
}

/// Locks a task against other coordinators; `None` if there is nothing to start by now.
async fn lock_due(tx: &mut Tx, key: TaskKey) -> StoreResult<Option<Due>> {
    let row = sqlx::query!(
        r#"-- task.lock_due
        SELECT name, filter, actions, schedule, max_items, active, asked_by, handled_at, run_asked_by
        FROM task WHERE task_key = $1 AND deleted_at IS NULL
        FOR UPDATE SKIP LOCKED"#,
        key.0
    );
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(None) };
    // A statement of its own, after the lock.
    let state = sqlx::query!(
        r#"-- task.is_open
        SELECT
            clock_timestamp() AS "now!",
            EXISTS (SELECT FROM task_run AS run WHERE run.task_key = $1 AND run.finished_at IS NULL) AS "open!""#,
        key.0
    );
    let state = state.fetch_one(&mut **tx).await?;
    if state.open {
        return Ok(None);
    }
    let (name, filter, actions, schedule, max_items) = (row.name, row.filter, row.actions, row.schedule, row.max_items);
    let task = Task::try_from(Columns { name, filter, actions, schedule, max_items })?;
    let planned = task.schedule.due(row.handled_at, state.now).filter(|_| row.active);
    let asked_by = match (row.run_asked_by, planned) {
        (Some(person), _) => person,
        (None, Some(_)) => row.asked_by,
        // Within a window, or another coordinator was faster.
        (None, None) => return Ok(None),
    };
    Ok(Some(Due { task, planned, asked_by, now: state.now }))
}

async fn begin(tx: &mut Tx, org: OrgKey, due: &Due, limits: &Limits) -> StoreResult<Beginning> {
    let selection = match Selection::find(tx, org, &due.task.filter, due.now).await {
        Ok(selection) => selection,
        Err(error @ StoreError::UnknownName { .. }) => return Ok(Beginning::GaveUp(error.to_string())),
        Err(error) => return Err(error),
    };
    let max = usize::try_from(due.task.max_items).unwrap_or(usize::MAX).min(limits.max_items);
    let chosen = selection.chosen(tx, max.saturating_add(1)).await?;
    if chosen.len() > max {
        return Ok(Beginning::GaveUp(format!(
            "more than {max} accounts match, which is the most that a run may change; nothing was done"
        )));
    }
    if chosen.is_empty() {
        return Ok(Beginning::NobodyLeft("nobody matches the filter".to_owned()));
    }
    let (accounts, ids): (Vec<i32>, Vec<String>) = chosen.into_iter().map(|(key, id)| (key.0, id.0)).unzip();
    let run = refresh(tx, org, &ids).await?;
    Ok(Beginning::Refreshing { accounts, run })
}

/// Asks for a reading of these accounts, or of everybody where that costs fewer calls.
pub(super) async fn refresh(tx: &mut Tx, org: OrgKey, accounts: &[String]) -> StoreResult<i64> {
    let full = calls_of_a_full_run(tx, org).await?;
    let run = if scoped_is_cheaper(accounts.len() as u64, full) {
        request::scoped_run(tx, org, RunKind::PreOperation, "accounts", accounts).await?.0
    } else {
        request::join_pending(tx, org, RunKind::PreOperation).await?.0
    };
    sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
    Ok(run.0)
}

async fn store_run(
    tx: &mut Tx,
    key: TaskKey,
    due: &Due,
    asked: Instant,
    beginning: &Beginning,
    limits: &Limits,
) -> StoreResult<TaskRunId> {
    let start = TaskRunState::Refreshing;
    let (state, accounts, run, reason) = match beginning {
        Beginning::Refreshing { accounts, run } => (Some(start), accounts.as_slice(), Some(*run), None),
        Beginning::NobodyLeft(reason) => (start.after(TaskRunEvent::NobodyLeft), [].as_slice(), None, Some(reason)),
        Beginning::GaveUp(reason) => (start.after(TaskRunEvent::GaveUp), [].as_slice(), None, Some(reason)),
    };
    let (state, id) = (state.unwrap_or(start), TaskRunId(Uuid::now_v7()));
    sqlx::query!(
        r#"-- task.run
        INSERT INTO task_run (
            task_run_id, task_key, state, planned_at, asked_by, started_at, asked, selected, refresh_run_key, refreshes, waits_until, reason,
            finished_at
        )
        VALUES (
            $1, $2, $3::text::task_run_state, $4, $5, $6, $7, $8, $9, 1, $6::timestamptz + make_interval(secs => $10), $11,
            CASE WHEN $12 THEN clock_timestamp() END
        )"#,
        id.0,
        key.0,
        state.as_str(),
        due.planned,
        due.asked_by,
        due.now,
        asked.0,
        accounts,
        run,
        limits.patience.as_secs_f64(),
        reason,
        state.has_ended()
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}
