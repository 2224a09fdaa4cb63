//! The deliveries that this worker answers for, from the moment they arrive until Redis knows how they ended.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use crate::lane::Lane;

/// Deliveries by lane and id, each with the slot it occupies. The slot is free when the handler ends; the delivery stays until it is
/// settled, so that its lease is renewed meanwhile and nobody else is given what is done.
#[derive(Default)]
pub(crate) struct InFlight([Mutex<HashMap<String, Option<OwnedSemaphorePermit>>>; 2]);

impl InFlight {
    fn lane(&self, lane: Lane) -> MutexGuard<'_, HashMap<String, Option<OwnedSemaphorePermit>>> {
        self.0[lane as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn contains(&self, lane: Lane, id: &str) -> bool {
        self.lane(lane).contains_key(id)
    }

    pub(crate) fn start(&self, lane: Lane, id: &str, slot: OwnedSemaphorePermit) {
        self.lane(lane).insert(id.to_owned(), Some(slot));
    }

    pub(crate) fn free_slot(&self, lane: Lane, id: &str) {
        let slot = self.lane(lane).get_mut(id).and_then(Option::take);
        drop(slot); // after the lock: it wakes the fetcher
    }

    pub(crate) fn settled<'i>(&self, lane: Lane, ids: impl Iterator<Item = &'i str>) {
        let mut deliveries = self.lane(lane);
        for id in ids {
            deliveries.remove(id);
        }
    }

    pub(crate) fn ids(&self, lane: Lane) -> Vec<String> {
        self.lane(lane).keys().cloned().collect()
    }
}
