//! What the handlers of one simulator share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use crate::audit::{AuditLog, Event, Origin};
use crate::calls::Calls;
use crate::churn::Churn;
use crate::config::SimulatorConfig;
use crate::faults::{FaultState, Faults};
use crate::hold::Holds;
use crate::lag::Shown;
use crate::org::Org;
use crate::rate_limit::RateLimits;
use crate::writes::Writes;

/// One simulated organisation and the service before it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: SimulatorConfig,
    pub(crate) faults: Faults,
    pub(crate) calls: Calls,
    pub(crate) holds: Holds,
    pub(crate) rate_limits: RateLimits,
    pub(crate) churn: Churn,
    pub(crate) writes: Writes,
    org: RwLock<Org>,
    shown: Mutex<Shown>,
    /// Whether reads are behind: asked before the lock of `shown` is taken, so that the usual read waits for nobody.
    behind: AtomicBool,
    audit: Mutex<AuditLog>,
    key: RwLock<String>,
}

impl State {
    pub(crate) fn new(config: SimulatorConfig, org: Org) -> Self {
        Self {
            faults: Faults::new(FaultState::of(&config)),
            calls: Calls::default(),
            holds: Holds::new(),
            rate_limits: RateLimits::default(),
            churn: Churn::new(config.seed),
            writes: Writes::default(),
            org: RwLock::new(org),
            shown: Mutex::default(),
            behind: AtomicBool::new(false),
            audit: Mutex::new(AuditLog::new(config.seed)),
            key: RwLock::new(config.api_key.clone()),
            config,
        }
    }

    /// The organisation as it truly is, to read. Never held over an await.
    pub(crate) fn org(&self) -> RwLockReadGuard<'_, Org> {
        self.org.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a read of the API sees of the organisation: the truth, or what it was a while ago.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Org) -> T) -> T {
        let org = self.org();
        if !self.behind.load(Ordering::Acquire) {
            return read(&org);
        }
        let mut shown = lock(&self.shown);
        let seen = read(shown.at(&org, Instant::now()).unwrap_or(&org));
        self.behind.store(shown.is_behind(), Ordering::Release);
        seen
    }

    /// Changes the organisation, for everybody to see at once.
    pub(crate) fn change<T>(&self, origin: Origin, change: impl FnOnce(&mut Org) -> T) -> T {
        self.change_later(origin, Duration::ZERO, change)
    }

    /// Changes the organisation; reads of the API see it so much later. Audit events are told in any case.
    pub(crate) fn change_later<T>(&self, origin: Origin, lag: Duration, change: impl FnOnce(&mut Org) -> T) -> T {
        let mut org = self.org.write().unwrap_or_else(PoisonError::into_inner);
        let mut shown = lock(&self.shown);
        if !lag.is_zero() {
            shown.freeze(&org);
        }
        let made = change(&mut org);
        let changes = std::mem::take(&mut org.journal);
        let event_ms = self.faults.state().switches.lag.event_ms;
        lock(&self.audit).record(&changes, origin, chrono::Utc::now().timestamp_millis(), event_ms);
        shown.after_change(&org, changes, lag, Instant::now());
        self.behind.store(shown.is_behind(), Ordering::Release);
        made
    }

    /// The audit events that are visible now, oldest first.
    pub(crate) fn events(&self, now_ms: i64) -> Vec<Arc<Event>> {
        lock(&self.audit).visible(now_ms)
    }

    /// The visible event with this id.
    pub(crate) fn event(&self, id: &str, now_ms: i64) -> Option<Arc<Event>> {
        lock(&self.audit).by_id(id, now_ms)
    }

    /// The id of an event.
    pub(crate) fn event_id(&self, number: u64) -> String {
        lock(&self.audit).id(number)
    }

    pub(crate) fn accepts_key(&self, key: &str) -> bool {
        *self.key.read().unwrap_or_else(PoisonError::into_inner) == key
    }

    pub(crate) fn set_key(&self, key: String) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
