//! Bulk operations: each item acts once, on a reading newer than the request, and settles when the API shows it.

use anyhow::{Context, Result};
use orgmirror_domain::action::Action;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::item::{ItemState, SkipReason};
use orgmirror_domain::operation::OperationState;
use orgmirror_domain::run::RunKind;
use orgmirror_store::progress::Which;
use orgmirror_store::run::Moved;
use orgmirror_tests::{Processes, Size, World, until};
use serde_json::json;

/// An operation over many accounts makes each change once, and says that the API shows it.
#[tokio::test(flavor = "multi_thread")]
async fn members_are_added_once_and_seen() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 40)).await?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(25).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.done), (OperationState::Settled, 25));
    world.each_was_written_once(&accounts).await?;
    let told = "SELECT count(*) FROM operation_attempt WHERE fresh > asked";
    assert_eq!(world.count(told).await?, 25);
    // The mirror has been told by the readings after the calls.
    world.assert_mirror_equals_truth().await?;

    let again = world.operate(Action::AddToGroup { group }, &accounts).await?;
    let ended = world.operation_ended(again).await?;
    assert_eq!((ended.state, ended.items.already_so), (OperationState::Settled, 25));
    world.each_was_written_once(&accounts).await
}

/// The SCIM group. The mirror still believes that the group may be changed; the identity provider has taken it over since.
/// Method: change the group after the sync; no call may reach the API.
#[tokio::test(flavor = "multi_thread")]
async fn the_scim_group() -> Result<()> {
    let (world, _services) = World::of(Size::of(200, 30)).await?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(3).await?;
    world.sim.set_group(&group.to_string(), json!({ "managedBy": "external" })).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.skipped), (OperationState::Settled, 3));
    for item in world.items(asked).await?.values() {
        assert_eq!((item.state, item.reason), (ItemState::Skipped, Some(SkipReason::ScimGroup)));
    }
    assert!(world.sim.writes().await?.is_empty());
    Ok(())
}

/// A person cancels the reading that an operation waits for: the operation gets another one and acts on that.
/// Method: hold the reading's call, cancel its run, let the call answer late; nothing of it counts.
#[tokio::test(flavor = "multi_thread")]
async fn k14_a_cancelled_reading_is_asked_for_again() -> Result<()> {
    let (world, _services) = World::of(Size::of(200, 30)).await?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(3).await?;
    world.sim.faults(json!({ "hold": { "searchDirectoryUsers": 1 } })).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    world.calls_wait("searchDirectoryUsers", 1).await?;
    let open = world.store.runs(Which::Open(world.org)).await?;
    let reading = open.iter().find(|run| run.kind == RunKind::PreOperation).context("no reading is under way")?;
    assert_eq!(world.store.cancel_run(reading.run, &Actor::system()).await?, Moved::Yes);
    world.sim.calm().await?;
    world.sim.release().await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.done), (OperationState::Settled, 3));
    world.each_was_written_once(&accounts).await?;
    assert_eq!(world.count("SELECT count(*) FROM sync_run WHERE kind = 'pre_operation' AND phase = 'cancelled'").await?, 1);
    assert_eq!(world.count("SELECT count(*) FROM sync_run WHERE kind = 'pre_operation' AND phase = 'completed'").await?, 1);
    Ok(())
}

/// The manual sync that began before the change. Its end opens no gate for what was asked for after it began.
/// Method: no account can be read by itself, so that only full syncs tell; the one under way has read the account before the change.
#[tokio::test(flavor = "multi_thread")]
async fn the_manual_sync_that_began_before_the_change() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 80)).await?;
    world.sync().await?;
    let accounts = world.sim.ordinary(1).await?;
    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    let began_before = world.request().await?;
    world.calls_wait("getGroupRoleAssignments", 1).await?;
    world.sim.set_account(&accounts[0], json!({ "platformRoles": ["atlassian/org-admin"] })).await?;
    let asked = world.operate(suspend(&world).await?, &accounts).await?;
    let statement = "UPDATE operation_item SET refresh_run_key = $1 WHERE operation_key = $2";
    sqlx::query(statement).bind(began_before.run.0).bind(asked.operation.0).execute(&world.pool).await?;
    world.sim.calm().await?;
    world.sim.release().await?;
    world.completed(began_before).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.items.done, ended.items.skipped), (0, 1));
    assert!(world.sim.writes().await?.is_empty());
    Ok(())
}

/// What the API shows late is waited for; what it never shows is said.
/// Method: readings stay behind writes for a second; then somebody undoes the change before it is seen.
#[tokio::test(flavor = "multi_thread")]
async fn settled_when_the_api_shows_it_or_the_difference() -> Result<()> {
    let (mut world, _none) = (World::empty(Size::of(200, 30)).await?, ());
    world.settle_within = std::time::Duration::from_secs(5);
    let _services = [world.coordinator(), world.worker(4)];
    world.sync().await?;
    world.sim.switches(json!({ "lag": { "suspend_ms": 1_000 } })).await?;
    let accounts = world.sim.ordinary(2).await?;
    let asked = world.operate(suspend(&world).await?, &accounts[..1]).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.done), (OperationState::Settled, 1));

    world.sim.faults(json!({ "hold": { "suspendUserInDirectory": 1 } })).await?;
    let undone = world.operate(suspend(&world).await?, &accounts[1..]).await?;
    world.calls_wait("suspendUserInDirectory", 1).await?;
    world.sim.set_account(&accounts[1], json!({ "membershipStatus": "active" })).await?;
    world.sim.release().await?;
    let ended = world.operation_ended(undone).await?;
    assert_eq!((ended.state, ended.items.differing), (OperationState::Differs, 1));
    let difference = world.items(undone).await?[&accounts[1]].difference.clone();
    assert_eq!(difference.as_deref(), Some("the account's membership status is active"));
    Ok(())
}

/// What the API refuses is told in its own words, and tried again when a person asks.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_and_tried_again() -> Result<()> {
    let (world, _services) = World::of(Size::of(200, 30)).await?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(4).await?;
    world.sim.faults(json!({ "per_operation": { "addUserToGroup": { "status": 409, "times": 1 } } })).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.done, ended.items.failed), (OperationState::Settled, 3, 1));
    let items = world.items(asked).await?;
    let failed = items.values().find(|item| item.state == ItemState::Failed);
    assert!(failed.and_then(|item| item.words.as_deref()).is_some_and(|words| words.contains("409")), "{failed:?}");
    assert_eq!(world.store.retry_operation(asked.operation, &Actor::system()).await?, 1);
    until("all are done", async || Ok((world.operation(asked.operation).await?.items.done == 4).then_some(()))).await?;
    world.each_was_written_once(&accounts).await
}

/// Answers that never come are read back: nothing is done twice, and nothing is left undone.
/// Method: a third of the writes lose their answers, with and without effect.
#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_are_read_back() -> Result<()> {
    let mut world = World::empty(Size::of(300, 40)).await?;
    world.request_timeout = std::time::Duration::from_secs(2);
    let _services = [world.coordinator(), world.worker(4)];
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(30).await?;
    let lost = json!({ "per_operation": { "addUserToGroup": { "drop_rate": 0.2, "error_rate": 0.2, "effect_rate": 0.5, "times": 30 } } });
    world.sim.faults(lost).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    world.an_item_is(asked, ItemState::Unknown).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.done), (OperationState::Settled, 30));
    world.each_was_written_once(&accounts).await?;
    world.assert_mirror_equals_truth().await
}

/// A worker that dies with calls marked or made leaves them to be read back; each account is changed exactly once.
/// Method: SIGKILL at both fail points of an item; the simulator's own record counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_and_after_its_call() -> Result<()> {
    let processes = Processes::of(Size::of(300, 40)).await?;
    let (world, quick) = (&processes.world, [("ORGMIRROR_ATLASSIAN__REQUEST_TIMEOUT", "2s")]);
    let _coordinator = processes.start_with("coordinator", "", &quick)?;
    let worker = processes.start_with("worker", "", &quick)?;
    world.sync().await?;
    worker.kill().await?;
    let (group, accounts) = world.group_and_strangers(20).await?;
    for (point, accounts) in ["operation::before_call", "operation::after_call_before_record"].iter().zip(accounts.chunks(10)) {
        let asked = world.operate(Action::AddToGroup { group }, accounts).await?;
        let worker = processes.start_with("worker", &format!("{point}=2*off->pause"), &quick)?;
        // Nobody answers for it until its deadline: it stands at the fail point.
        world.an_item_is(asked, ItemState::Unknown).await?;
        worker.kill().await?;
        let worker = processes.start_with("worker", "", &quick)?;
        let ended = world.operation_ended(asked).await?;
        assert_eq!((ended.state, ended.items.done), (OperationState::Settled, 10), "{point}");
        worker.kill().await?;
    }
    world.each_was_written_once(&accounts).await?;
    let twice = "SELECT count(*) FROM operation_item WHERE attempts > 1";
    assert!(world.count(twice).await? > 0, "no call was marked and not made");
    world.assert_mirror_equals_truth().await
}

async fn suspend(world: &World) -> Result<Action> {
    let directory = world.store.directories(world.org).await?.swap_remove(0).0;
    Ok(Action::Suspend { directory })
}
