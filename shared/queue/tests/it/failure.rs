//! Handlers that fail, and entries that can't be read.

use orgmirror_queue::Lane;

use crate::world::{Job, World, passes, until};

/// A failing job is tried as often as configured, then set aside with the reason.
#[tokio::test]
async fn failures_are_retried_and_end_in_the_dead_stream() {
    let world = World::with(|config| config.max_deliveries(3)).await;
    let _worker = world.worker(2);
    world.publish(Lane::Bulk, &[Job::Fail]).await;
    world.until_dead(1).await;
    world.until_empty().await;
    assert_eq!(world.play.attempts(&Job::Fail), [1, 2, 3]);
    let dead = &world.dead().await[0];
    assert_eq!((dead["reason"].as_str(), dead["attempts"].as_str(), dead["lane"].as_str()), ("failed as told", "3", "bulk"));
    assert_eq!(dead["job"], "\"Fail\"");
}

/// An aborted job is set aside at once.
#[tokio::test]
async fn an_abort_is_final() {
    let world = World::new().await;
    let _worker = world.worker(2);
    world.publish(Lane::Interactive, &[Job::Abort]).await;
    world.until_dead(1).await;
    world.until_empty().await;
    assert_eq!(world.play.attempts(&Job::Abort), [1]);
    assert!(world.dead().await[0]["reason"].contains("aborted as told"));
}

/// A panic is a failed attempt: the worker and the jobs beside it don't notice.
#[tokio::test]
async fn a_panic_is_a_failed_attempt() {
    let world = World::with(|config| config.max_deliveries(2)).await;
    let worker = world.worker(4);
    world.publish(Lane::Bulk, &[Job::Gate(0), Job::Panic]).await;
    world.until_dead(1).await;
    assert_eq!(world.play.attempts(&Job::Panic), [1, 2]);
    assert_eq!(world.dead().await[0]["reason"], "panic: panicked as told");
    world.publish(Lane::Bulk, &passes(10)).await;
    world.play.open_gate();
    world.play.until_ended(11).await;
    assert!(worker.stop().await);
}

/// Entries that can't be read are set aside; those that came in the same batch are done, once.
#[tokio::test]
async fn poison_harms_nobody_else() {
    let world = World::new().await;
    world.publish(Lane::Bulk, &passes(5)).await;
    let _: String = world.redis.ask("XADD {q}:bulk * job {\"Unheard\":1}").await;
    let _: String = world.redis.ask("XADD {q}:bulk * nonsense 1").await;
    let mut command = redis::cmd("XADD");
    command.arg("{q}:bulk").arg("*").arg(&b"\xff\x00"[..]).arg(&b"\xfe"[..]);
    let _: String = command.query_async(&mut world.redis.connection().await).await.unwrap();
    world.publish(Lane::Bulk, &(5..10).map(Job::Pass).collect::<Vec<_>>()).await;
    let _worker = world.worker(20);
    world.play.until_ended(10).await;
    world.until_empty().await;
    assert_eq!(world.publisher.depth().await.unwrap().dead, 3);
    let dead = world.dead().await;
    assert!(dead[0]["reason"].contains("unknown variant") && dead[0]["job"].contains("Unheard"));
    assert!(dead[1]["reason"].contains("no field `job`") && dead[1]["nonsense"] == "1");
    assert_eq!(world.play.started().len(), 10);
}

/// A job that kills the process is given up when its deliveries are used up, and is not started once more for that.
#[tokio::test]
async fn a_job_that_kills_its_worker_is_given_up() {
    let world = World::with(|config| config.max_deliveries(2)).await;
    world.publish(Lane::Bulk, &[Job::Gate(0)]).await;
    for deaths in 1..=2 {
        let doomed = world.worker(1);
        world.play.until_started(deaths).await;
        doomed.kill();
    }
    let _heir = world.worker(1);
    world.until_dead(1).await;
    world.until_empty().await;
    assert_eq!(world.play.attempts(&Job::Gate(0)), [1, 2]);
    assert!(world.dead().await[0]["reason"].starts_with("2 deliveries ended without a word"));
}

/// The dead stream has a bound.
#[tokio::test]
async fn the_dead_stream_is_capped() {
    let world = World::with(|config| config.dead_entries_max(200)).await;
    let _worker = world.worker(64);
    world.publish(Lane::Bulk, &vec![Job::Abort; 3_000]).await;
    until("all are given up", || async { world.play.started().len() == 3_000 }).await;
    world.until_empty().await;
    let kept = world.publisher.depth().await.unwrap().dead;
    assert!((200..=400).contains(&kept), "kept {kept}");
}
