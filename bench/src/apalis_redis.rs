//! The same jobs through apalis' own storage on Redis, which the queue stands in for.
//!
//! It is set up as quick as it can be: no locks, no events, no results kept, large batches. Its fetching fails for ever once some 8,000
//! jobs are due, so the publisher stays below that; whoever publishes more at once can't use it at all. A job counts when it is handled,
//! acknowledged or not, which is to its advantage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{BoxDynError, Data, TaskSink, WorkerBuilder};
use apalis_redis::{Config, RedisStorage};
use tokio::time::sleep;

/// Jobs published in one go, as by the others.
const PUBLISHED_AT_ONCE: usize = 1_000;
/// Jobs that are published and not done, at most.
const OUTSTANDING_MAX: usize = 6_000;
/// A round that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at what is done: as the others do.
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Clone, Default)]
struct Done(Arc<AtomicUsize>);

impl Done {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

async fn nothing(_: usize, done: Data<Done>) -> Result<(), BoxDynError> {
    done.0.0.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Jobs done per second, from the first publish to the last done.
pub(crate) async fn done_per_second(redis: &str, jobs: usize, concurrency: usize, round: usize) -> Result<f64> {
    let connection = apalis_redis::connect(redis).await.context("connect to Redis")?;
    let config = Config::default().queue(format!("apalis-redis-{round}")).batch_size(PUBLISHED_AT_ONCE);
    let config = config.heartbeat_interval(Duration::from_secs(1)).lock_tasks(false).emit_events(false).persist_results(false);
    let mut storage = RedisStorage::<usize>::new(connection).with_config(config);
    let done = Done::default();
    let worker = WorkerBuilder::new(format!("apalis-redis-{round}")).backend(storage.clone());
    let worker = worker.data(done.clone()).concurrency(concurrency).build(nothing);
    let worker = AbortOnDrop(tokio::spawn(worker.run()));

    let numbers: Vec<usize> = (0..jobs).collect();
    let start = Instant::now();
    let mut published = 0;
    for chunk in numbers.chunks(PUBLISHED_AT_ONCE) {
        wait_until(start, &worker, || published - done.count() + chunk.len() <= OUTSTANDING_MAX).await?;
        storage.push_bulk(chunk.to_vec()).await.context("publish jobs")?;
        published += chunk.len();
    }
    wait_until(start, &worker, || done.count() >= jobs).await?;
    Ok(jobs as f64 / start.elapsed().as_secs_f64())
}

async fn wait_until<T>(start: Instant, worker: &AbortOnDrop<T>, reached: impl Fn() -> bool) -> Result<()> {
    while !reached() {
        if worker.0.is_finished() {
            bail!("its worker ended");
        }
        if start.elapsed() > PATIENCE {
            bail!("it was stuck after {PATIENCE:?}");
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
