//! The call budget: one per API key, shared through Redis by every worker that uses the key.
//!
//! A configured rate (GCRA: no counters to reset, no windows to straddle) and a pause that any worker's 429 starts for all. One
//! script grants a call or says how long to wait, at the price of one round trip; the time is Redis's, so workers' clocks do not
//! matter.
//!
//! Invariants
//! - A 429 stops this process at once and every other one by its next question, at most [`local::BATCH_LIFE`] later.
//! - Bulk calls never take the last of the burst: an interactive one finds it.
//! - Without Redis nothing fails and nothing floods: each process goes on slowly by itself.
//!
//! Absent: waiting (the caller's), learning a rate from headers, metrics.

mod local;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use orgmirror_domain::ids::OrgId;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisError, Script};

use crate::key::KeyFingerprint;
use crate::operation::Lane;
use local::{Local, Next};

/// Redis answers in well under a millisecond, or is as good as away.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// The pause after a first 429 that names no time; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest pause that is made up.
const PAUSE_CEILING: Duration = Duration::from_secs(30);
/// The longest pause that is believed: a wrong header must not stop a sync for a day.
const PAUSE_BELIEVED: Duration = Duration::from_secs(15 * 60);
/// Two 429s further apart than this are not in a row.
const ROW_FORGOTTEN: Duration = Duration::from_secs(60);

/// How fast calls may be made.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetSettings {
    /// In front of every key in Redis: `orgmirror:`.
    pub prefix: String,
    /// Calls per minute over all workers; `None` for as many as the API takes.
    pub per_minute: Option<u32>,
    /// How many calls may come at once after a quiet time.
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
    /// The configured rate is used up, for this lane.
    #[error("the configured rate is used up")]
    Rate,
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

    /// The budget that all who use this key share.
    pub(crate) fn of_key(self, org: &OrgId, fingerprint: &KeyFingerprint) -> KeyBudget {
        // In braces, so that a Redis cluster keeps a budget's keys together.
        let key = |what: &str| format!("{}budget:{{{org}:{fingerprint}}}:{what}", self.settings.prefix);
        let interval = self.settings.per_minute.map_or(0, |rate| 60_000_000 / u64::from(rate.max(1)));
        KeyBudget {
            arrival: key("arrival"),
            pause: key("pause"),
            row: key("row"),
            interval,
            burst: self.settings.burst.max(1),
            take: Script::new(include_str!("budget/take.lua")),
            pause_all: Script::new(include_str!("budget/pause.lua")),
            local: Mutex::new(Local::new(self.settings.alone_per_second)),
            redis: self.redis,
        }
    }
}

/// The budget of one key, as this process sees it.
pub(crate) struct KeyBudget {
    redis: ConnectionManager,
    arrival: String,
    pause: String,
    row: String,
    interval: u64,
    burst: u32,
    take: Script,
    pause_all: Script,
    local: Mutex<Local>,
}

impl KeyBudget {
    /// Takes one call out of the budget.
    pub(crate) async fn take(&self, lane: Lane) -> Result<(), BudgetWait> {
        let next = self.local().next(Instant::now());
        match next {
            Next::Granted => Ok(()),
            Next::Wait(wait) => Err(scattered(wait)),
            Next::Ask => self.ask(lane).await.map_err(scattered),
        }
    }

    /// Makes all who share the key wait, for as long as a 429 asked for.
    pub(crate) async fn penalize(&self, asked: Option<Duration>) {
        // No time at all is no answer to "when": it would be asked for in a circle.
        let asked = asked.filter(|wait| !wait.is_zero()).map(|wait| wait.min(PAUSE_BELIEVED));
        let own = asked.unwrap_or(PAUSE_FIRST);
        self.local().pause(Instant::now(), own);
        let mut redis = self.redis.clone();
        let shared: Result<u64, _> = self
            .pause_all
            .key(&self.pause)
            .key(&self.row)
            .arg(micros(asked.unwrap_or_default()))
            .arg(micros(PAUSE_FIRST))
            .arg(micros(PAUSE_CEILING))
            .arg(ROW_FORGOTTEN.as_millis() as u64)
            .invoke_async(&mut redis)
            .await;
        match shared {
            Ok(wait) => {
                let wait = Duration::from_micros(wait);
                tracing::debug!(wait_ms = wait.as_millis() as u64, "the API's rate limit is reached, all workers pause");
                self.local().pause(Instant::now(), wait);
            }
            Err(error) => self.lost(&error, Instant::now()),
        }
    }

    async fn ask(&self, lane: Lane) -> Result<(), BudgetWait> {
        let mut redis = self.redis.clone();
        let answer: Result<(u8, u64, u8), _> = self
            .take
            .key(&self.arrival)
            .key(&self.pause)
            .arg(self.interval)
            .arg(self.at_once(lane))
            .invoke_async(&mut redis)
            .await;
        let now = Instant::now();
        let (granted, wait, paused) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.lost(&error, now);
                return self.local().take_alone(now);
            }
        };
        if self.local().redis_answered() {
            tracing::info!("Redis answers again, calls are counted against the shared budget");
        }
        let retry_in = Duration::from_micros(wait);
        match (granted, paused) {
            (0, 0) => Err(BudgetWait { retry_in, reason: WaitReason::Rate }),
            (0, _) => {
                self.local().pause(now, retry_in);
                Err(BudgetWait { retry_in, reason: WaitReason::Paused })
            }
            _ => {
                // A rate has to count every call; without one only the pause matters, and may be heard of a little late.
                if self.interval == 0 {
                    self.local().stock(now);
                }
                Ok(())
            }
        }
    }

    /// How many calls may come at once: bulk leaves a quarter of the burst, and at least one call, to the other lane.
    fn at_once(&self, lane: Lane) -> u32 {
        match lane {
            Lane::Interactive => self.burst,
            Lane::Bulk => self.burst.saturating_sub((self.burst / 4).max(1)).max(1),
        }
    }

    fn lost(&self, error: &RedisError, now: Instant) {
        // Once per absence: every permit until Redis is back would say the same.
        if self.local().redis_lost(now) {
            tracing::warn!(%error, "Redis does not answer; calls go on slowly, without the shared budget, until it does");
        }
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        // Whoever held it cannot have left it half changed in a way that matters: at worst a grant is lost.
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A little later, each caller by another bit: all who wait for one moment would otherwise ask in that very moment.
fn scattered(wait: BudgetWait) -> BudgetWait {
    let room = (wait.retry_in / 4).min(Duration::from_millis(250));
    BudgetWait { retry_in: wait.retry_in + room.mul_f64(rand::random::<f64>()), ..wait }
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}
