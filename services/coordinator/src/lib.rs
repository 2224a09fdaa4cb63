//! Plans runs, publishes jobs, watches barriers, sweeps, drives tasks and bulk operations.
//!
//! All of it is one tick, repeated every second and whenever a commit hints that a barrier may have opened. A tick has no memory: it
//! asks Postgres what is to be done, and every change is a compare-and-set. So any number of coordinators may run, all of them tick,
//! and one that dies anywhere costs time, never correctness.
//!
//! Absent: calls to Atlassian (`worker`), SQL (`store`).

mod barrier;
mod dispatch;
mod events;
mod gauges;
mod initial;
mod operations;
mod requests;
mod schedule;
mod tasks;
mod upkeep;

use std::time::Duration;

use opentelemetry::KeyValue;
use orgmirror_domain::ids::{OrgId, OrgKey, RunKey};
use orgmirror_domain::operation::Limits;
use orgmirror_domain::sweep::SweepLimits;
use orgmirror_queue::{Inbox, Publisher, QueueConfig};
use orgmirror_runtime::trace;
use orgmirror_store::{PgListener, Store, StoreError, StoreResult};
use tokio_util::sync::CancellationToken;

pub use initial::initial_request;
pub use requests::{REQUESTS_GROUP, REQUESTS_STREAM, SyncRequest};
pub use schedule::SyncSchedule;

/// What a coordinator needs to run.
#[derive(Clone)]
pub struct CoordinatorSettings {
    /// The organisation that is configured; its row is made at start.
    pub org_id: OrgId,
    /// How long a job may stay silent before it is published again.
    pub lease: Duration,
    /// Above which a sweep waits for a person.
    pub sweep_limits: SweepLimits,
    /// How long a run that was held because nothing answered waits before it tries again.
    pub probe_every: Duration,
    /// How long the API may be behind what it was asked to change.
    pub settle_within: Duration,
    /// What operations that tasks ask for may do without, and may never do.
    pub limits: Limits,
    /// Whether an organisation that was never synced gets its first sync without being asked for it.
    pub initial: bool,
    /// Whether the stream of audit events is followed.
    pub events: bool,
    /// When syncs start by themselves; `None` for never.
    pub schedule: Option<SyncSchedule>,
    /// The queue that jobs go by.
    pub queue: QueueConfig,
    /// Redis, for requests from outside.
    pub redis_url: String,
    /// Stream of requests from outside.
    pub requests_stream: String,
}

/// Nothing hints at everything, so the tick comes by itself too.
const TICK: Duration = Duration::from_secs(1);

/// Ticks until `stop` is cancelled. A failing tick is logged and tried again: the database may be back by then.
pub async fn run(settings: CoordinatorSettings, store: Store, stop: CancellationToken) -> Result<(), StoreError> {
    let org = store.ensure_org(&settings.org_id).await?;
    let publisher = Publisher::new(settings.queue.clone());
    let inbox = Inbox::new(settings.redis_url.clone(), settings.requests_stream.clone(), REQUESTS_GROUP);
    let requests = tokio::spawn(requests::answer_for_ever(store.clone(), inbox, stop.clone()));
    let upkeep = tokio::spawn(upkeep::for_ever(store.clone(), stop.clone()));
    let gauges = tokio::spawn(gauges::for_ever(store.clone(), publisher.clone(), org, settings.org_id.clone(), stop.clone()));
    let mut hints = Hints::default();
    let mut healthy = true;
    while !stop.is_cancelled() {
        match tick(&store, &publisher, &settings, org).await {
            Ok(()) => healthy = true,
            Err(error) if healthy => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a tick failed; trying again every second");
                healthy = false;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = hints.next(&store) => {}
            () = stop.cancelled() => {}
        }
    }
    // All end by the same token; what they were doing is finished.
    let _ended = tokio::join!(requests, upkeep, gauges);
    Ok(())
}

/// One look at everything. One run's trouble is not the others': what follows is done all the same, then the first error is told.
async fn tick(store: &Store, publisher: &Publisher, settings: &CoordinatorSettings, org: OrgKey) -> StoreResult<()> {
    upkeep::resume_after_outage(store, settings.probe_every).await?;
    // Before runs start: what operations need is read by a run of this very tick.
    let mut outcome = tasks::look_after(store, org, &settings.limits).await;
    let operations = operations::look_after(store, org, settings.settle_within).await;
    // What cannot be looked after is published all the same.
    let open = *operations.as_ref().unwrap_or(&true);
    outcome = outcome.and(operations.map(drop));
    if settings.initial {
        outcome = outcome.and(initial::ask(store, org, &settings.org_id).await);
    }
    if settings.events {
        outcome = outcome.and(events::have_read(store, publisher, org).await);
    }
    if let Some(wanted) = &settings.schedule {
        outcome = outcome.and(schedule::start_due(store, org, &settings.org_id, wanted).await);
    }
    for (org, run) in store.startable_runs().await? {
        match store.start_run(org, run).await {
            Ok(true) => started(store, settings, run).await,
            Ok(false) => {}
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    for run in store.open_runs().await? {
        if let Err(error) = barrier::advance(store, settings, run).await {
            outcome = outcome.and(Err(error));
        }
    }
    outcome = outcome.and(dispatch::dispatch(store, publisher, org, settings.lease).await);
    if open {
        outcome = outcome.and(operations::dispatch(store, publisher, org, settings.lease).await);
    }
    outcome
}

/// Tells of a run that this coordinator has just started: it alone, since it alone moved the run.
async fn started(store: &Store, settings: &CoordinatorSettings, run: RunKey) {
    match store.origin(run).await {
        Ok(origin) => {
            tracing::info!(run.id = %origin.run_id, kind = %origin.kind, "a run started");
            let attributes = vec![
                KeyValue::new("run.id", origin.run_id.to_string()),
                KeyValue::new("run.kind", origin.kind.as_str()),
                KeyValue::new("org.id", settings.org_id.as_str().to_owned()),
            ];
            trace::root("run", origin.run_id.0, origin.requested_at.into(), attributes, &origin.askers);
        }
        // It has started all the same; its trace has no root.
        Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, run.key = run.0, "a run started"),
    }
}

/// Wakes by a commit's hint, or after a second.
#[derive(Default)]
struct Hints {
    listener: Option<PgListener>,
}

impl Hints {
    async fn next(&mut self, store: &Store) {
        if self.listener.is_none() {
            // Without a listener (a pooler that has no LISTEN, a database that is away) the second's tick remains.
            self.listener = store.listen().await.ok();
        }
        let Some(listener) = &mut self.listener else { return pause().await };
        tokio::select! {
            hint = listener.recv() => if hint.is_err() { self.listener = None },
            () = pause() => return,
        }
        // One tick answers all hints that came together.
        if let Some(listener) = &mut self.listener {
            while let Some(Ok(_)) = futures::FutureExt::now_or_never(listener.recv()) {}
        }
    }
}

async fn pause() {
    tokio::time::sleep(TICK).await;
}
