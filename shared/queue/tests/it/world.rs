//! A Redis server, workers that can be stopped or killed, and a handler whose jobs say what should happen to them.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apalis::prelude::{AbortError, BoxDynError, Data, Monitor, WorkerBuilder, WorkerBuilderExt};
use orgmirror_queue::{Delivery, Lane, Postpone, Publisher, QueueConfig, StreamBackend};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Short, so that tests need not wait long for a lease to run out.
pub(crate) const LEASE: Duration = Duration::from_millis(900);

/// Waits until something is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A redis-server without persistence.
pub(crate) struct Server {
    port: u16,
    process: Mutex<Child>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = Self { port, process: Mutex::new(spawn(port)) };
        server.until_it_answers().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// As the log names it.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    /// Runs a command given in words.
    pub(crate) async fn ask<R: redis::FromRedisValue>(&self, words: &str) -> R {
        let mut words = words.split_whitespace();
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command.query_async(&mut self.connection().await).await.unwrap()
    }

    async fn until_it_answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        until("Redis answers", || async { client.get_multiplexed_async_connection().await.is_ok() }).await;
    }

    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Empty, as after a crash without persistence.
    pub(crate) async fn start_again(&self) {
        *self.process.lock().unwrap() = spawn(self.port);
        self.until_it_answers().await;
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }
}

fn spawn(port: u16) -> Child {
    let port = port.to_string();
    let arguments = ["--port", &port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];
    Command::new("redis-server").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// What a handler should do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Nothing.
    Pass(u32),
    /// Wait until the gate opens.
    Gate(u32),
    /// Wait until the gate opens, then fail.
    FailAtGate,
    /// Fail each time.
    Fail,
    /// Fail for good.
    Abort,
    /// Panic while it runs.
    Panic,
    /// Ask for a delay, so many times.
    Postpone { times: usize, ms: u64 },
}

/// What handlers were given, shared by all workers of a test.
#[derive(Clone)]
pub(crate) struct Play {
    started: Arc<Mutex<Vec<(Job, Delivery)>>>,
    ended: Arc<Mutex<Vec<Job>>>,
    gate: watch::Sender<bool>,
}

impl Play {
    pub(crate) fn started(&self) -> Vec<(Job, Delivery)> {
        self.started.lock().unwrap().clone()
    }

    pub(crate) fn ended(&self) -> usize {
        self.ended.lock().unwrap().len()
    }

    pub(crate) fn ended_jobs(&self) -> Vec<Job> {
        self.ended.lock().unwrap().clone()
    }

    pub(crate) fn attempts(&self, of: &Job) -> Vec<u64> {
        self.started().iter().filter(|(job, _)| job == of).map(|(_, delivery)| delivery.attempt).collect()
    }

    pub(crate) fn open_gate(&self) {
        self.gate.send_replace(true);
    }

    pub(crate) async fn until_started(&self, count: usize) {
        until(&format!("{count} jobs are started"), || async { self.started.lock().unwrap().len() >= count }).await;
    }

    pub(crate) async fn until_ended(&self, count: usize) {
        until(&format!("{count} jobs are done"), || async { self.ended() >= count }).await;
    }
}

async fn handle(job: Job, delivery: Data<Delivery>, play: Data<Play>) -> Result<(), BoxDynError> {
    play.started.lock().unwrap().push((job.clone(), (*delivery).clone()));
    match &job {
        Job::Pass(_) => {}
        Job::Gate(_) => drop(play.gate.subscribe().wait_for(|open| *open).await?),
        Job::FailAtGate => {
            play.gate.subscribe().wait_for(|open| *open).await?;
            return Err("failed as told".into());
        }
        Job::Fail => return Err("failed as told".into()),
        Job::Abort => return Err(AbortError::new("aborted as told").into()),
        Job::Panic => panic!("panicked as told"),
        Job::Postpone { times, ms } if play.attempts(&job).len() <= *times => {
            return Err(Postpone(Duration::from_millis(*ms)).into());
        }
        Job::Postpone { .. } => {}
    }
    play.ended.lock().unwrap().push(job);
    Ok(())
}

/// A worker with a runtime of its own, so that it can die like a process.
pub(crate) struct Worker {
    runtime: Option<Runtime>,
    stop: CancellationToken,
    stopped: Option<oneshot::Receiver<bool>>,
}

impl Worker {
    /// `starts_at_most` bounds what apalis starts below what the backend delivers.
    pub(crate) fn start(config: QueueConfig, concurrency: usize, starts_at_most: usize, play: Play) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (stop, (tell, stopped)) = (CancellationToken::new(), oneshot::channel());
        let token = stop.clone();
        runtime.spawn(async move {
            let monitor = Monitor::new().register(move |_| {
                WorkerBuilder::new("worker")
                    .backend(StreamBackend::<Job>::new(config.clone(), concurrency))
                    .data(play.clone())
                    .concurrency(starts_at_most)
                    .build(handle)
            });
            let signal = async move {
                token.cancelled().await;
                Ok(())
            };
            let _ = tell.send(monitor.run_with_signal(signal).await.is_ok());
        });
        Self { runtime: Some(runtime), stop, stopped: Some(stopped) }
    }

    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Whether it ended well.
    pub(crate) async fn stop(mut self) -> bool {
        self.begin_stop();
        tokio::time::timeout(Duration::from_secs(20), self.stopped.take().unwrap()).await.expect("stops").unwrap()
    }

    /// Without a word to anybody.
    pub(crate) fn kill(self) {}
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A server, a queue on it, and the record of what handlers did.
pub(crate) struct World {
    pub(crate) redis: Server,
    pub(crate) config: QueueConfig,
    pub(crate) publisher: Publisher,
    pub(crate) play: Play,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(change: impl FnOnce(QueueConfig) -> QueueConfig) -> Self {
        let redis = Server::start().await;
        let config = QueueConfig::new(redis.url(), "q").lease(LEASE).retry(Duration::from_millis(20), Duration::from_millis(100));
        let config = change(config);
        let play = Play { started: Arc::default(), ended: Arc::default(), gate: watch::Sender::new(false) };
        Self { publisher: Publisher::new(config.clone()), redis, config, play }
    }

    pub(crate) fn worker(&self, concurrency: usize) -> Worker {
        Worker::start(self.config.clone(), concurrency, concurrency, self.play.clone())
    }

    pub(crate) async fn publish(&self, lane: Lane, jobs: &[Job]) {
        self.publisher.publish(lane, jobs).await.unwrap();
    }

    pub(crate) async fn outstanding(&self) -> u64 {
        let depth = self.publisher.depth().await.unwrap();
        depth.interactive.outstanding() + depth.bulk.outstanding()
    }

    pub(crate) async fn until_empty(&self) {
        until("nothing is outstanding", || async { self.outstanding().await == 0 }).await;
    }

    pub(crate) async fn until_dead(&self, count: u64) {
        until("entries are set aside", || async { self.publisher.depth().await.unwrap().dead >= count }).await;
    }

    /// Fields of the entries that were given up.
    pub(crate) async fn dead(&self) -> Vec<std::collections::HashMap<String, String>> {
        let entries: Vec<(String, Vec<Vec<u8>>)> = self.redis.ask("XRANGE {q}:dead - +").await;
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        entries.into_iter().map(|(_, flat)| flat.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect()).collect()
    }

    /// Names of a lane's consumers; empty without a group.
    pub(crate) async fn consumers(&self, lane: Lane) -> Vec<String> {
        let mut connection = self.redis.connection().await;
        let mut command = redis::cmd("XINFO");
        command.arg("CONSUMERS").arg(format!("{{q}}:{lane}")).arg("workers");
        let answer: redis::RedisResult<redis::streams::StreamInfoConsumersReply> = command.query_async(&mut connection).await;
        answer.map(|reply| reply.consumers.into_iter().map(|consumer| consumer.name).collect()).unwrap_or_default()
    }
}

pub(crate) fn passes(count: u32) -> Vec<Job> {
    (0..count).map(Job::Pass).collect()
}
