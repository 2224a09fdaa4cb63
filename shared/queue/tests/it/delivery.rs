//! Lanes, slots, leases.

use std::time::{Duration, Instant};

use orgmirror_queue::Lane;

use crate::world::{Job, LEASE, World, passes, until};

/// A free slot goes to the interactive lane, however much waits in the bulk lane.
/// Method: one slot, 500 bulk jobs, the first at a gate; interactive jobs come later and are next.
#[tokio::test]
async fn interactive_goes_before_bulk() {
    let world = World::new().await;
    let _worker = world.worker(1);
    world.publish(Lane::Bulk, &[Job::Gate(0)]).await;
    world.play.until_started(1).await;
    world.publish(Lane::Bulk, &passes(500)).await;
    world.publish(Lane::Interactive, &[Job::Pass(1_000), Job::Pass(1_001)]).await;
    world.play.open_gate();
    world.play.until_ended(503).await;
    assert_eq!(world.play.ended_jobs()[1..3], [Job::Pass(1_000), Job::Pass(1_001)]);
}

/// A lane that is never empty doesn't keep the interactive one waiting for more than the job that runs.
/// Method: while bulk jobs run one after another, an interactive one is published at some moment; few bulk jobs start in between.
#[tokio::test]
async fn interactive_overtakes_a_saturated_bulk_lane() {
    let world = World::new().await;
    world.publish(Lane::Bulk, &passes(20_000)).await;
    let _worker = world.worker(2);
    world.play.until_started(100).await;
    world.publish(Lane::Interactive, &[Job::Pass(99_999)]).await;
    let at_publish = world.play.started().len();
    until("it is started", || async { !world.play.attempts(&Job::Pass(99_999)).is_empty() }).await;
    let place = world.play.started().iter().position(|(job, _)| *job == Job::Pass(99_999)).unwrap();
    assert!(place <= at_publish + 4, "started as number {place}, though published when {at_publish} were");
}

/// Nothing is delivered that can't start: what a busy worker doesn't take stays for another.
#[tokio::test]
async fn a_job_needs_a_slot_to_be_delivered() {
    let world = World::new().await;
    let _busy = world.worker(3);
    world.publish(Lane::Bulk, &(0..10).map(Job::Gate).collect::<Vec<_>>()).await;
    world.play.until_started(3).await;
    let depth = world.publisher.depth().await.unwrap();
    assert_eq!((depth.bulk.delivered, depth.bulk.ready), (3, 7));
    let _other = world.worker(7);
    world.play.until_started(10).await;
}

/// A worker dies with jobs in hand: they come to another one when their leases are over, not before, and the attempt counts.
#[tokio::test]
async fn abandoned_deliveries_come_back() {
    let world = World::new().await;
    let doomed = world.worker(4);
    world.publish(Lane::Bulk, &(0..3).map(Job::Gate).collect::<Vec<_>>()).await;
    world.publish(Lane::Interactive, &[Job::Gate(3)]).await;
    world.play.until_started(4).await;
    doomed.kill();
    let death = Instant::now();
    let _heir = world.worker(4);
    world.play.until_started(8).await;
    assert!(death.elapsed() > LEASE / 2, "renewed at most a third of a lease before the death");
    assert!(death.elapsed() < LEASE * 4);
    assert!((0..4).all(|n| world.play.attempts(&Job::Gate(n)) == [1, 2]));
    world.play.open_gate();
    world.until_empty().await;
    assert_eq!(world.play.ended(), 4);
}

/// A handler may run much longer than a lease; an idle worker beside it gets nothing.
#[tokio::test]
async fn a_lease_is_renewed_while_the_handler_runs() {
    let world = World::new().await;
    let _workers = (world.worker(1), world.worker(1));
    world.publish(Lane::Bulk, &[Job::Gate(0)]).await;
    world.play.until_started(1).await;
    let start = Instant::now();
    until("three leases are over", || async { start.elapsed() > LEASE * 3 }).await;
    assert_eq!(world.play.started().len(), 1);
    world.play.open_gate();
    world.until_empty().await;
    assert_eq!(world.play.started().len(), 1);
}

/// Who has lost a delivery neither renews it nor makes a copy when its handler fails.
/// Method: another consumer claims the entry while the handler is at the gate; then it fails.
#[tokio::test]
async fn only_the_owner_renews_and_settles() {
    let world = World::new().await;
    let worker = world.worker(2);
    world.publish(Lane::Bulk, &[Job::FailAtGate]).await;
    world.play.until_started(1).await;
    let id = world.play.started()[0].1.id.clone();
    let _: redis::Value = world.redis.ask(&format!("XCLAIM {{q}}:bulk workers thief 0 {id}")).await;
    let idle = || async {
        let pending: Vec<(String, String, u64, u64)> = world.redis.ask(&format!("XPENDING {{q}}:bulk workers {id} {id} 1")).await;
        assert_eq!(pending[0].1, "thief");
        Duration::from_millis(pending[0].2)
    };
    until("the lease has passed without being renewed", || async { idle().await > LEASE * 2 / 3 }).await;
    let _: redis::Value = world.redis.ask(&format!("XCLAIM {{q}}:bulk workers thief 0 {id}")).await;
    world.play.open_gate();
    assert!(worker.stop().await);
    let bulk = world.publisher.depth().await.unwrap().bulk;
    assert_eq!((bulk.delivered, bulk.ready, bulk.delayed), (1, 0, 0), "the thief's delivery alone is left");
}

/// A postponed job leaves its slot to others, comes back when it said, and has used up no attempt.
#[tokio::test]
async fn a_postponed_job_holds_no_slot() {
    let world = World::with(|config| config.max_deliveries(1)).await;
    let _worker = world.worker(1);
    let postponed = Job::Postpone { times: 3, ms: 300 };
    let start = Instant::now();
    world.publish(Lane::Bulk, std::slice::from_ref(&postponed)).await;
    until("it waits", || async { world.publisher.depth().await.unwrap().bulk.delayed == 1 }).await;
    world.publish(Lane::Bulk, &passes(20)).await;
    world.play.until_ended(20).await;
    assert_eq!(world.play.attempts(&postponed).len(), 1, "the slot was free for others meanwhile");
    world.play.until_ended(21).await;
    assert!(start.elapsed() >= Duration::from_millis(900));
    assert_eq!(world.play.attempts(&postponed), [1, 1, 1, 1]);
    world.until_empty().await;
}

/// Each start of a worker is a consumer of its own, even under one name.
#[tokio::test]
async fn consumer_names_are_unique() {
    let world = World::new().await;
    let _workers = (world.worker(1), world.worker(1));
    world.publish(Lane::Bulk, &[Job::Gate(0), Job::Gate(1)]).await;
    until("both are registered", || async { world.consumers(Lane::Bulk).await.len() == 2 }).await;
    let consumers = world.consumers(Lane::Bulk).await;
    assert!(consumers.iter().all(|name| name.starts_with("worker-")) && consumers[0] != consumers[1]);
}

/// A consumer that is gone for long is deleted, unless it still holds something.
#[tokio::test]
async fn dead_consumers_are_forgotten() {
    let world = World::with(|config| config.forget_consumers_after(Duration::from_secs(1))).await;
    let _worker = world.worker(2);
    world.publish(Lane::Bulk, &[Job::Gate(0), Job::Pass(1)]).await;
    until("the worker is registered", || async { world.consumers(Lane::Bulk).await.len() == 1 }).await;
    let _: redis::Value = world.redis.ask("XGROUP CREATECONSUMER {q}:bulk workers ghost").await;
    until("the ghost is gone", || async { world.consumers(Lane::Bulk).await.len() == 1 }).await;
    assert!(world.consumers(Lane::Bulk).await[0].starts_with("worker-"));
    world.play.open_gate();
    world.until_empty().await;
}
