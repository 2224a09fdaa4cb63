//! K11, K20, K21 and the gate, played by hand at the store: whose reading comes when, and who dies, is up to the test.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use orgmirror_domain::action::Action;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::gate::{Awaited, Closed, Subject};
use orgmirror_domain::ids::{AccountId, DirectoryId, GroupId, ItemKey};
use orgmirror_domain::item::ItemState;
use orgmirror_domain::observation::Account;
use orgmirror_domain::operation::{Limits, NoApproval, OperationState};
use orgmirror_domain::query::Listed;
use orgmirror_domain::run::RunKind;
use orgmirror_store::Store;
use orgmirror_store::operation::finish::Answer;
use orgmirror_store::operation::request::Asked;
use orgmirror_store::operation::start::{Marked, Start};
use orgmirror_store::run::Moved;
use orgmirror_tests::{ASKER, limits};
use uuid::Uuid;

use crate::counterexamples_stage::{Stage, person, truth};

/// No call of these stories is given up by itself.
const LONG: Duration = Duration::from_secs(3_600);
/// The API is never behind.
const NO_LAG: Duration = Duration::ZERO;

fn suspend() -> Action {
    Action::Suspend { directory: DirectoryId::from("d") }
}

fn with_status(id: &str, status: &str) -> Account {
    Account { membership_status: Some(status.to_owned()), ..person(id, id) }
}

/// A stage on which ann and ben are mirrored.
async fn stage() -> Result<Stage> {
    let stage = Stage::new().await?;
    stage.mirror(&truth(&[("ann", "ann"), ("ben", "ben")])).await?;
    Ok(stage)
}

async fn ask(stage: &Stage, action: Action, id: &str, limits: &Limits) -> Result<(Asked, ItemKey)> {
    let asked = stage.world.operate_within(action, &[id.to_owned()], limits).await?;
    let statement = "SELECT item_key FROM operation_item WHERE operation_key = $1";
    let item: i64 = sqlx::query_scalar(statement).bind(asked.operation.0).fetch_one(&stage.pool).await?;
    Ok((asked, ItemKey(item)))
}

/// A reading of one account, drawn and committed now.
async fn read(stage: &Stage, account: Account) -> Result<()> {
    let (run, job) = stage.scoped(&[account.account_id.as_str()]).await?;
    let drawn = stage.draw(&job).await?;
    stage.store.commit_account_lookup(&job, drawn, 1, vec![Listed::whole(account)]).await?;
    stage.finish(run, &truth(&[])).await
}

async fn marked(store: &Store, item: ItemKey) -> Result<Marked> {
    match store.start_item(item, LONG).await? {
        Start::Act(marked) => Ok(marked),
        other => anyhow::bail!("the gate is shut: {other:?}"),
    }
}

async fn awaited(stage: &Stage, item: ItemKey) -> Result<Awaited> {
    match stage.store.start_item(item, LONG).await? {
        Start::Waits(awaited) => Ok(awaited),
        other => anyhow::bail!("it does not wait: {other:?}"),
    }
}

async fn state(stage: &Stage, item: ItemKey) -> Result<ItemState> {
    let word: String = sqlx::query_scalar("SELECT state::text FROM operation_item WHERE item_key = $1")
        .bind(item.0)
        .fetch_one(&stage.pool)
        .await?;
    Ok(word.parse()?)
}

/// Time passes: whatever the item's call could do is done.
async fn past_the_deadline(stage: &Stage, item: ItemKey) -> Result<()> {
    let statement = "UPDATE operation_item SET deadline_at = clock_timestamp() WHERE item_key = $1 AND deadline_at IS NOT NULL";
    ensure!(sqlx::query(statement).bind(item.0).execute(&stage.pool).await?.rows_affected() == 1, "the item has no deadline");
    Ok(())
}

/// A scoped run that refreshed the account after the request is no proof: its reading may be older than the request.
/// Method: the look-up has drawn its instant when the operation is asked for, and commits, and its run completes, afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn k11_a_reading_begun_before_the_request_opens_no_gate() -> Result<()> {
    let stage = stage().await?;
    let (run, job) = stage.scoped(&["ann"]).await?;
    let drawn = stage.draw(&job).await?;
    let (_, item) = ask(&stage, suspend(), "ann", &limits()).await?;
    stage.commit_lookup(&job, drawn, &[("ann", "ann")]).await?;
    stage.finish(run, &truth(&[])).await?;
    assert_eq!(awaited(&stage, item).await?, Awaited::Newer(Subject::Account));
    read(&stage, person("ann", "ann")).await?;
    marked(&stage.store, item).await?;
    Ok(())
}

/// The same with a full run, which completes after the request and has begun before it.
#[tokio::test(flavor = "multi_thread")]
async fn k11_a_full_run_begun_before_the_request_opens_no_gate() -> Result<()> {
    let stage = stage().await?;
    let people = truth(&[("ann", "ann"), ("ben", "ben")]);
    let run = stage.full(2, false).await?;
    let (_, item) = ask(&stage, suspend(), "ann", &limits()).await?;
    stage.finish(run, &people).await?;
    assert_eq!(awaited(&stage, item).await?, Awaited::Newer(Subject::Account));
    stage.mirror(&people).await?;
    marked(&stage.store, item).await?;
    Ok(())
}

/// Our own write makes what was read before it false: no operation acts on that, and none before the API shows the write.
#[tokio::test(flavor = "multi_thread")]
async fn k20_our_own_write_voids_what_was_read_before() -> Result<()> {
    let stage = stage().await?;
    let (_, first) = ask(&stage, suspend(), "ann", &limits()).await?;
    let (_, second) = ask(&stage, Action::RemoveFromDirectory { directory: DirectoryId::from("d") }, "ann", &limits()).await?;
    read(&stage, person("ann", "ann")).await?;
    let attempt = marked(&stage.store, first).await?;
    stage.store.finish_item(attempt.attempt(), &Answer::Done).await?;
    assert_eq!(awaited(&stage, second).await?, Awaited::OwnWriteShown);
    // Still as before: the API is behind.
    read(&stage, person("ann", "ann")).await?;
    assert_eq!(stage.store.settle_items(stage.org, LONG).await?, 0);
    assert_eq!(awaited(&stage, second).await?, Awaited::OwnWriteShown);
    read(&stage, with_status("ann", "suspended")).await?;
    assert_eq!(stage.store.settle_items(stage.org, LONG).await?, 1);
    marked(&stage.store, second).await?;
    Ok(())
}

/// The same of a write that was answered otherwise: what was read before its answer may be false.
#[tokio::test(flavor = "multi_thread")]
async fn k20_an_answer_voids_what_was_read_before() -> Result<()> {
    let stage = stage().await?;
    let (_, first) = ask(&stage, suspend(), "ann", &limits()).await?;
    let (_, second) = ask(&stage, suspend(), "ann", &limits()).await?;
    read(&stage, person("ann", "ann")).await?;
    let attempt = marked(&stage.store, first).await?;
    stage.store.finish_item(attempt.attempt(), &Answer::Refused("not so".to_owned())).await?;
    assert_eq!(awaited(&stage, second).await?, Awaited::AfterOwnWrite);
    read(&stage, person("ann", "ann")).await?;
    marked(&stage.store, second).await?;
    Ok(())
}

/// While a call may be under way, or may have happened, nobody else acts on the account.
#[tokio::test(flavor = "multi_thread")]
async fn k20_an_open_item_shuts_the_gate_for_others() -> Result<()> {
    let stage = stage().await?;
    let (_, first) = ask(&stage, suspend(), "ann", &limits()).await?;
    let (_, second) = ask(&stage, suspend(), "ann", &limits()).await?;
    read(&stage, person("ann", "ann")).await?;
    let attempt = marked(&stage.store, first).await?;
    assert_eq!(awaited(&stage, second).await?, Awaited::OtherItem);
    stage.store.finish_item(attempt.attempt(), &Answer::Unanswered("lost".to_owned())).await?;
    assert_eq!(awaited(&stage, second).await?, Awaited::OtherItem);
    Ok(())
}

/// Two operations on one account at once: one acts, the other waits, whoever is first.
/// Method: both gates are asked at the same time by processes of their own, over and over; each time one call is marked.
#[tokio::test(flavor = "multi_thread")]
async fn k20_two_operations_on_one_account_at_once() -> Result<()> {
    let stage = stage().await?;
    let stores = [stage.another_store().await?, stage.another_store().await?];
    for _ in 0..25 {
        let items = [ask(&stage, suspend(), "ann", &limits()).await?.1, ask(&stage, suspend(), "ann", &limits()).await?.1];
        read(&stage, person("ann", "ann")).await?;
        let (one, other) = tokio::join!(stores[0].start_item(items[0], LONG), stores[1].start_item(items[1], LONG));
        let acting: Vec<Marked> = [one?, other?]
            .into_iter()
            .filter_map(|start| if let Start::Act(marked) = start { Some(marked) } else { None })
            .collect();
        assert_eq!(acting.len(), 1);
        stage.store.finish_item(acting[0].attempt(), &Answer::Refused("over".to_owned())).await?;
        sqlx::query(
            "UPDATE operation_item SET state = 'skipped', skip_reason = 'cancelled', finished_at = now() WHERE state = 'pending'",
        )
        .execute(&stage.pool)
        .await?;
    }
    Ok(())
}

/// A call without an answer may still take effect: what is read before its deadline proves nothing, and is not even asked for.
/// Method: the API shows at once that it did not happen; only a reading after the deadline takes the item back to the gate.
#[tokio::test(flavor = "multi_thread")]
async fn k21_a_lost_call_is_not_judged_before_its_deadline() -> Result<()> {
    let stage = stage().await?;
    let (_, item) = ask(&stage, suspend(), "ann", &limits()).await?;
    read(&stage, person("ann", "ann")).await?;
    let attempt = marked(&stage.store, item).await?;
    stage.store.finish_item(attempt.attempt(), &Answer::Unanswered("timed out".to_owned())).await?;
    read(&stage, person("ann", "ann")).await?;
    assert_eq!(stage.store.expire_attempts(stage.org).await?, 0);
    assert_eq!(stage.store.settle_items(stage.org, NO_LAG).await?, 0);
    assert_eq!(stage.store.request_readings(stage.org, RunKind::PostOperation).await?, None);
    assert_eq!(state(&stage, item).await?, ItemState::Unknown);

    past_the_deadline(&stage, item).await?;
    assert_eq!(stage.store.expire_attempts(stage.org).await?, 1);
    // What was read before the deadline stays no proof after it.
    assert_eq!(stage.store.settle_items(stage.org, NO_LAG).await?, 0);
    assert!(stage.store.request_readings(stage.org, RunKind::PostOperation).await?.is_some());
    read(&stage, person("ann", "ann")).await?;
    assert_eq!(stage.store.settle_items(stage.org, NO_LAG).await?, 1);
    assert_eq!(state(&stage, item).await?, ItemState::Pending);
    marked(&stage.store, item).await?;
    Ok(())
}

/// A call that took effect after its caller had gone is found, and not made again.
#[tokio::test(flavor = "multi_thread")]
async fn k21_a_call_applied_late_is_not_repeated() -> Result<()> {
    let stage = stage().await?;
    let (_, item) = ask(&stage, suspend(), "ann", &limits()).await?;
    read(&stage, person("ann", "ann")).await?;
    // The mark is there before the call: whoever dies from here on leaves it.
    drop(marked(&stage.store, item).await?);
    assert!(matches!(stage.store.start_item(item, LONG).await?, Start::NotWanted));
    past_the_deadline(&stage, item).await?;
    assert_eq!(stage.store.expire_attempts(stage.org).await?, 1);
    read(&stage, with_status("ann", "suspended")).await?;
    assert_eq!(stage.store.settle_items(stage.org, NO_LAG).await?, 1);
    assert_eq!(state(&stage, item).await?, ItemState::Done);
    assert!(matches!(stage.store.start_item(item, LONG).await?, Start::NotWanted));
    Ok(())
}

/// There is no path around the gate. Every way to have a call marked is tried on an item that may not act.
#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_around_the_gate() -> Result<()> {
    let stage = stage().await?;
    let store = &stage.store;
    let newer = Awaited::Newer(Subject::Account);

    // Never read; read before the request, by whatever run; too long ago; a group that was never read.
    let (_, unknown) = ask(&stage, suspend(), "somebody", &limits()).await?;
    assert_eq!(awaited(&stage, unknown).await?, newer);
    let (_, stale) = ask(&stage, suspend(), "ann", &limits()).await?;
    assert_eq!(awaited(&stage, stale).await?, newer);
    let (_, old) = ask(&stage, suspend(), "ben", &Limits { max_age: Duration::ZERO, ..limits() }).await?;
    let (_, of_group) = ask(&stage, Action::AddToGroup { group: GroupId(Uuid::new_v4()) }, "ben", &limits()).await?;
    read(&stage, person("ben", "ben")).await?;
    assert_eq!(awaited(&stage, old).await?, Awaited::Younger(Subject::Account));
    assert_eq!(awaited(&stage, of_group).await?, Awaited::Newer(Subject::Group));

    // Not approved; cancelled; out of patience.
    let (held, not_approved) = ask(&stage, suspend(), "ben", &Limits { approval_above: 0, ..limits() }).await?;
    let (cancelled, stopped) = ask(&stage, suspend(), "ben", &limits()).await?;
    let (_, too_late) = ask(&stage, suspend(), "ben", &Limits { patience: Duration::ZERO, ..limits() }).await?;
    read(&stage, person("ben", "ben")).await?;
    assert_eq!(held.state, OperationState::Approval);
    assert!(matches!(store.start_item(not_approved, LONG).await?, Start::Closed(Closed::NotApproved)));
    assert_eq!(store.cancel_operation(cancelled.operation, &Actor::system()).await?, Moved::Yes);
    assert!(matches!(store.start_item(stopped, LONG).await?, Start::NotWanted));
    assert!(matches!(store.start_item(too_late, LONG).await?, Start::Closed(Closed::WaitedTooLong)));
    assert_eq!(store.give_up_items(stage.org).await?, 1);
    assert_eq!(stage.world.count("SELECT count(*) FROM operation_attempt").await?, 0);

    // Another try of what failed is a request of its own: what the first one was decided on opens nothing.
    let (retried, failed) = ask(&stage, suspend(), "ann", &limits()).await?;
    read(&stage, person("ann", "ann")).await?;
    let attempt = marked(store, failed).await?;
    store.finish_item(attempt.attempt(), &Answer::Refused("no".to_owned())).await?;
    read(&stage, person("ann", "ann")).await?;
    assert_eq!(store.retry_operation(retried.operation, &Actor::system()).await?, 1);
    assert_eq!(awaited(&stage, failed).await?, newer);

    // An answer to an attempt that is over, and one to none.
    assert_eq!(store.finish_item(attempt.attempt(), &Answer::Done).await?, None);

    // By hand: the table itself takes no attempt that is older than its request.
    let by_hand =
        "INSERT INTO operation_attempt (item_key, number, call, asked, fresh, fresh_at) VALUES ($1, 9, '{}', 5, 5, now())";
    assert!(sqlx::query(by_hand).bind(stale.0).execute(&stage.pool).await.is_err());
    let by_hand = "UPDATE operation_item SET state = 'running', deadline_at = now() WHERE item_key = $1";
    assert!(sqlx::query(by_hand).bind(stale.0).execute(&stage.pool).await.is_err());
    assert_eq!(stage.world.count("SELECT count(*) FROM operation_attempt").await?, 1);
    Ok(())
}

/// An approval holds for the list that was shown, and comes from another person than the request.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_holds_for_the_list_that_was_shown() -> Result<()> {
    let stage = stage().await?;
    let limits = Limits { approval_above: 1, ..limits() };
    let accounts = ["ann".to_owned(), "ben".to_owned()];
    let asked = stage.world.operate_within(suspend(), &accounts, &limits).await?;
    assert_eq!(asked.state, OperationState::Approval);
    let approve = async |person: &str, revision| stage.store.approve_operation(asked.operation, person, revision).await;
    assert_eq!(approve(ASKER, asked.revision).await?, Err(NoApproval::SamePerson));
    assert_eq!(
        stage.store.withdraw_accounts(stage.org, asked.operation, &[AccountId::from("ben")], &Actor::system()).await?,
        Moved::Yes
    );
    assert_eq!(approve("ben", asked.revision).await?, Err(NoApproval::OtherList));
    assert_eq!(approve("ben", asked.revision + 1).await?, Ok(()));
    assert_eq!(approve("ben", asked.revision + 1).await?, Err(NoApproval::NotAwaited));
    let late = stage.store.withdraw_accounts(stage.org, asked.operation, &[AccountId::from("ann")], &Actor::system()).await?;
    assert_eq!(late, Moved::TooLate);
    let shown = stage.world.operation(asked.operation).await?;
    assert_eq!((shown.state, shown.approved_by.as_deref(), shown.items.pending), (OperationState::Running, Some("ben"), 1));
    Ok(())
}

/// Needs of several operations share one run, ten accounts a call, and a need that is being served asks for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn readings_of_several_operations_share_calls() -> Result<()> {
    let stage = stage().await?;
    ask(&stage, suspend(), "ann", &limits()).await?;
    ask(&stage, suspend(), "ben", &limits()).await?;
    ask(&stage, suspend(), "ann", &limits()).await?;
    let run = stage.store.request_readings(stage.org, RunKind::PreOperation).await?.context("a run")?;
    assert_eq!(stage.store.request_readings(stage.org, RunKind::PreOperation).await?, None);
    ensure!(stage.store.start_run(stage.org, run).await?);
    stage.store.advance(run).await?;
    let job = stage.only_job(run).await?;
    assert_eq!(job.subjects.len(), 2, "{:?}", job.subjects);
    // A cancelled run serves nobody: the need is there again.
    stage.store.cancel_run(run, &Actor::system()).await?;
    sqlx::query("UPDATE sync_run SET finished_at = finished_at - interval '1 hour' WHERE run_key = $1")
        .bind(run.0)
        .execute(&stage.pool)
        .await?;
    assert!(stage.store.request_readings(stage.org, RunKind::PreOperation).await?.is_some());
    Ok(())
}
