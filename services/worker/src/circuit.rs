//! Whether the API answers at all, as this worker sees it.
//!
//! After so many failures in a row, of whatever calls, one call at a time is tried; every other job goes back to the queue without a
//! call. An answer of any kind closes the circuit again. The run is held meanwhile (`settle`), so that a fleet that meets an outage
//! makes a few calls at each probe, and not one for each of its jobs.
//!
//! Absent: memory beyond the process. A worker that starts in an outage learns it by its own calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Failures in a row that no honest API shows: with a fifth of all calls failing it happens once in ten million.
const FAILURES: u32 = 10;
/// Nothing answered for so long: the API is down, whatever a single job met.
const UNANSWERED: Duration = Duration::from_secs(20);

/// What the calls of this worker have met.
#[derive(Debug)]
pub(crate) struct Circuit {
    started: Instant,
    /// Milliseconds after `started` of the last answer of the API that was no failure of its own; 0 for none yet.
    last_answer: AtomicU64,
    failures: AtomicU32,
    /// A plain call, made to learn it, was not answered either.
    found_down: AtomicBool,
    trial: Arc<Semaphore>,
}

/// The right to make calls, one after the other, until it is dropped.
#[derive(Debug)]
pub(crate) struct Passage(Option<OwnedSemaphorePermit>);

impl Circuit {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            last_answer: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            found_down: AtomicBool::new(false),
            trial: Arc::new(Semaphore::new(1)),
        }
    }

    /// Lets a call pass that holds `passage` from its last attempt; `None` while nothing answers and another call is being tried.
    pub(crate) fn enter(&self, passage: Option<Passage>) -> Option<Passage> {
        if let Some(Passage(Some(trial))) = passage {
            return Some(Passage(Some(trial)));
        }
        if self.failures.load(Ordering::Relaxed) < FAILURES {
            return Some(Passage(None));
        }
        Arc::clone(&self.trial).try_acquire_owned().ok().map(|trial| Passage(Some(trial)))
    }

    /// The API answered: it is not down.
    pub(crate) fn answered(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_answer.store(now.max(1), Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
        self.found_down.store(false, Ordering::Relaxed);
    }

    /// A call brought no answer, or one that only a broken service gives.
    pub(crate) fn failed(&self) {
        // More than enough are as good as enough, and never become none.
        let _before =
            self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |failures| Some(failures.saturating_add(1)));
    }

    /// A plain call, which no single broken row can spoil, was not answered.
    pub(crate) fn found_down(&self) {
        self.found_down.store(true, Ordering::Relaxed);
    }

    /// Whether a failure says nothing about the job that met it.
    pub(crate) fn is_down(&self) -> bool {
        let last = Duration::from_millis(self.last_answer.load(Ordering::Relaxed));
        self.found_down.load(Ordering::Relaxed) || self.started.elapsed().saturating_sub(last) >= UNANSWERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_nothing_answers_one_call_at_a_time_is_tried() {
        let circuit = Circuit::new();
        for _ in 0..FAILURES {
            let (one, other) = (circuit.enter(None), circuit.enter(None));
            assert!(one.is_some() && other.is_some());
            circuit.failed();
        }
        let trial = circuit.enter(None);
        assert!(trial.is_some() && circuit.enter(None).is_none());
        let trial = circuit.enter(trial);
        assert!(trial.is_some(), "the call that is being tried may be repeated");
        drop(trial);
        assert!(circuit.enter(None).is_some(), "and then another may be tried");
        circuit.answered();
        assert!(circuit.enter(None).is_some() && circuit.enter(Some(Passage(None))).is_some());
    }

    #[test]
    fn an_answer_ends_an_outage() {
        let circuit = Circuit::new();
        assert!(!circuit.is_down());
        circuit.found_down();
        assert!(circuit.is_down());
        circuit.answered();
        assert!(!circuit.is_down());
    }
}
