//! What a worker does when it is dropped rather than stopped: a deadline cut it off.

use std::time::Duration;

use apalis::prelude::{BoxDynError, WorkerBuilder};
use orgmirror_queue::{Lane, StreamBackend};

use crate::world::{Job, World, until};

/// A dropped worker's jobs don't wait for a lease to run out: the process still lives and can tell.
#[tokio::test]
async fn a_dropped_worker_hands_back_at_once() {
    let world = World::with(|config| config.lease(Duration::from_secs(600))).await;
    world.publish(Lane::Bulk, &[Job::Pass(1), Job::Pass(2)]).await;
    let backend = StreamBackend::<Job>::new(world.config.clone(), 2);
    let worker = WorkerBuilder::new("cut-off").backend(backend).build(|_: Job| async {
        std::future::pending::<()>().await;
        Ok::<_, BoxDynError>(())
    });
    let running = tokio::spawn(worker.run());
    until("both are delivered", || async { world.publisher.depth().await.unwrap().bulk.delivered == 2 }).await;
    running.abort();
    let _heir = world.worker(2);
    world.play.until_ended(2).await;
    world.until_empty().await;
    until("the dropped one is deregistered", || async { world.consumers(Lane::Bulk).await.len() == 1 }).await;
}
