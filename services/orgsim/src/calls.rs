//! Counts what was asked, so that tests can say how many calls something cost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::operation::Operation;

/// Calls since the last reset.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_operation: BTreeMap<Operation, BTreeMap<String, Tally>>,
    in_flight: u64,
    max_in_flight: u64,
    last_second: VecDeque<Instant>,
    max_per_second: usize,
    total: u64,
    bytes: u64,
    rate_limited: u64,
}

/// Calls of one operation that ended in the same way.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Tally {
    calls: u64,
    bytes: u64,
}

/// The figures, as the control API shows them.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    operations: BTreeMap<Operation, BTreeMap<String, Tally>>,
    total: u64,
    bytes: u64,
    in_flight: u64,
    max_in_flight: u64,
    max_per_second: usize,
    rate_limited: u64,
}

/// A call in flight; it is counted when it ends, also if its caller hangs up.
pub(crate) struct InFlight<'a> {
    calls: &'a Calls,
    operation: Operation,
    ending: String,
    bytes: u64,
}

impl Calls {
    pub(crate) fn begin(&self, operation: Operation) -> InFlight<'_> {
        let mut inner = self.lock();
        inner.in_flight += 1;
        inner.max_in_flight = inner.max_in_flight.max(inner.in_flight);
        let now = Instant::now();
        inner.last_second.push_back(now);
        while inner.last_second.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
            inner.last_second.pop_front();
        }
        inner.max_per_second = inner.max_per_second.max(inner.last_second.len());
        InFlight { calls: self, operation, ending: "abandoned".to_owned(), bytes: 0 }
    }

    pub(crate) fn report(&self) -> Report {
        let inner = self.lock();
        Report {
            operations: inner.by_operation.clone(),
            total: inner.total,
            bytes: inner.bytes,
            in_flight: inner.in_flight,
            max_in_flight: inner.max_in_flight,
            max_per_second: inner.max_per_second,
            rate_limited: inner.rate_limited,
        }
    }

    /// Forgets everything but what is in flight.
    pub(crate) fn reset(&self) {
        let mut inner = self.lock();
        let in_flight = inner.in_flight;
        *inner = Inner { in_flight, max_in_flight: in_flight, ..Inner::default() };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight<'_> {
    /// Says how the call ended: a status, or `dropped`.
    pub(crate) fn ends_as(&mut self, ending: String, bytes: usize) {
        self.ending = ending;
        self.bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut inner = self.calls.lock();
        inner.in_flight = inner.in_flight.saturating_sub(1);
        inner.total += 1;
        inner.bytes += self.bytes;
        inner.rate_limited += u64::from(self.ending == "429");
        let ending = std::mem::take(&mut self.ending);
        let tally = inner.by_operation.entry(self.operation).or_default().entry(ending).or_default();
        tally.calls += 1;
        tally.bytes += self.bytes;
    }
}
