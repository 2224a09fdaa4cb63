//! Redis goes away and comes back: workers go on by themselves, and none is started again for it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use orgmirror_queue::Lane;

use crate::proxy::Proxy;
use crate::world::{Job, Worker, World, passes, until};

impl World {
    /// Publishes until it works, then waits until all of it is done.
    async fn expect_work_goes_on(&self) {
        let before = self.play.ended();
        until("publishing works", || async { self.publisher.publish(Lane::Bulk, &passes(50)).await.is_ok() }).await;
        self.play.until_ended(before + 50).await;
        self.until_empty().await;
    }
}

/// Killed and started again, empty: also a job that ran meanwhile ends well.
#[tokio::test]
async fn killed_and_started_again_empty() {
    let world = World::new().await;
    let worker = world.worker(4);
    world.publish(Lane::Bulk, &[Job::Gate(0)]).await;
    world.play.until_started(1).await;
    world.redis.kill();
    world.play.open_gate();
    world.play.until_ended(1).await;
    world.redis.start_again().await;
    world.expect_work_goes_on().await;
    assert!(worker.stop().await);
}

/// FLUSHALL while jobs wait, run and fail.
#[tokio::test]
async fn flushed() {
    let world = World::new().await;
    let worker = world.worker(2);
    world.publish(Lane::Bulk, &[Job::Gate(0), Job::Gate(1), Job::Gate(2)]).await;
    world.play.until_started(2).await;
    let _: () = world.redis.ask("FLUSHALL").await;
    world.expect_work_goes_on_after(|| world.play.open_gate()).await;
    assert!(worker.stop().await);
}

impl World {
    async fn expect_work_goes_on_after(&self, step: impl FnOnce()) {
        step();
        self.play.until_ended(2).await;
        self.expect_work_goes_on().await;
    }
}

/// All connections are reset while jobs are published and done: each job ends, at most those in hand twice.
#[tokio::test]
async fn connections_reset() {
    let world = World::new().await;
    let worker = world.worker(8);
    for round in 0..20 {
        world.publish(Lane::Bulk, &passes(50)).await;
        let _: redis::Value = world.redis.ask("CLIENT KILL TYPE normal SKIPME yes").await;
        world.play.until_ended(round * 50).await;
        until("publishing works", || async { world.publisher.publish(Lane::Bulk, &passes(1)).await.is_ok() }).await;
    }
    world.until_empty().await;
    let ended = world.play.ended();
    assert!((1_000..1_400).contains(&ended), "{ended}");
    assert!(worker.stop().await);
}

/// A stall shorter than the response time-out costs its own length: nothing is lost, nothing runs twice.
#[tokio::test]
async fn stalled_for_a_second() {
    let world = World::with(|config| config.lease(Duration::from_secs(30))).await;
    let worker = world.worker(8);
    world.publish(Lane::Bulk, &passes(5_000)).await;
    world.play.until_ended(500).await;
    world.redis.signal("STOP");
    let start = Instant::now();
    until("a second has passed", || async { start.elapsed() > Duration::from_secs(1) }).await;
    world.redis.signal("CONT");
    world.play.until_ended(5_000).await;
    world.until_empty().await;
    assert_eq!(world.play.ended_jobs(), passes(5_000));
    assert!(worker.stop().await);
}

/// An outage is one warning, though the worker tries to reach Redis many times in it; the next outage is another.
#[tokio::test]
async fn an_outage_is_logged_once() {
    crate::log::record();
    let world = World::new().await;
    let worker = world.worker(2);
    for outages in 1..=2 {
        world.expect_work_goes_on().await;
        world.redis.kill();
        let start = Instant::now();
        until("there was time for many tries", || async { start.elapsed() > Duration::from_secs(2) }).await;
        world.redis.start_again().await;
        world.expect_work_goes_on().await;
        assert_eq!(crate::log::warnings_of_workers(&world.redis.address()), outages);
    }
    assert!(worker.stop().await);
}

/// An answer that got lost with its connection is no reason to wait for a lease: the worker asks again what it holds.
/// Method: with leases of ten minutes, the connection is cut in place of the first three answers that carry a job.
#[tokio::test]
async fn lost_answers_are_asked_for_again() {
    let world = World::with(|config| config.lease(Duration::from_secs(600))).await;
    let way = Proxy::start(world.redis.address(), b"Pass", 3).await;
    let mut config = world.config.clone();
    config.url = way.url.clone();
    let worker = Worker::start(config, 4, 4, world.play.clone());
    world.publish(Lane::Bulk, &passes(20)).await;
    world.play.until_ended(20).await;
    world.until_empty().await;
    assert_eq!(way.left.load(Ordering::SeqCst), 0);
    assert!(world.play.started().iter().all(|(_, delivery)| delivery.attempt == 1));
    assert_eq!(world.play.started().len(), 20);
    assert!(worker.stop().await);
}

/// Neither cut connections nor a stall longer than the lease count as deliveries of what runs meanwhile.
/// Method: one job runs through several of both, under a bound of two deliveries; then its worker dies, and the next one still gets it.
#[tokio::test]
async fn outages_use_up_no_attempt() {
    let world = World::with(|config| config.max_deliveries(2)).await;
    let worker = world.worker(2);
    world.publish(Lane::Bulk, &[Job::Gate(0)]).await;
    world.play.until_started(1).await;
    for round in 1..=4 {
        let _: redis::Value = world.redis.ask("CLIENT KILL TYPE normal SKIPME yes").await;
        world.redis.signal("STOP");
        let start = Instant::now();
        until("the lease is over", || async { start.elapsed() > crate::world::LEASE * 5 / 4 }).await;
        world.redis.signal("CONT");
        until("publishing works", || async { world.publisher.publish(Lane::Bulk, &passes(1)).await.is_ok() }).await;
        world.play.until_ended(round).await;
    }
    worker.kill();
    let _heir = world.worker(2);
    until("it is started again", || async { world.play.attempts(&Job::Gate(0)) == [1, 2] }).await;
    world.play.open_gate();
    world.until_empty().await;
}

/// A worker that is started before Redis works when it is there.
#[tokio::test]
async fn started_before_redis() {
    let world = World::new().await;
    world.redis.kill();
    let worker = world.worker(2);
    world.redis.start_again().await;
    world.expect_work_goes_on().await;
    assert!(worker.stop().await);
}

/// A stop while Redis is away ends, in bounded time.
#[tokio::test]
async fn stopped_while_redis_is_away() {
    let world = World::with(|config| config.close_timeout(Duration::from_millis(300))).await;
    let worker = world.worker(2);
    world.publish(Lane::Bulk, &[Job::Gate(0)]).await;
    world.play.until_started(1).await;
    world.redis.kill();
    world.play.open_gate();
    assert!(worker.stop().await);
}
