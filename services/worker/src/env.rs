//! All that a handler may touch.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orgmirror_domain::ids::{JobKey, OrgKey};
use orgmirror_queue::{Lane, Publisher};
use orgmirror_store::Store;
use orgmirror_store::attempt::Job;
use tokio_util::sync::CancellationToken;

use crate::WorkerSettings;
use crate::api_key::Api;
use crate::circuit::Circuit;
use crate::group_commit::GroupCommit;
use crate::held::{Held, Hold};
use crate::measure::Stopwatch;

/// The worker's parts.
pub(crate) struct Env {
    pub(crate) store: Store,
    pub(crate) api: Api,
    pub(crate) publisher: Publisher,
    pub(crate) group_commit: GroupCommit,
    pub(crate) held: Held,
    pub(crate) org: OrgKey,
    pub(crate) concurrency: usize,
    pub(crate) lease: Duration,
    pub(crate) page_share: f64,
    /// From a call's sending on: then it has ended at the client, and the API has applied it or never will.
    pub(crate) call_settles_within: Duration,
    pub(crate) stop: CancellationToken,
    pub(crate) circuit: Circuit,
}

/// A job of one delivery: what the ledger says, by which lane it came, and that it is held.
#[derive(Clone)]
pub(crate) struct Delivered {
    job: Job,
    delivered: JobKey,
    pub(crate) lane: Lane,
    held: Arc<Mutex<Hold>>,
    stopwatch: Stopwatch,
}

impl Env {
    pub(crate) fn new(
        store: Store,
        api: Api,
        publisher: Publisher,
        org: OrgKey,
        settings: &WorkerSettings,
        stop: CancellationToken,
    ) -> Self {
        let group_commit = GroupCommit::start(&store);
        let (held, circuit) = (Held::default(), Circuit::new());
        let (concurrency, lease, page_share) = (settings.concurrency, settings.lease, settings.page_share);
        let call_settles_within = settings.request_timeout + settings.settle_within;
        Self {
            store,
            api,
            publisher,
            group_commit,
            held,
            org,
            concurrency,
            lease,
            page_share,
            call_settles_within,
            stop,
            circuit,
        }
    }

    pub(crate) fn deliver(&self, job: Job, lane: Lane, held: Hold) -> Delivered {
        let stopwatch = Stopwatch::start(job.kind);
        Delivered { delivered: job.key, job, lane, held: Arc::new(Mutex::new(held)), stopwatch }
    }
}

impl Delivered {
    pub(crate) fn key(&self) -> JobKey {
        self.job.key
    }

    /// The job that the delivery brought.
    pub(crate) fn delivered(&self) -> JobKey {
        self.delivered
    }

    /// Its effect is committed; what follows is the next page's time.
    pub(crate) fn committed(&mut self) {
        self.stopwatch.done();
    }

    /// Goes on with the next page of the chain, which is held from now on.
    pub(crate) fn pass_on(&mut self, next: JobKey) {
        self.job.key = next;
        self.job.attempts = 0;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).pass_on(next);
    }

    pub(crate) fn job_mut(&mut self) -> &mut Job {
        &mut self.job
    }
}

impl Deref for Delivered {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}
