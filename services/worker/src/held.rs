//! The jobs that this process works on or waits for: one statement each third of a lease says so for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orgmirror_domain::ids::JobKey;

use crate::env::Env;

/// Jobs held, each by how many deliveries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(Arc<Mutex<HashMap<JobKey, usize>>>);

/// A job that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    jobs: Held,
    job: JobKey,
}

impl Held {
    pub(crate) fn hold(&self, job: JobKey) -> Hold {
        *self.locked().entry(job).or_default() += 1;
        Hold { jobs: self.clone(), job }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<JobKey, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<JobKey> {
        self.locked().keys().copied().collect()
    }
}

impl Hold {
    /// Lets go of the job and holds the next of its chain.
    pub(crate) fn pass_on(&mut self, next: JobKey) {
        *self = self.jobs.hold(next);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut jobs = self.jobs.locked();
        if let Some(count) = jobs.get_mut(&self.job) {
            *count -= 1;
            if *count == 0 {
                jobs.remove(&self.job);
            }
        }
    }
}

/// Says for ever that the held jobs are alive.
pub(crate) async fn beat(env: Arc<Env>, every: Duration) {
    let mut tick = tokio::time::interval(every.max(Duration::from_millis(50)));
    loop {
        tick.tick().await;
        let jobs = env.held.all();
        if jobs.is_empty() {
            continue;
        }
        // A failure costs a second delivery at worst.
        if let Err(error) = env.store.heard(&jobs).await {
            tracing::warn!(%error, jobs = jobs.len(), "cannot say that jobs are alive");
        }
    }
}
