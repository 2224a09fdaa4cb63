//! Automated tasks: selected, refreshed, selected again; started once, and each step for those alone for whom the one before was done.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use orgmirror_domain::action::Action;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::GroupId;
use orgmirror_domain::item::{ItemState, SkipReason};
use orgmirror_domain::name::Name;
use orgmirror_domain::operation::OperationState;
use orgmirror_domain::task::{Task, TaskRunState};
use orgmirror_store::task::view::TaskRunView;
use orgmirror_tests::{ASKER, Processes, Size, World, limits, until};
use serde_json::{Value, json};

/// The task that starts before its sync ends. A full sync is under way when the task comes due, and has read an account already; then the
/// account becomes an organisation admin elsewhere. The task neither waits for that sync nor acts on what it read.
/// Method: hold the sync in its scan; change the account; let the task come due. The admin drops out, the others are suspended.
#[tokio::test(flavor = "multi_thread")]
async fn the_task_that_starts_before_its_sync_ends() -> Result<()> {
    let (world, _services) = World::of(Size::of(400, 100)).await?;
    let (group, members) = world.group_with_members(8).await?;
    world.sync().await?;
    let directory = world.store.directories(world.org).await?.swap_remove(0).0;
    let name = world.task(&format!("group:{group} -is:admin"), vec![Action::Suspend { directory }]).await?;
    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    let full = world.request().await?;
    world.calls_wait("getGroupRoleAssignments", 1).await?;
    let unread = "SELECT count(*) FROM sync_job AS job INNER JOIN sync_run AS run ON run.run_key = job.run_key
        WHERE run.finished_at IS NULL AND job.kind = 'users_page' AND job.state = 'pending'";
    until("all accounts are read", async || Ok((world.count(unread).await? == 0).then_some(()))).await?;
    world.sim.set_account(&members[0], json!({ "platformRoles": ["atlassian/org-admin"] })).await?;

    world.task_comes_due(&name).await?;
    let run = world.task_run_ended(&name).await?;
    assert_eq!((run.state, run.selected, run.dropped), (TaskRunState::Done, 8, Some(1)), "{run:?}");
    assert!(run.planned_at.is_some());
    let lists = world.store.task_run_lists(run.key).await?;
    assert_eq!(lists.dropped.iter().map(|account| account.account_id.as_str()).collect::<Vec<_>>(), [&members[0]]);
    assert!(!world.run(full).await?.phase.has_ended(), "the task did not wait for the sync");
    world.each_was_written_once(&members[1..]).await?;
    // What was read for the task served its operation too: nothing was read twice before the calls.
    assert_eq!(world.count("SELECT count(*) FROM sync_run WHERE kind = 'pre_operation'").await?, 1);
    world.sim.calm().await?;
    world.sim.release().await?;
    world.completed(full).await?;
    world.assert_mirror_equals_truth().await
}

/// Who matches only after the refresh is listed and left alone; the second action is for those for whom the first was done.
/// Method: begin a run without services; one member leaves the group, another joins; a full sync stands for the refresh. The second
/// action's operation is refused for one account.
#[tokio::test(flavor = "multi_thread")]
async fn only_who_was_chosen_twice_is_acted_on() -> Result<()> {
    let (world, services) = World::of(Size::of(200, 30)).await?;
    let (group, members) = world.group_with_members(5).await?;
    let newcomer = world.group_and_strangers(1).await?.1.remove(0);
    world.sync().await?;
    for service in services {
        service.stop().await;
    }
    let name =
        world.task(&format!("group:{group}"), vec![Action::RemoveFromGroup { group }, Action::AddToGroup { group }]).await?;
    world.store.ask_for_task_run(world.org, &name, &Actor::person("ben")).await?;
    assert_eq!(world.store.start_due_tasks(world.org, &limits()).await?, 1);
    world.sim.leave(&group.to_string(), &members[0]).await?;
    world.sim.join(&group.to_string(), &newcomer).await?;
    world.sim.faults(json!({ "per_operation": { "removeUserFromGroup": { "status": 409, "times": 1 } } })).await?;
    let full = world.request().await?;
    sqlx::query("UPDATE task_run SET refresh_run_key = $1").bind(full.run.0).execute(&world.pool).await?;

    let _services = [world.coordinator(), world.worker(4)];
    let run = world.task_run_ended(&name).await?;
    assert_eq!((run.state, run.selected, run.dropped, run.appeared), (TaskRunState::Done, 5, Some(1), Some(1)), "{run:?}");
    assert_eq!((run.asked_by.as_str(), run.planned_at), ("ben", None));
    let lists = world.store.task_run_lists(run.key).await?;
    assert_eq!((&lists.dropped[0].account_id, &lists.appeared[0].account_id), (&members[0], &newcomer));
    let (first, second) = (world.step(&run, 0).await?, world.step(&run, 1).await?);
    assert_eq!((first.done, first.failed), (3, 1));
    assert_eq!((run.operations[0].done, run.operations[0].failed, run.operations[1].done), (3, 1, 3));
    assert_eq!((second.done, second.pending + second.failed), (3, 0), "the one that failed was not touched again");
    Ok(())
}

/// A task that was missed for days is caught up once, however many coordinators look; what is planned next lies ahead.
#[tokio::test(flavor = "multi_thread")]
async fn a_missed_task_is_caught_up_once() -> Result<()> {
    let (world, _services) = World::of(Size::of(120, 10)).await?;
    let _another = world.coordinator();
    let (group, members) = world.group_with_members(2).await?;
    world.sync().await?;
    let name = world.task(&format!("group:{group}"), vec![Action::RemoveFromGroup { group }]).await?;
    world.task_comes_due(&name).await?;
    let run = world.task_run_ended(&name).await?;
    assert_eq!(run.state, TaskRunState::Done);
    world.each_was_written_once(&members).await?;
    // Both coordinators have looked again since: a sync of ours came and went.
    world.sync().await?;
    assert_eq!(world.count("SELECT count(*) FROM task_run").await?, 1);
    let task = world.store.tasks(world.org, Some(&name)).await?.pop().context("the task")?;
    assert!(task.next_at > Some(world.store.now().await?));
    Ok(())
}

/// A run that would change too many does nothing, and one whose accounts cannot be read gives up; both say why.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_may_not_act_says_why() -> Result<()> {
    let (world, services) = World::of(Size::of(120, 10)).await?;
    let (group, _members) = world.group_with_members(3).await?;
    world.sync().await?;
    let actions = vec![Action::RemoveFromGroup { group }];
    let few = world.task_of(&format!("group:{group}"), actions, 2).await?;
    world.store.ask_for_task_run(world.org, &few, &Actor::person(ASKER)).await?;
    let run = world.task_run_ended(&few).await?;
    assert_eq!(run.state, TaskRunState::Failed);
    assert!(run.reason.as_deref().is_some_and(|reason| reason.starts_with("more than 2 accounts match")), "{run:?}");

    for service in services {
        service.stop().await;
    }
    let unread = world.task(&format!("group:{group}"), vec![Action::RemoveFromGroup { group }]).await?;
    world.store.ask_for_task_run(world.org, &unread, &Actor::person(ASKER)).await?;
    world.store.start_due_tasks(world.org, &limits()).await?;
    sqlx::query("UPDATE task_run SET waits_until = clock_timestamp() WHERE finished_at IS NULL").execute(&world.pool).await?;
    world.store.advance_task_runs(world.org, &limits()).await?;
    let run = world.task_run_ended(&unread).await?;
    assert_eq!(run.state, TaskRunState::Failed);
    assert!(run.reason.as_deref().is_some_and(|reason| reason.contains("not read in time")), "{run:?}");
    assert!(world.sim.writes().await?.is_empty());
    Ok(())
}

/// An operation over a filter asks it once more in the transaction that marks the attempt.
/// Method: one account leaves the group after the operation was asked for, and before anybody reads it.
#[tokio::test(flavor = "multi_thread")]
async fn who_no_longer_matches_is_skipped_by_the_gate() -> Result<()> {
    let (world, services) = World::of(Size::of(200, 30)).await?;
    let (group, members) = world.group_with_members(4).await?;
    let (other, _) = world.group_and_strangers(0).await?;
    assert_eq!(group, other);
    world.sync().await?;
    for service in services {
        service.stop().await;
    }
    let asked = world.operate_by_filter(Action::RemoveFromGroup { group }, &format!("group:{group} -is:admin"), &members).await?;
    world.sim.set_account(&members[0], json!({ "platformRoles": ["atlassian/org-admin"] })).await?;
    let _services = [world.coordinator(), world.worker(4)];
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.done, ended.items.skipped), (OperationState::Settled, 3, 1));
    let skipped = &world.items(asked).await?[&members[0]];
    assert_eq!((skipped.state, skipped.reason), (ItemState::Skipped, Some(SkipReason::NoLongerMatches)));
    world.each_was_written_once(&members[1..]).await
}

/// A task as a person commands it, from its making to its end.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_on_the_command_line() -> Result<()> {
    let processes = Processes::of(Size::of(200, 30)).await?;
    let world = &processes.world;
    let (group, members) = world.group_with_members(2).await?;
    let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?];
    world.sync().await?;
    let run = async |arguments: &[&str]| -> Result<(Option<i32>, Value)> {
        let output = processes.command(&[&["tasks"], arguments, &["--json"]].concat(), &[("USER", "ann")]).await?;
        Ok((output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default()))
    };
    let (filter, action) = (format!("group:{group}"), format!("remove-from-group {group}"));
    let create = ["create", "leavers", "--filter", &filter, "--action", &action, "--schedule", "weekdays 06:00 Europe/Berlin"];
    let (status, task) = run(&create).await?;
    assert_eq!((status, &task["active"], &task["asked_by"]), (Some(0), &Value::from(true), &Value::from("ann")));
    assert!(
        task["sentence"].as_str().is_some_and(|sentence| sentence.starts_with("Every weekday at 06:00 Europe/Berlin, remove"))
    );
    assert_eq!(run(&create).await?.0, Some(1), "the name is taken");
    let wrong = ["create", "other", "--filter", &filter, "--action", "supend", "--schedule", "06:00"];
    assert_eq!(run(&wrong).await?.0, Some(2));

    let (status, ended) = run(&["run", "leavers", "--wait"]).await?;
    assert_eq!((status, &ended["state"], &ended["selected"]), (Some(0), &Value::from("done"), &Value::from(2)), "{ended}");
    world.each_was_written_once(&members).await?;
    let (_, log) = run(&["log", "leavers"]).await?;
    assert_eq!(log.as_array().map(Vec::len), Some(1));
    let id = ended["id"].as_str().context("an id")?;
    let (_, one) = run(&["log", "leavers", "--run", id]).await?;
    assert_eq!((&one["dropped"], &one["run"]["id"]), (&json!([]), &Value::from(id)));

    let (_, off) = run(&["disable", "leavers"]).await?;
    assert_eq!((&off["active"], &off["next_at"]), (&Value::from(false), &Value::Null));
    assert!(run(&["enable", "leavers"]).await?.1["next_at"].is_string());
    assert_eq!(run(&["delete", "leavers"]).await?.0, Some(0));
    assert_eq!(run(&["list"]).await?.1, json!([]));
    assert_eq!(run(&["show", "leavers"]).await?.0, Some(1));
    Ok(())
}

/// What stories about tasks do in a world.
trait Tasks {
    async fn group_with_members(&self, members: usize) -> Result<(GroupId, Vec<String>)>;
    async fn task(&self, filter: &str, actions: Vec<Action>) -> Result<Name>;
    async fn task_of(&self, filter: &str, actions: Vec<Action>, max_items: u32) -> Result<Name>;
    async fn task_comes_due(&self, task: &Name) -> Result<()>;
    async fn task_run_ended(&self, task: &Name) -> Result<TaskRunView>;
    async fn step(&self, run: &TaskRunView, step: usize) -> Result<orgmirror_store::operation::view::Counts>;
}

impl Tasks for World {
    /// A group that may be changed, of exactly these ordinary accounts.
    async fn group_with_members(&self, members: usize) -> Result<(GroupId, Vec<String>)> {
        let (group, _) = self.group_and_strangers(0).await?;
        for person in self.sim.truth("accounts").await? {
            let groups = person["groups"].as_array().context("groups")?;
            if groups.iter().any(|other| *other == group.to_string().as_str()) {
                self.sim.leave(&group.to_string(), person["accountId"].as_str().context("an id")?).await?;
            }
        }
        let members = self.sim.ordinary(members).await?;
        for member in &members {
            self.sim.join(&group.to_string(), member).await?;
        }
        Ok((group, members))
    }

    async fn task(&self, filter: &str, actions: Vec<Action>) -> Result<Name> {
        self.task_of(filter, actions, 100).await
    }

    async fn task_of(&self, filter: &str, actions: Vec<Action>, max_items: u32) -> Result<Name> {
        let name: Name = format!("task-{max_items}-{}", self.store.tasks(self.org, None).await?.len()).parse()?;
        let task =
            Task { name: name.clone(), filter: filter.parse()?, actions, schedule: "03:00 Europe/Berlin".parse()?, max_items };
        self.store.create_task(self.org, &task, true, &Actor::person(ASKER)).await?;
        Ok(name)
    }

    /// As if it had been looked at last three days ago.
    async fn task_comes_due(&self, task: &Name) -> Result<()> {
        let long_ago = self.store.now().await? - TimeDelta::days(3);
        let statement = "UPDATE task SET handled_at = $2, next_at = $2 WHERE name = $1";
        sqlx::query(statement).bind(task.as_str()).bind(long_ago).execute(&self.pool).await?;
        Ok(())
    }

    async fn task_run_ended(&self, task: &Name) -> Result<TaskRunView> {
        until("the task's run ends", async || {
            let run = self.store.task_runs(self.org, task, None, 1).await?.pop();
            Ok(run.filter(|run| run.state.has_ended()))
        })
        .await
    }

    async fn step(&self, run: &TaskRunView, step: usize) -> Result<orgmirror_store::operation::view::Counts> {
        let id = run.operations.get(step).context("the step was made")?.id;
        let key = self.store.operation_key(self.org, id).await?;
        Ok(self.operation(key).await?.items)
    }
}
