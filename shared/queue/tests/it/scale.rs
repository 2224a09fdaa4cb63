//! Large numbers.

use orgmirror_queue::Lane;

use crate::world::{Job, World, passes, until};

impl World {
    async fn memory(&self) -> u64 {
        let info: String = self.redis.ask("INFO memory").await;
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        line.trim().parse().unwrap()
    }
}

/// 200,000 finished jobs leave nothing behind.
#[tokio::test]
async fn memory_stays_flat() {
    let world = World::new().await;
    let _worker = world.worker(64);
    let batch = passes(10_000);
    let mut after_first = 0;
    for round in 1..=20 {
        world.publish(Lane::Bulk, &batch).await;
        world.play.until_ended(round * batch.len()).await;
        world.until_empty().await;
        if round == 1 {
            after_first = world.memory().await;
        }
    }
    let after_all = world.memory().await;
    assert!(after_all < after_first + 1_000_000, "{after_first} bytes after 10,000 jobs, {after_all} after 200,000");
}

/// 110,000 jobs wait at once, as many as a large run may register, and all are done.
#[tokio::test]
async fn many_may_wait() {
    let world = World::new().await;
    world.publish(Lane::Bulk, &passes(110_000)).await;
    assert_eq!(world.publisher.outstanding(Lane::Bulk).await.unwrap(), 110_000);
    let _workers = (world.worker(32), world.worker(32));
    world.play.until_ended(110_000).await;
    world.until_empty().await;
    assert_eq!(world.play.ended(), 110_000);
}

/// 20,000 jobs are delayed to one moment, and all come back.
#[tokio::test]
async fn many_may_be_delayed() {
    let world = World::new().await;
    let _worker = world.worker(64);
    let jobs: Vec<Job> = (0..20_000).map(|n| Job::Postpone { times: 0, ms: n }).collect();
    world.publish(Lane::Bulk, &jobs).await;
    let delayed = format!("{{q}}:{}:delayed", Lane::Bulk);
    until("some went through", || async { world.play.ended() > 0 }).await;
    // A script stands in for 20,000 handlers: packs entries the way a postponed delivery is packed.
    let script = redis::Script::new(
        "for i = 1, 20000 do redis.call('ZADD', KEYS[1], 1, cmsgpack.pack({'x' .. i, 'job', '{\"Pass\":' .. i .. '}', 'attempts', '0'})) end",
    );
    let _: () = script.key(delayed).invoke_async(&mut world.redis.connection().await).await.unwrap();
    world.play.until_ended(40_000).await;
    world.until_empty().await;
}
