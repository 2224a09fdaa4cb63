//! Tasks and the log of their runs, as people see them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{GroupId, OperationId, OrgKey, RunId, TaskRunId, TaskRunKey};
use orgmirror_domain::name::Name;
use orgmirror_domain::operation::OperationState;
use orgmirror_domain::task::{Task, TaskRunState};
use serde::Serialize;
use uuid::Uuid;

use super::Columns;
use crate::{Store, StoreError, StoreResult};

/// A task.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TaskView {
    /// Its name.
    pub name: Name,
    /// All of it in a sentence.
    pub sentence: String,
    /// Whom it is about.
    pub filter: String,
    /// What is done, in this order.
    #[schema(value_type = Vec<Object>)]
    pub actions: Vec<Action>,
    /// When, as it is written.
    pub schedule: String,
    /// A run that chooses more accounts does nothing.
    pub max_items: u32,
    /// Whether the schedule starts it.
    pub active: bool,
    /// Who made it or switched it on last.
    pub asked_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The next run by the schedule; null if it is switched off or nothing is planned any more.
    pub next_at: Option<DateTime<Utc>>,
    /// Who asked for a run that has not begun.
    pub run_asked_by: Option<String>,
    /// The newest run.
    pub last_run: Option<TaskRunView>,
}

/// A run of a task.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TaskRunView {
    /// Its id.
    pub id: TaskRunId,
    /// Its row, after which the log's next page begins.
    #[serde(skip)]
    pub key: TaskRunKey,
    /// Name of its task.
    pub task: String,
    /// Where it stands.
    pub state: TaskRunState,
    /// The moment of the schedule that it is for; null if a person asked.
    pub planned_at: Option<DateTime<Utc>>,
    /// Who asked.
    pub asked_by: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How many accounts the filter chose then.
    pub selected: i64,
    /// The run that reads them anew.
    pub refresh: Option<RunId>,
    /// When it chose again.
    pub chosen_at: Option<DateTime<Utc>>,
    /// How many of them did not match any more.
    pub dropped: Option<i64>,
    /// How many matched only then.
    pub appeared: Option<i64>,
    /// Its operations, one for each action so far.
    pub operations: Vec<StepView>,
    /// Why it failed, was stopped, or had nothing to do.
    pub reason: Option<String>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An operation of a run.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StepView {
    /// Its id.
    pub id: OperationId,
    /// Where it stands.
    pub state: OperationState,
    /// Accounts for which it was done, or was so already.
    pub done: i64,
    /// Accounts for which the API refused it, or a person has to look.
    pub failed: i64,
}

/// An account that a run lists.
#[derive(Clone, Debug, Serialize)]
pub struct ListedAccount {
    /// Its id.
    pub account_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub email: Option<String>,
}

/// Whom a run did not act on although they matched once.
#[derive(Clone, Debug, Serialize)]
pub struct TaskRunLists {
    /// Chosen at first, and not when read anew.
    pub dropped: Vec<ListedAccount>,
    /// Matching only when read anew; at most a thousand.
    pub appeared: Vec<ListedAccount>,
}

impl Store {
    /// Tasks by name; one alone if named.
    pub async fn tasks(&self, org: OrgKey, one: Option<&Name>) -> StoreResult<Vec<TaskView>> {
        let rows = sqlx::query!(
            r#"-- task.views
            SELECT
                task.name, task.filter, task.actions, task.schedule, task.max_items, task.active, task.asked_by, task.created_at, task.next_at,
                task.run_asked_by, last.task_run_key AS "last?"
            FROM task
            LEFT JOIN LATERAL (
                SELECT task_run_key FROM task_run AS run WHERE run.task_key = task.task_key ORDER BY task_run_key DESC LIMIT 1
            ) AS last ON true
            WHERE task.org_key = $1 AND task.deleted_at IS NULL AND ($2::text IS NULL OR task.name = $2)
            ORDER BY task.name"#,
            org.0,
            one.map(Name::as_str)
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let last: Vec<i64> = rows.iter().filter_map(|row| row.last).collect();
        let mut runs: HashMap<i64, TaskRunView> =
            self.task_runs_of(&last).await?.into_iter().map(|run| (run.key.0, run)).collect();
        let mut tasks = Vec::with_capacity(rows.len());
        for row in rows {
            let (name, filter, actions, schedule, max_items) = (row.name, row.filter, row.actions, row.schedule, row.max_items);
            let task = Task::try_from(Columns { name, filter, actions, schedule, max_items })?;
            tasks.push((
                task,
                (row.active, row.asked_by, row.created_at, row.next_at, row.run_asked_by),
                row.last.and_then(|key| runs.remove(&key)),
            ));
        }
        let names = self.group_names(org, tasks.iter().flat_map(|(task, ..)| &task.actions)).await?;
        let view = |(task, row, last_run): (Task, OfTask, Option<TaskRunView>)| {
            let (active, asked_by, created_at, next_at, run_asked_by) = row;
            TaskView {
                sentence: task.sentence(|action| action.group().and_then(|group| names.get(&group).cloned())),
                filter: task.filter.to_string(),
                schedule: task.schedule.to_string(),
                name: task.name,
                actions: task.actions,
                max_items: task.max_items,
                active,
                asked_by,
                created_at,
                next_at,
                run_asked_by,
                last_run,
            }
        };
        Ok(tasks.into_iter().map(view).collect())
    }

    /// At most `limit` runs of a task, newest first, those before `before`.
    pub async fn task_runs(
        &self,
        org: OrgKey,
        task: &Name,
        before: Option<TaskRunKey>,
        limit: u16,
    ) -> StoreResult<Vec<TaskRunView>> {
        let keys = sqlx::query_scalar!(
            r#"-- task.log
            SELECT run.task_run_key
            FROM task INNER JOIN task_run AS run ON run.task_key = task.task_key
            WHERE task.org_key = $1 AND task.name = $2 AND task.deleted_at IS NULL AND ($3::bigint IS NULL OR run.task_run_key < $3)
            ORDER BY run.task_run_key DESC
            LIMIT $4"#,
            org.0,
            task.as_str(),
            before.map(|run| run.0),
            i64::from(limit)
        );
        self.task_runs_of(&keys.fetch_all(&self.pool).await?).await
    }

    /// The run with that id.
    pub async fn task_run(&self, org: OrgKey, run: TaskRunId) -> StoreResult<TaskRunView> {
        let key = sqlx::query_scalar!(
            r#"-- task.run_key
            SELECT run.task_run_key FROM task_run AS run INNER JOIN task ON task.task_key = run.task_key
            WHERE run.task_run_id = $1 AND task.org_key = $2"#,
            run.0,
            org.0
        );
        let key: Vec<i64> = key.fetch_all(&self.pool).await?;
        let run_view = self.task_runs_of(&key).await?.pop();
        run_view.ok_or_else(|| StoreError::NotFound { what: "run of a task", id: run.to_string() })
    }

    /// Whom a run did not act on although they matched once.
    pub async fn task_run_lists(&self, run: TaskRunKey) -> StoreResult<TaskRunLists> {
        let rows = sqlx::query!(
            r#"-- task.lists
            SELECT listed.dropped AS "dropped!", k.account_id, a.name AS "name?", a.email AS "email?"
            FROM task_run AS run
            CROSS JOIN LATERAL (
                SELECT unnest(run.dropped) AS key, true AS dropped
                UNION ALL
                SELECT unnest(run.appeared), false
            ) AS listed
            INNER JOIN account_key AS k ON k.account_key = listed.key
            LEFT JOIN account AS a ON a.account_key = k.account_key
            WHERE run.task_run_key = $1
            ORDER BY k.account_key"#,
            run.0
        );
        let mut lists = TaskRunLists { dropped: Vec::new(), appeared: Vec::new() };
        for row in rows.fetch_all(&self.pool).await? {
            let list = if row.dropped { &mut lists.dropped } else { &mut lists.appeared };
            list.push(ListedAccount { account_id: row.account_id, name: row.name, email: row.email });
        }
        Ok(lists)
    }

    /// Runs by key, newest first.
    async fn task_runs_of(&self, keys: &[i64]) -> StoreResult<Vec<TaskRunView>> {
        let rows = sqlx::query!(
            r#"-- task.run_views
            SELECT
                run.task_run_key, run.task_run_id, task.name, run.state::text AS "state!", run.planned_at, run.asked_by, run.started_at,
                cardinality(run.selected)::bigint AS "selected!", refresh.run_id AS "refresh?", run.chosen_at,
                cardinality(run.dropped)::bigint AS dropped, run.appeared_count, run.reason, run.finished_at,
                steps.ids AS "ids!", steps.states AS "states!", steps.done AS "done!", steps.failed AS "failed!"
            FROM task_run AS run
            INNER JOIN task ON task.task_key = run.task_key
            LEFT JOIN sync_run AS refresh ON refresh.run_key = run.refresh_run_key
            CROSS JOIN LATERAL (
                SELECT
                    coalesce(array_agg(o.operation_id ORDER BY o.step), '{}') AS ids,
                    coalesce(array_agg(o.state::text ORDER BY o.step), '{}') AS states,
                    coalesce(array_agg(items.done ORDER BY o.step), '{}') AS done,
                    coalesce(array_agg(items.failed ORDER BY o.step), '{}') AS failed
                FROM operation AS o
                CROSS JOIN LATERAL (
                    SELECT
                        count(*) FILTER (WHERE i.state IN ('done', 'already_so')) AS done, count(*) FILTER (WHERE i.state = 'failed') AS failed
                    FROM operation_item AS i WHERE i.operation_key = o.operation_key
                ) AS items
                WHERE o.task_run_key = run.task_run_key
            ) AS steps
            WHERE run.task_run_key = ANY ($1)
            ORDER BY run.task_run_key DESC"#,
            keys
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                let (counts, steps) = (row.done.into_iter().zip(row.failed), row.ids.into_iter().zip(row.states));
                let operations: Result<Vec<StepView>, StoreError> = steps
                    .zip(counts)
                    .map(|((id, state), (done, failed))| {
                        Ok(StepView { id: OperationId(id), state: state.parse()?, done, failed })
                    })
                    .collect();
                Ok(TaskRunView {
                    id: TaskRunId(row.task_run_id),
                    key: TaskRunKey(row.task_run_key),
                    task: row.name,
                    state: row.state.parse()?,
                    planned_at: row.planned_at,
                    asked_by: row.asked_by,
                    started_at: row.started_at,
                    selected: row.selected,
                    refresh: row.refresh.map(RunId),
                    chosen_at: row.chosen_at,
                    dropped: row.dropped,
                    appeared: row.appeared_count,
                    operations: operations?,
                    reason: row.reason,
                    finished_at: row.finished_at,
                })
            })
            .collect()
    }

    /// Names of the groups that these actions are about, as far as the mirror has them.
    pub async fn group_names(
        &self,
        org: OrgKey,
        actions: impl Iterator<Item = &Action>,
    ) -> StoreResult<HashMap<GroupId, String>> {
        let ids: Vec<Uuid> = actions.filter_map(Action::group).map(|group| group.0).collect();
        let rows = sqlx::query!(
            r#"-- task.group_names
            SELECT k.group_id, g.name AS "name!" FROM group_key AS k
            INNER JOIN org_group AS g ON g.group_key = k.group_key
            WHERE k.org_key = $1 AND k.group_id = ANY ($2) AND g.name IS NOT NULL"#,
            org.0,
            &ids
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(|row| (GroupId(row.group_id), row.name)).collect())
    }
}

/// What is kept of a task beside what was asked for: whether it is active, who made it, when, when it comes due, who asked for a run of it.
type OfTask = (bool, String, DateTime<Utc>, Option<DateTime<Utc>>, Option<String>);
