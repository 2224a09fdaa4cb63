//! What people do with a task: make it, switch it on and off, delete it, ask for a run.

use chrono::{DateTime, Utc};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{OrgKey, TaskKey};
use orgmirror_domain::name::Name;
use orgmirror_domain::task::{Task, TaskRunEvent, TaskRunState};
use serde_json::json;

use super::saved;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, audit};

impl Store {
    /// Keeps a task. What its schedule planned before this moment is not caught up. [`StoreError::Taken`] if the name is.
    pub async fn create_task(&self, org: OrgKey, task: &Task, active: bool, by: &Actor) -> StoreResult<TaskKey> {
        let actions =
            serde_json::to_value(&task.actions).map_err(|source| StoreError::Json { column: "task.actions", source })?;
        transact!(self, |tx| {
            let now = now(tx).await?;
            let made = sqlx::query_scalar!(
                r#"-- task.create
                INSERT INTO task (org_key, name, filter, actions, schedule, max_items, active, asked_by, handled_at, next_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                ON CONFLICT (org_key, name) WHERE deleted_at IS NULL DO NOTHING
                RETURNING task_key"#,
                org.0,
                task.name.as_str(),
                task.filter.to_string(),
                actions,
                task.schedule.to_string(),
                i32::try_from(task.max_items).unwrap_or(i32::MAX),
                active,
                by.name,
                now,
                task.schedule.next_after(now).filter(|_| active)
            );
            let Some(made) = made.fetch_optional(&mut **tx).await? else {
                return Err(StoreError::Taken { what: "task", name: task.name.to_string() });
            };
            let detail = json!({
                "filter": task.filter, "actions": task.actions, "schedule": task.schedule, "max_items": task.max_items, "active": active
            });
            audit::append(tx, org, by, Event::TaskCreated, &task.name, &detail).await?;
            Ok(TaskKey(made))
        })
    }

    /// Lets the schedule start a task, from this moment on. Whoever switches it on asks for what it does.
    pub async fn enable_task(&self, org: OrgKey, name: &Name, by: &Actor) -> StoreResult<()> {
        transact!(self, |tx| {
            let task = lock(tx, org, name).await?;
            let now = now(tx).await?;
            sqlx::query!(
                r#"-- task.enable
                UPDATE task SET active = true, handled_at = $2, next_at = $3, asked_by = $4 WHERE task_key = $1 AND NOT active"#,
                task.key.0,
                now,
                task.schedule.next_after(now),
                by.name
            )
            .execute(&mut **tx)
            .await?;
            audit::append(tx, org, by, Event::TaskEnabled, name, &json!({})).await
        })
    }

    /// Switches a task off, and stops a run that has not chosen yet. Operations that were asked for go on: they are cancelled by themselves.
    pub async fn disable_task(&self, org: OrgKey, name: &Name, by: &Actor) -> StoreResult<()> {
        transact!(self, |tx| {
            let task = lock(tx, org, name).await?;
            sqlx::query!(
                r#"-- task.disable
                UPDATE task SET active = false, next_at = NULL, run_asked_by = NULL WHERE task_key = $1"#,
                task.key.0
            )
            .execute(&mut **tx)
            .await?;
            stop_refreshing(tx, task.key, "the task was switched off").await?;
            audit::append(tx, org, by, Event::TaskDisabled, name, &json!({})).await
        })
    }

    /// Deletes a task as [`Store::disable_task`] would switch it off; the log of its runs is kept.
    pub async fn delete_task(&self, org: OrgKey, name: &Name, by: &Actor) -> StoreResult<()> {
        transact!(self, |tx| {
            let task = lock(tx, org, name).await?;
            sqlx::query!(
                r#"-- task.delete
                UPDATE task SET active = false, next_at = NULL, run_asked_by = NULL, deleted_at = clock_timestamp() WHERE task_key = $1"#,
                task.key.0
            )
            .execute(&mut **tx)
            .await?;
            stop_refreshing(tx, task.key, "the task was deleted").await?;
            audit::append(tx, org, by, Event::TaskDeleted, name, &json!({})).await
        })
    }

    /// Asks for a run beside the schedule. It begins at the next look of a coordinator, or when the present run has ended.
    pub async fn ask_for_task_run(&self, org: OrgKey, name: &Name, by: &Actor) -> StoreResult<()> {
        transact!(self, |tx| {
            let task = lock(tx, org, name).await?;
            sqlx::query!(
                r#"-- task.ask_for_run
                UPDATE task SET run_asked_by = $2 WHERE task_key = $1"#,
                task.key.0,
                by.name
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!("SELECT notify_run(0)").execute(&mut **tx).await?;
            audit::append(tx, org, by, Event::TaskRunRequested, name, &json!({})).await
        })
    }
}

struct Locked {
    key: TaskKey,
    schedule: orgmirror_domain::schedule::Schedule,
}

async fn lock(tx: &mut Tx, org: OrgKey, name: &Name) -> StoreResult<Locked> {
    let row = sqlx::query!(
        r#"-- task.lock
        SELECT task_key, schedule FROM task WHERE org_key = $1 AND name = $2 AND deleted_at IS NULL FOR UPDATE"#,
        org.0,
        name.as_str()
    );
    let row = row.fetch_optional(&mut **tx).await?;
    let row = row.ok_or_else(|| StoreError::NotFound { what: "task", id: name.to_string() })?;
    Ok(Locked { key: TaskKey(row.task_key), schedule: row.schedule.parse().map_err(|source| saved("task.schedule", source))? })
}

/// The run of a task that waits for its accounts to be read does nothing any more.
async fn stop_refreshing(tx: &mut Tx, task: TaskKey, reason: &str) -> StoreResult<()> {
    let Some(next) = TaskRunState::Refreshing.after(TaskRunEvent::Stopped) else { return Ok(()) };
    sqlx::query!(
        r#"-- task.stop_refreshing
        UPDATE task_run SET state = $2::text::task_run_state, reason = $3, finished_at = clock_timestamp()
        WHERE task_key = $1 AND state = 'refreshing'"#,
        task.0,
        next.as_str(),
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn now(tx: &mut Tx) -> StoreResult<DateTime<Utc>> {
    let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#);
    Ok(now.fetch_one(&mut **tx).await?)
}
