//! One start of one worker: what its three tasks share.
//!
//! - The *fetcher* (`fetch`) takes from Redis what can start at once.
//! - The *settler* (`settle`) tells Redis how deliveries ended, and deregisters the consumer when all is told.
//! - The *keeper* (`keep`) renews leases, ends delays, forgets dead consumers, and hands back what a stopping worker will not start.
//!
//! None of them ends because Redis is away, and none of them reports to apalis, which would end the worker for it.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::QueueConfig;
use crate::entry::Member;
use crate::fate::Fate;
use crate::in_flight::InFlight;
use crate::lane::{Keys, Lane};
use crate::link::Link;
use crate::outage::Outage;

pub(crate) struct Session {
    pub(crate) config: QueueConfig,
    pub(crate) keys: Keys,
    pub(crate) member: Member,
    /// For blocking reads alone.
    pub(crate) reads: Link,
    /// For everything that must not wait behind a blocking read.
    pub(crate) commands: Link,
    pub(crate) in_flight: Arc<InFlight>,
}

impl Session {
    pub(crate) fn new(config: QueueConfig, worker: &str, in_flight: Arc<InFlight>) -> Self {
        let outage = Outage::default();
        Self {
            keys: Keys::new(&config.prefix),
            member: Member::new(&config.group, worker),
            reads: Link::new(&config, "read", &outage),
            commands: Link::new(&config, "settle", &outage),
            in_flight,
            config,
        }
    }

    pub(crate) fn lease_ms(&self) -> u64 {
        u64::try_from(self.config.lease.as_millis()).unwrap_or(u64::MAX)
    }
}

/// How one delivery ended.
pub(crate) struct Settlement {
    pub(crate) lane: Lane,
    pub(crate) id: String,
    pub(crate) fate: Fate,
}

/// To the settler. It has no bound of its own: each message is a delivery, and those are bounded by the slots.
pub(crate) type Settlements = mpsc::UnboundedSender<Settlement>;
