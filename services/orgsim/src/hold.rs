//! Answers that are computed and kept back until a test lets them go.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::operation::Operation;

/// Where held answers wait.
#[derive(Debug)]
pub(crate) struct Holds {
    releases: watch::Sender<u64>,
    waiting: Mutex<BTreeMap<Operation, u64>>,
}

impl Holds {
    pub(crate) fn new() -> Self {
        Self { releases: watch::Sender::new(0), waiting: Mutex::default() }
    }

    /// Waits for the next release.
    pub(crate) async fn wait(&self, operation: Operation) {
        // Subscribed before it counts as waiting: whoever sees the count may release at once.
        let mut releases = self.releases.subscribe();
        let _counted = Counted::new(self, operation);
        // An error means that the simulator ends, which lets everything go as well.
        let _ = releases.changed().await;
    }

    /// Lets go of everything that waits now and says how much that was.
    pub(crate) fn release(&self) -> u64 {
        let held = self.waiting().values().sum();
        self.releases.send_modify(|release| *release += 1);
        held
    }

    /// How many answers of each operation wait now.
    pub(crate) fn waiting(&self) -> BTreeMap<Operation, u64> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, operation: Operation, change: impl FnOnce(&mut u64)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(operation).or_default();
        change(count);
        if *count == 0 {
            waiting.remove(&operation);
        }
    }
}

/// Counts one waiting answer for as long as it lives: its caller may hang up before the release.
struct Counted<'a> {
    holds: &'a Holds,
    operation: Operation,
}

impl<'a> Counted<'a> {
    fn new(holds: &'a Holds, operation: Operation) -> Self {
        holds.count(operation, |count| *count += 1);
        Self { holds, operation }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.holds.count(self.operation, |count| *count -= 1);
    }
}
