//! Publishing, and what a queue says about itself.

use orgmirror_queue::{Lane, Publisher, QueueConfig, QueueError};
use tokio::task::JoinSet;

use crate::world::{Job, World, passes, until};

/// A batch larger than a chunk arrives whole, in order, each job once.
#[tokio::test]
async fn a_batch_arrives_whole_and_in_order() {
    let world = World::new().await;
    world.publish(Lane::Bulk, &passes(2_500)).await;
    assert_eq!(world.publisher.outstanding(Lane::Bulk).await.unwrap(), 2_500);
    let worker = world.worker(1);
    world.play.until_ended(2_500).await;
    world.until_empty().await;
    assert_eq!(world.play.ended_jobs(), passes(2_500));
    assert!(worker.stop().await);
}

/// Depth tells ready, delivered and delayed apart.
#[tokio::test]
async fn depth_counts_by_state() {
    let world = World::new().await;
    assert_eq!(world.publisher.depth().await.unwrap(), orgmirror_queue::Depth::default());
    let worker = world.worker(2);
    world.publish(Lane::Interactive, &[Job::Postpone { times: 1, ms: 3_600_000 }]).await;
    until("one is delayed", || async { world.publisher.depth().await.unwrap().interactive.delayed == 1 }).await;
    world.publish(Lane::Bulk, &(0..5).map(Job::Gate).collect::<Vec<_>>()).await;
    until("two are delivered", || async { world.publisher.depth().await.unwrap().bulk.delivered == 2 }).await;
    let bulk = *world.publisher.depth().await.unwrap().lane(Lane::Bulk);
    assert_eq!((bulk.ready, bulk.delayed, bulk.outstanding()), (3, 0, 5));
    let first_age = bulk.oldest.unwrap();
    until("the oldest ages", || async { world.publisher.depth().await.unwrap().bulk.oldest.unwrap() > first_age }).await;
    world.play.open_gate();
    world.play.until_ended(5).await;
    until("no bulk job is left", || async { world.publisher.outstanding(Lane::Bulk).await.unwrap() == 0 }).await;
    assert_eq!(world.publisher.depth().await.unwrap().bulk.oldest, None);
    assert_eq!(world.outstanding().await, 1);
    worker.kill();
}

/// Several publishers at once never exceed the window, and fill it.
#[tokio::test]
async fn the_window_holds_with_many_publishers() {
    let world = World::new().await;
    let mut publishers = JoinSet::new();
    for _ in 0..8 {
        let publisher = world.publisher.clone();
        publishers.spawn(async move { publisher.publish_within(Lane::Bulk, 2_000, &passes(1_500)).await.unwrap() });
    }
    assert_eq!(publishers.join_all().await.into_iter().sum::<usize>(), 2_000);
    assert_eq!(world.publisher.outstanding(Lane::Bulk).await.unwrap(), 2_000);
    assert_eq!(world.publisher.publish_within(Lane::Bulk, 2_003, &passes(9)).await.unwrap(), 3);
    assert_eq!(world.publisher.publish_within(Lane::Bulk, 10, &passes(9)).await.unwrap(), 0);
    assert_eq!(
        world.publisher.publish_within(Lane::Interactive, 10, &passes(9)).await.unwrap(),
        9,
        "lanes have windows of their own"
    );
}

/// The trace context reaches the handler, also that of a retried job.
#[tokio::test]
async fn the_trace_context_travels_with_the_job() {
    let world = World::with(|config| config.max_deliveries(2)).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    world.publisher.traced(parent).publish(Lane::Bulk, &[Job::Fail]).await.unwrap();
    world.publisher.traced(parent).publish_within(Lane::Bulk, 9, &[Job::Pass(1)]).await.unwrap();
    world.publish(Lane::Bulk, &[Job::Pass(2)]).await;
    let _worker = world.worker(1);
    world.until_dead(1).await;
    world.until_empty().await;
    for (job, delivery) in world.play.started() {
        let expected = (job != Job::Pass(2)).then_some(parent);
        assert_eq!(delivery.traceparent.as_deref(), expected, "{job:?}");
    }
    assert_eq!(world.play.attempts(&Job::Fail), [1, 2]);
}

/// A publisher is made without Redis, says that it is away, and works when it is there.
#[tokio::test]
async fn a_publisher_needs_no_redis_to_begin() {
    let world = World::new().await;
    world.redis.kill();
    let publisher = Publisher::new(world.config.clone());
    assert!(matches!(publisher.publish(Lane::Bulk, &passes(1)).await, Err(QueueError::Unavailable(_))));
    world.redis.start_again().await;
    until("publishing works", || async { publisher.publish(Lane::Bulk, &passes(1)).await.is_ok() }).await;
    let nowhere = Publisher::new(QueueConfig::new("no address at all", "q"));
    assert!(nowhere.depth().await.is_err());
}

/// Workers are counted while they are heard of: those at work, those without work, and not those that left.
#[tokio::test]
async fn workers_are_counted_while_they_are_heard_of() {
    let world = World::new().await;
    let counted = || async { world.publisher.workers().await.unwrap() };
    assert_eq!(counted().await, 0);
    let (at_work, idle) = (world.worker(1), world.worker(1));
    world.publish(Lane::Interactive, &[Job::Gate(0)]).await;
    until("both are heard of", || async { counted().await == 2 }).await;
    world.play.open_gate();
    assert!(idle.stop().await);
    until("one has left", || async { counted().await == 1 }).await;
    at_work.kill();
    until("the other's lease has run out", || async { counted().await == 0 }).await;
}
