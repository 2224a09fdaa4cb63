//! Tells the log about outages of Redis: once when one begins and once when it is over, however many commands fail in between and on
//! however many connections.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use redis::RedisError;

/// Shared by the connections of one owner.
#[derive(Clone, Default)]
pub(crate) struct Outage(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Spares the lock while all is well, which is nearly always.
    ongoing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failing: BTreeSet<&'static str>,
    since: Option<Instant>,
}

impl Outage {
    pub(crate) fn failed(&self, purpose: &'static str, server: &str, error: &RedisError) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failing.insert(purpose);
        if state.since.is_none() {
            state.since = Some(Instant::now());
            self.0.ongoing.store(true, Ordering::Release);
            tracing::warn!(server, purpose, error = %error, "lost Redis; trying until it is back");
        }
    }

    pub(crate) fn answered(&self, purpose: &'static str, server: &str) {
        if !self.0.ongoing.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failing.remove(purpose);
        if state.failing.is_empty()
            && let Some(since) = state.since.take()
        {
            self.0.ongoing.store(false, Ordering::Release);
            tracing::info!(server, outage = ?since.elapsed(), "Redis is back");
        }
    }
}
