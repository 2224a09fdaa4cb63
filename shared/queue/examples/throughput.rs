//! What the queue costs over bare Redis Streams, with jobs that do nothing.
//!
//! `cargo run --release -p orgmirror-queue --example throughput -- redis://127.0.0.1:6379/ 200000 64`
//!
//! Prints a line of JSON for each contender: jobs published per second, and jobs from the first publish to the last done per second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use apalis::prelude::{BoxDynError, Data, WorkerBuilder};
use orgmirror_queue::{Lane, Publisher, QueueConfig, StreamBackend};
use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;

/// Jobs published in one go, by all contenders alike.
const PUBLISHED_AT_ONCE: usize = 1_000;

/// Seconds of one contender.
struct Times {
    publishing: f64,
    whole: f64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().context("usage: throughput <url> <jobs> <concurrency>")?;
    let jobs: usize = arguments.next().as_deref().unwrap_or("200000").parse().context("number of jobs")?;
    let concurrency: usize = arguments.next().as_deref().unwrap_or("64").parse().context("concurrency")?;
    for round in 1..=3 {
        print("bare-streams", round, jobs, concurrency, &bare(&url, jobs, concurrency).await?);
        print("orgmirror-queue", round, jobs, concurrency, &queue(&url, jobs, concurrency).await?);
    }
    Ok(())
}

fn print(what: &str, round: usize, jobs: usize, concurrency: usize, times: &Times) {
    let per_second = |seconds: f64| (jobs as f64 / seconds).round();
    let line = serde_json::json!({
        "what": what, "round": round, "jobs": jobs, "concurrency": concurrency,
        "published_per_s": per_second(times.publishing), "done_per_s": per_second(times.whole),
    });
    println!("{line}");
}

/// Counts jobs down.
#[derive(Clone)]
struct Countdown(Arc<(AtomicUsize, Notify)>);

impl Countdown {
    fn from(jobs: usize) -> Self {
        Self(Arc::new((AtomicUsize::new(jobs), Notify::new())))
    }

    fn done(&self, jobs: usize) {
        if self.0.0.fetch_sub(jobs, Ordering::Relaxed) == jobs {
            self.0.1.notify_one();
        }
    }
}

async fn nothing(_: usize, countdown: Data<Countdown>) -> Result<(), BoxDynError> {
    countdown.done(1);
    Ok(())
}

async fn queue(url: &str, jobs: usize, concurrency: usize) -> anyhow::Result<Times> {
    let config = QueueConfig::new(url, format!("throughput-{}", std::process::id()));
    let publisher = Publisher::new(config.clone());
    let countdown = Countdown::from(jobs);
    let backend = StreamBackend::<usize>::new(config, concurrency);
    let worker = WorkerBuilder::new("throughput").backend(backend).data(countdown.clone()).build(nothing);
    let worker = tokio::spawn(worker.run());
    let numbers: Vec<usize> = (0..jobs).collect();
    let start = Instant::now();
    publisher.publish(Lane::Bulk, &numbers).await?;
    let publishing = start.elapsed().as_secs_f64();
    countdown.0.1.notified().await;
    while publisher.outstanding(Lane::Bulk).await? > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let whole = start.elapsed().as_secs_f64();
    worker.abort();
    Ok(Times { publishing, whole })
}

/// A loop over the same commands, with neither leases nor lanes nor retries.
async fn bare(url: &str, jobs: usize, concurrency: usize) -> anyhow::Result<Times> {
    let client = redis::Client::open(url)?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    let key = format!("bare-{}", std::process::id());
    redis::cmd("XGROUP").arg("CREATE").arg(&key).arg("group").arg("0").arg("MKSTREAM").exec_async(&mut redis).await?;
    let reader = client.get_multiplexed_async_connection().await?;
    let consuming = tokio::spawn(consume(reader, key.clone(), jobs, concurrency));
    let start = Instant::now();
    let numbers: Vec<usize> = (0..jobs).collect();
    for chunk in numbers.chunks(PUBLISHED_AT_ONCE) {
        let mut pipe = redis::pipe();
        for number in chunk {
            pipe.cmd("XADD").arg(&key).arg("*").arg("job").arg(serde_json::to_vec(number)?).ignore();
        }
        pipe.exec_async(&mut redis).await?;
    }
    let publishing = start.elapsed().as_secs_f64();
    consuming.await??;
    let whole = start.elapsed().as_secs_f64();
    redis::cmd("DEL").arg(&key).exec_async(&mut redis).await?;
    Ok(Times { publishing, whole })
}

async fn consume(mut redis: MultiplexedConnection, key: String, jobs: usize, batch: usize) -> anyhow::Result<()> {
    let mut left = jobs;
    while left > 0 {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP")
            .arg("group")
            .arg("consumer")
            .arg("COUNT")
            .arg(batch)
            .arg("BLOCK")
            .arg(200)
            .arg("STREAMS")
            .arg(&key)
            .arg(">");
        let read: redis::streams::StreamReadReply = read.query_async(&mut redis).await?;
        let entries: Vec<_> = read.keys.into_iter().flat_map(|stream| stream.ids).collect();
        if entries.is_empty() {
            continue;
        }
        for entry in &entries {
            let job: Vec<u8> = entry.get("job").context("a job")?;
            let _: usize = serde_json::from_slice(&job)?;
        }
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let mut pipe = redis::pipe();
        pipe.cmd("XACK").arg(&key).arg("group").arg(&ids).ignore().cmd("XDEL").arg(&key).arg(&ids).ignore();
        pipe.exec_async(&mut redis).await?;
        left -= ids.len();
    }
    Ok(())
}
