//! An organisation that changes by itself.
//!
//! The changes come from a stream of their own: the same seed and the same number of mutations lead to the same organisation, however
//! they are spread over calls.

mod mutation;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;

pub(crate) use mutation::Mutation;
use mutation::Source;

use crate::audit::Origin;
use crate::state::State;

/// How often a rate is turned into mutations.
const TICK: Duration = Duration::from_millis(20);

/// How many mutations of each kind were made.
pub(crate) type Made = BTreeMap<Mutation, u64>;

/// The stream of changes and the rate at which they come.
#[derive(Debug)]
pub(crate) struct Churn {
    source: Mutex<Source>,
    rate: watch::Sender<f64>,
}

impl Churn {
    pub(crate) fn new(seed: u64) -> Self {
        Self { source: Mutex::new(Source::new(seed)), rate: watch::Sender::new(0.0) }
    }

    /// Changes the rate in mutations a second; 0 stops.
    pub(crate) fn set_rate(&self, per_second: f64) {
        self.rate.send_replace(per_second);
    }

    /// Makes so many mutations, of these kinds or of all.
    pub(crate) fn mutate(&self, state: &State, mutations: u64, only: &[Mutation]) -> Made {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = if only.is_empty() { Mutation::MIX.as_slice() } else { only };
        let mut made = Made::new();
        for _ in 0..mutations {
            let kind = kinds[source.rng.random_range(0..kinds.len())];
            // The lock is taken for each: readers see the organisation between any two of them.
            if state.change(Origin::Churn, |org| source.apply(org, &state.config, kind)) {
                *made.entry(kind).or_default() += 1;
            }
        }
        made
    }

    /// Gives so many of a hundred accounts that have access to a product a new time of activity.
    pub(crate) fn be_active(&self, state: &State, percent: f64) -> u64 {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        state.change(Origin::Churn, |org| {
            let slots: Vec<u32> = org.accounts_by_id.values().copied().collect();
            let mut changed = 0;
            for slot in slots {
                let Some(account) = org.accounts.get(slot) else { continue };
                let access = crate::access::Access::of(account, &org.groups);
                let Some(resource) = access.iter().map(|at| at.resource).next() else { continue };
                if source.rng.random_bool((percent / 100.0).clamp(0.0, 1.0)) {
                    let at_ns = source.next_instant_ns();
                    org.change_account(slot, |account| account.set_active_at(resource, at_ns));
                    changed += 1;
                }
            }
            changed
        })
    }
}

/// Makes mutations at the rate that is set, for ever.
pub(crate) async fn run(state: Arc<State>) {
    let mut rates = state.churn.rate.subscribe();
    let mut due = 0.0;
    loop {
        let rate = *rates.borrow_and_update();
        if rate <= 0.0 {
            due = 0.0;
            if rates.changed().await.is_err() {
                return;
            }
            continue;
        }
        tokio::time::sleep(TICK).await;
        due += rate * TICK.as_secs_f64();
        let now = due as u64;
        due -= now as f64;
        state.churn.mutate(&state, now, &[]);
    }
}
