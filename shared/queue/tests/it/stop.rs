//! Stopping without losing or delaying anything.

use orgmirror_queue::Lane;

use crate::world::{Job, Worker, World, until};

/// A stop lets running handlers end, gives what was delivered and not started to others at once, and deregisters the consumer.
/// Method: apalis may start one job while the backend delivers four; the one that runs is at a gate, and the three others are done by
/// another worker before it opens.
#[tokio::test]
async fn a_stop_drains_and_hands_back() {
    let world = World::with(|config| config.lease(std::time::Duration::from_secs(600)).max_deliveries(1)).await;
    let stopping = Worker::start(world.config.clone(), 4, 1, world.play.clone());
    world.publish(Lane::Bulk, &[Job::Gate(0), Job::Pass(1), Job::Pass(2), Job::Pass(3)]).await;
    world.play.until_started(1).await;
    until("four are delivered", || async { world.publisher.depth().await.unwrap().bulk.delivered == 4 }).await;
    stopping.begin_stop();
    let other = world.worker(3);
    world.play.until_ended(3).await;
    assert_eq!(world.outstanding().await, 1, "the running job is still in hand");
    assert_eq!(world.play.attempts(&Job::Pass(1)), [1]);
    world.play.open_gate();
    assert!(stopping.stop().await);
    world.until_empty().await;
    assert_eq!(world.play.started().len(), 4);
    assert_eq!(world.consumers(Lane::Bulk).await.len(), 1);
    assert!(other.stop().await);
    assert!(world.consumers(Lane::Bulk).await.is_empty() && world.consumers(Lane::Interactive).await.is_empty());
}

/// Workers that come and go under load lose no job and run none twice.
#[tokio::test]
async fn a_rolling_restart_is_unnoticeable() {
    let world = World::with(|config| config.lease(std::time::Duration::from_secs(600))).await;
    world.publish(Lane::Bulk, &crate::world::passes(20_000)).await;
    let mut running = vec![world.worker(16), world.worker(16)];
    for round in 1..=5 {
        world.play.until_ended(round * 2_000).await;
        running.push(world.worker(16));
        assert!(running.remove(0).stop().await);
    }
    world.play.until_ended(20_000).await;
    world.until_empty().await;
    assert_eq!(world.play.ended(), 20_000);
}
