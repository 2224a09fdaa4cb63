//! Works on jobs: one handler for each kind, which fetches, writes and completes; on items of bulk operations, which change something; and on the stream of events.
//!
//! A delivery is a hint. What is to be done is read from the ledger, and whether it was done is decided by the transaction that
//! commits it; so a duplicate, late or zombie delivery changes nothing.
//!
//! Absent: decisions about runs (`coordinator`), what a transaction holds (`store`), how the API is spoken to (`atlassian`).

mod api_key;
mod chain;
mod circuit;
mod env;
mod group_commit;
mod held;
mod jobs;
mod measure;
mod read;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{BoxDynError, Data, Monitor, ParallelizeExt, WorkerBuilder};
use orgmirror_atlassian::{Budget, BudgetSettings, KeySource};
use orgmirror_domain::ids::{OrgId, OrgKey};
use orgmirror_domain::job::{JobKind, JobMessage, Message};
use orgmirror_queue::{Delivery, Lane, Publisher, QueueConfig, StreamBackend};
use orgmirror_runtime::trace::{self, Sampling};
use orgmirror_store::attempt::Job;
use orgmirror_store::lookup::Committed;
use orgmirror_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use env::Env;
use measure::{Busy, Ended};

/// What a worker needs to run.
#[derive(Clone)]
pub struct WorkerSettings {
    /// Its organisation.
    pub org_id: OrgId,
    /// Scheme and host of the API.
    pub base_url: String,
    /// Where its key comes from.
    pub key: KeySource,
    /// Calls in flight at most.
    pub concurrency: usize,
    /// How long a job may stay silent before it is published again.
    pub lease: Duration,
    /// Redis, for the call budget.
    pub redis_url: String,
    /// The budget's keys and rate.
    pub budget: BudgetSettings,
    /// The queue that jobs come by.
    pub queue: QueueConfig,
    /// How long a single call may take.
    pub request_timeout: Duration,
    /// How long the API may take to apply and to show what it was asked to change.
    pub settle_within: Duration,
    /// The share of page jobs whose spans are kept, 0 to 1.
    pub page_share: f64,
}

/// Why a worker could not start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The database.
    #[error("cannot start the worker")]
    Store(#[from] StoreError),
    /// The API's address or key cannot be used.
    #[error("cannot set up the client of the Organization API")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The queue ended by itself.
    #[error("the queue worker ended")]
    Queue(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Works until `stop` is cancelled, then finishes or hands back what is under way.
pub async fn run(settings: WorkerSettings, store: Store, stop: CancellationToken) -> Result<(), WorkerError> {
    let org = store.ensure_org(&settings.org_id).await?;
    let env = Arc::new(start(&settings, store, org, stop.clone()).await?);
    measure::from_zero(settings.concurrency);
    let heartbeat = tokio::spawn(held::beat(Arc::clone(&env), settings.lease / 3));
    let watch = tokio::spawn(Arc::clone(&env).watch_key());
    let budget = tokio::spawn(env.api.watch_budget(Arc::clone(&env)));
    // The name is unique for each start, so what a dead process held is taken over and not confused with ours.
    let name = format!("worker-{}", Uuid::now_v7());
    let (queue, concurrency) = (settings.queue.clone(), settings.concurrency);
    let monitor = Monitor::new()
        .register({
            let env = Arc::clone(&env);
            move |restarts| {
                WorkerBuilder::new(format!("{name}-{restarts}"))
                    .backend(StreamBackend::<Message>::new(queue.clone(), concurrency))
                    .data(Arc::clone(&env))
                    // Reading a page's JSON takes a millisecond of a core: on one task they would wait for one another.
                    .parallelize(tokio::spawn)
                    .build(handle)
            }
        })
        .should_restart(|_, _| true)
        .shutdown_timeout(Duration::from_secs(25));
    let signal = async move {
        stop.cancelled().await;
        Ok(())
    };
    let ended = monitor.run_with_signal(signal).await;
    heartbeat.abort();
    watch.abort();
    budget.abort();
    ended.map_err(|error| WorkerError::Queue(error.into()))
}

async fn start(settings: &WorkerSettings, store: Store, org: OrgKey, stop: CancellationToken) -> Result<Env, WorkerError> {
    let redis = redis::Client::open(settings.redis_url.as_str()).map_err(|error| WorkerError::Client(error.into()))?;
    let budget = Budget::new(redis, settings.budget.clone()).map_err(|error| WorkerError::Client(error.into()))?;
    let api = api_key::Api::new(settings, budget).map_err(WorkerError::Client)?;
    // Whoever starts last has the key that a person set last.
    let stored = api.key();
    store.set_current_key(org, stored.key.fingerprint().as_str(), stored.expires_on).await?;
    Ok(Env::new(store, api, Publisher::new(settings.queue.clone()), org, settings, stop))
}

/// A job that was on so many workers when they died is not given to another.
const DEATHS: u64 = 3;

/// What a delivery is about.
async fn handle(message: Message, env: Data<Arc<Env>>, delivery: Data<Delivery>) -> Result<(), BoxDynError> {
    let _busy = Busy::start();
    fail::fail_point!("worker::after_receive");
    match message {
        Message::Job(message) => read_job(&env, message, &delivery).await,
        Message::Item(message) => jobs::change_item::change_item(&env, message.item).await,
        Message::Events(message) if message.events_of == env.org => jobs::events::follow_events(&env).await,
        Message::Events(_) => Ok(()),
    }
}

/// The table of handlers of jobs, all of which read.
async fn read_job(env: &Env, message: JobMessage, delivery: &Delivery) -> Result<(), BoxDynError> {
    let job = match env.store.job(message.job).await {
        Ok(Some(job)) => job,
        Ok(None) => return Ok(()),
        Err(error) => return settle::database(message.job, &error),
    };
    if job.org != env.org {
        return Ok(());
    }
    if delivery.attempt > DEATHS {
        // Not its answers but its workers failed: whoever takes it next would die too.
        let reason = format!("the worker that had this job died {DEATHS} times; it is set aside");
        env.store.fail_job(job.run, job.key, 0, &reason).await?;
        Ended::Failed.count(job.kind);
        return Ok(());
    }
    let sampling = if job.kind.is_page() { Sampling::of(job.key.0, env.page_share) } else { Sampling::Kept };
    let span = tracing::info_span!(
        "job", otel.name = %format_args!("process {}", job.kind), otel.kind = "consumer", messaging.system = "redis",
        messaging.operation.name = "process", messaging.destination.name = delivery.lane.name(), messaging.message.id = delivery.id,
        run.id = %job.run_id, job.kind = %job.kind, job.key = job.key.0
    );
    trace::join(&span, job.run_id.0, sampling);
    work_on(env, job, delivery.lane).instrument(span).await
}

/// Does what the job asks for, and counts how it ended.
async fn work_on(env: &Env, job: Job, lane: Lane) -> Result<(), BoxDynError> {
    let held = env.held.hold(job.key);
    let mut job = env.deliver(job, lane, held);
    let outcome = match job.kind {
        JobKind::Plan => jobs::plan::plan(env, &job).await,
        JobKind::UsersPage | JobKind::MemberPage | JobKind::RolePage => jobs::scan_users::scan_users(env, &mut job).await,
        JobKind::GroupsPage => jobs::scan_groups::scan_groups(env, &mut job).await,
        JobKind::GroupGrants => jobs::group_grants::group_grants(env, &job).await,
        JobKind::AccountLookup => jobs::look_up::accounts(env, &job).await,
        JobKind::GroupLookup => jobs::look_up::groups(env, &job).await,
        JobKind::Count => jobs::count::count(env, &job).await,
        JobKind::Roles => jobs::roles::roles(env, &job).await,
    };
    fail::fail_point!("worker::after_commit_before_ack");
    let ended = match outcome {
        Ok(Committed::Now) => {
            job.committed();
            return Ok(());
        }
        Ok(Committed::Refused) => Ok(Ended::Late),
        Err(left) => settle::settle(env, &job, left).await.or_else(settle::uncounted),
    };
    // What is postponed comes back.
    ended.as_ref().map_or(Ended::Again, |ended| *ended).count(job.kind);
    ended.map(|_| ())
}
