//! The call budget: one per API key, shared through Redis by every worker that uses the key.
//!
//! For each family of operations a script grants calls at a rate (GCRA: no counters to reset, no windows to straddle) that it
//! learns from the API's answers: `model.lua` tells how. A documented or configured rate is its ceiling. The time is Redis's, so
//! workers' clocks do not matter.
//!
//! Invariants
//! - A 429 stops this process at once and every other one by its next question, at most a tenth of a second later.
//! - Interactive calls run ahead of bulk calls, which then wait until the rate has caught up.
//! - While no limit is known one question grants many calls.
//! - Without Redis nothing fails and nothing floods: each process goes on slowly by itself, and then all start slowly.
//!
//! Absent: waiting (the caller's).

mod answer;
mod family;
mod family_budget;
mod flight;
mod local;
mod scripts;
#[cfg(test)]
mod simulation;
mod state;

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orgmirror_domain::ids::OrgId;
use redis::RedisError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::key::KeyFingerprint;
use crate::operation::Lane;
use family_budget::FamilyBudget;
use local::Local;
use scripts::Scripts;

pub use family::Family;
pub(crate) use flight::{Flight, ToldLimit};
pub use state::FamilyState;

/// Redis answers in well under a millisecond, or is as good as away.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// The pause after a 429 that names no time, while Redis is away.
const PAUSE_ALONE: Duration = Duration::from_secs(5);
/// The longest pause that is believed: a wrong header must not stop a sync for a day.
const PAUSE_BELIEVED: Duration = Duration::from_secs(15 * 60);

/// How fast calls may be made.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetSettings {
    /// In front of every key in Redis: `orgmirror:`.
    pub prefix: String,
    /// Calls per minute over all workers, at most; `None` for as many as the API takes. Families with a documented limit keep to
    /// the lower of both.
    pub per_minute: Option<u32>,
    /// How many calls may come at once after a quiet time, where nothing is learnt yet.
    pub burst: u32,
    /// Calls per second that each process allows itself while Redis is away.
    pub alone_per_second: f64,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self { prefix: "orgmirror:".to_owned(), per_minute: None, burst: 10, alone_per_second: 2.0 }
    }
}

/// Where budgets are kept and how large they are. A client makes of it the budget of its own key.
#[derive(Clone)]
pub struct Budget {
    redis: ConnectionManager,
    settings: BudgetSettings,
}

/// No call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no call for another {retry_in:.1?}: {reason}")]
pub struct BudgetWait {
    /// When to ask again.
    pub retry_in: Duration,
    /// Why.
    pub reason: WaitReason,
}

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WaitReason {
    /// Atlassian answered 429 to some worker with this key.
    #[error("Atlassian asked for a pause")]
    Paused,
    /// The rate that is configured, documented or learnt is used up, for this lane.
    #[error("the rate of calls is used up")]
    Rate,
    /// The limit is not known yet, so that calls in flight grow from few, with each answer.
    #[error("the rate limit is not known yet, so calls begin slowly")]
    SlowStart,
    /// Redis is away, and this process goes on slowly by itself.
    #[error("Redis does not answer, so calls are few")]
    Alone,
}

impl Budget {
    /// Budgets in this Redis. Connects with the first question, and needs to be called within a Tokio runtime.
    pub fn new(redis: redis::Client, settings: BudgetSettings) -> Result<Self, RedisError> {
        // One try per question: whoever is refused asks again anyway.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(ANSWER_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        Ok(Self { redis: ConnectionManager::new_lazy_with_config(redis, config)?, settings })
    }

    /// What has been learnt about a key's limits, for each family. Asks Redis alone.
    pub async fn state(&self, org: &OrgId, fingerprint: &KeyFingerprint) -> Result<Vec<FamilyState>, RedisError> {
        let mut redis = self.redis.clone();
        let mut states = Vec::with_capacity(Family::ALL.len());
        for family in Family::ALL {
            states.push(FamilyState::read(&mut redis, &self.key(org, fingerprint, family), family).await?);
        }
        Ok(states)
    }

    /// The budget that all who use this key share.
    pub(crate) fn of_key(&self, org: &OrgId, fingerprint: &KeyFingerprint) -> KeyBudget {
        let scripts = Arc::new(Scripts::new());
        let families = Family::ALL.map(|family| {
            let ceilings = self.settings.per_minute.into_iter().chain(family.documented_per_minute());
            Arc::new(FamilyBudget {
                redis: self.redis.clone(),
                scripts: Arc::clone(&scripts),
                key: self.key(org, fingerprint, family),
                ceiling: ceilings.min().map_or(0.0, |per_minute| f64::from(per_minute.max(1)) / 60.0),
                burst: self.settings.burst.max(1),
                local: Mutex::new(Local::new(self.settings.alone_per_second)),
                told: AtomicU32::new(0),
            })
        });
        KeyBudget { families }
    }

    fn key(&self, org: &OrgId, fingerprint: &KeyFingerprint, family: Family) -> String {
        // In braces, so that a Redis cluster keeps a key's budgets together.
        format!("{}budget:{{{org}:{fingerprint}}}:{family}", self.settings.prefix)
    }
}

/// The budget of one key, as this process sees it.
pub(crate) struct KeyBudget {
    families: [Arc<FamilyBudget>; Family::ALL.len()],
}

impl KeyBudget {
    /// Takes one call out of the family's budget.
    pub(crate) async fn take(&self, family: Family, lane: Lane) -> Result<Flight, BudgetWait> {
        let budget = &self.families[family as usize];
        let granted_at = budget.take(lane).await.map_err(scattered)?;
        Ok(Flight::new(Arc::clone(budget), granted_at))
    }
}

/// A little later, each caller by another bit: all who wait for one moment would otherwise ask in that very moment.
fn scattered(wait: BudgetWait) -> BudgetWait {
    let room = (wait.retry_in / 4).min(Duration::from_millis(250));
    BudgetWait { retry_in: wait.retry_in + room.mul_f64(rand::random::<f64>()), ..wait }
}
