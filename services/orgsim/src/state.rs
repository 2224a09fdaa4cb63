//! What the handlers of one simulator share.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::calls::Calls;
use crate::churn::Churn;
use crate::config::SimulatorConfig;
use crate::faults::{FaultState, Faults};
use crate::hold::Holds;
use crate::org::Org;
use crate::rate_limit::RateLimit;

/// One simulated organisation and the service before it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: SimulatorConfig,
    pub(crate) faults: Faults,
    pub(crate) calls: Calls,
    pub(crate) holds: Holds,
    pub(crate) rate_limit: RateLimit,
    pub(crate) churn: Churn,
    org: RwLock<Org>,
    key: RwLock<String>,
}

impl State {
    pub(crate) fn new(config: SimulatorConfig, org: Org) -> Self {
        Self {
            faults: Faults::new(FaultState::of(&config)),
            calls: Calls::default(),
            holds: Holds::new(),
            rate_limit: RateLimit::default(),
            churn: Churn::new(config.seed),
            org: RwLock::new(org),
            key: RwLock::new(config.api_key.clone()),
            config,
        }
    }

    /// The organisation, to read. Never held over an await.
    pub(crate) fn org(&self) -> RwLockReadGuard<'_, Org> {
        self.org.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The organisation, to change.
    pub(crate) fn org_mut(&self) -> RwLockWriteGuard<'_, Org> {
        self.org.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn accepts_key(&self, key: &str) -> bool {
        *self.key.read().unwrap_or_else(PoisonError::into_inner) == key
    }

    pub(crate) fn set_key(&self, key: String) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
    }
}
