//! What goes wrong, and when.
//!
//! The state is replaced as a whole. What happens to the n-th call of an operation depends on the seed, the operation and n alone, so that
//! a test that fails does so again, whatever else was called in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::config::SimulatorConfig;
use crate::operation::Operation;
use crate::switches::{RateLimitBody, RateLimitHeaders, Switches};

/// The whole fault state, as the control API reads and writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FaultState {
    pub(crate) latency_ms: u64,
    pub(crate) jitter_ms: u64,
    pub(crate) rate_limit_per_minute: Option<u32>,
    pub(crate) rate_limit_burst: u32,
    pub(crate) error_rate: f64,
    pub(crate) malformed_rate: f64,
    pub(crate) truncate_rate: f64,
    pub(crate) drop_rate: f64,
    /// Of the writes that end with a 5xx or a closed connection, the share that took effect before.
    pub(crate) effect_rate: f64,
    /// Rates of the rarer ways to go wrong.
    pub(crate) quirks: BTreeMap<Quirk, f64>,
    /// How long a slow body takes.
    pub(crate) slow_body_ms: u64,
    /// The headers that a 429 out of the blue can have; none means any.
    pub(crate) rate_limited_headers: Vec<RateLimitHeaders>,
    pub(crate) cursor_ttl_s: Option<f64>,
    pub(crate) key_state: KeyState,
    pub(crate) down: Down,
    pub(crate) per_operation: BTreeMap<Operation, OperationFaults>,
    pub(crate) fail_ids: BTreeSet<String>,
    pub(crate) hold: BTreeMap<Operation, u64>,
    #[serde(alias = "apply_delay")]
    pub(crate) apply_delay_ms: u64,
    pub(crate) seed: u64,
    pub(crate) switches: Switches,
}

impl Default for FaultState {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            jitter_ms: 0,
            rate_limit_per_minute: None,
            rate_limit_burst: 10,
            error_rate: 0.0,
            malformed_rate: 0.0,
            truncate_rate: 0.0,
            drop_rate: 0.0,
            effect_rate: 0.5,
            quirks: BTreeMap::new(),
            slow_body_ms: 5_000,
            rate_limited_headers: Vec::new(),
            cursor_ttl_s: None,
            key_state: KeyState::Valid,
            down: Down::Flag(false),
            per_operation: BTreeMap::new(),
            fail_ids: BTreeSet::new(),
            hold: BTreeMap::new(),
            apply_delay_ms: 0,
            seed: 0,
            switches: Switches::default(),
        }
    }
}

impl FaultState {
    /// The state in which a simulator starts, and to which what a `PUT` leaves out returns.
    pub(crate) fn of(config: &SimulatorConfig) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            latency_ms: millis(config.latency),
            jitter_ms: millis(config.jitter),
            rate_limit_per_minute: config.rate_limit_per_minute,
            seed: config.seed,
            switches: config.switches.clone(),
            ..Self::default()
        }
    }
}

/// What the key is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyState {
    #[default]
    Valid,
    Expired,
    Revoked,
    NoScope,
}

/// Whether the service is gone: `true` and `"unavailable"` answer 503, `"drop"` closes every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Down {
    Flag(bool),
    Kind(DownKind),
}

/// How the service is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DownKind {
    Unavailable,
    Drop,
}

/// What differs for one operation; what is absent is as for all others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OperationFaults {
    pub(crate) latency_ms: Option<u64>,
    pub(crate) jitter_ms: Option<u64>,
    pub(crate) error_rate: Option<f64>,
    pub(crate) malformed_rate: Option<f64>,
    pub(crate) truncate_rate: Option<f64>,
    pub(crate) drop_rate: Option<f64>,
    pub(crate) effect_rate: Option<f64>,
    pub(crate) quirks: BTreeMap<Quirk, f64>,
    /// Every answer has this status.
    pub(crate) status: Option<u16>,
    /// Only the first so many calls differ.
    pub(crate) times: Option<u64>,
}

/// A rarer way to go wrong. All but the first leave a write done and spoil its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quirk {
    /// A 429 in any of its forms, before the operation is begun.
    RateLimited,
    /// The next page of a list is the same page.
    RepeatedCursor,
    /// The list ends before its end.
    EarlyEnd,
    /// The page has every row twice.
    LargePage,
    /// Fields that no document knows.
    NewFields,
    /// A few rows lack a field that they should have.
    MissingFields,
    /// In a few rows a field is null that never should be.
    NullFields,
    /// In a few rows a word is none of those that the documents list.
    UnknownWords,
    /// Flags and numbers come as texts.
    OddTypes,
    /// The body comes in drops.
    SlowBody,
    /// The body is 32 MiB larger.
    Swollen,
    /// The body is compressed, whether that was asked for or not.
    Gzip,
    /// A small compressed body is 32 MiB large.
    GzipBomb,
}

impl Quirk {
    const ALL: [Self; 13] = [
        Self::RateLimited,
        Self::RepeatedCursor,
        Self::EarlyEnd,
        Self::LargePage,
        Self::NewFields,
        Self::SlowBody,
        Self::Swollen,
        Self::Gzip,
        Self::GzipBomb,
        Self::MissingFields,
        Self::NullFields,
        Self::UnknownWords,
        Self::OddTypes,
    ];
}

/// The form of a 429 out of the blue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimitForm {
    pub(crate) headers: RateLimitHeaders,
    pub(crate) body: RateLimitBody,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) latency: Duration,
    pub(crate) outcome: Outcome,
    pub(crate) held: bool,
    /// A write takes effect although its caller gets no good answer.
    pub(crate) takes_effect: bool,
    /// If it is refused with a 429.
    pub(crate) form: RateLimitForm,
    /// Draws what in the answer is spoilt, if only a part is.
    pub(crate) draw: u64,
}

/// How one call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Status(u16),
    Malformed,
    Truncated,
    Dropped,
    Quirk(Quirk),
}

/// The present state and how many calls it has seen.
#[derive(Debug)]
pub(crate) struct Faults {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Arc<FaultState>,
    calls: BTreeMap<Operation, u64>,
    holds: BTreeMap<Operation, u64>,
}

impl Faults {
    pub(crate) fn new(state: FaultState) -> Self {
        let holds = state.hold.clone();
        Self { inner: Mutex::new(Inner { state: Arc::new(state), calls: BTreeMap::new(), holds }) }
    }

    pub(crate) fn state(&self) -> Arc<FaultState> {
        Arc::clone(&self.lock().state)
    }

    pub(crate) fn replace(&self, state: FaultState) {
        let mut inner = self.lock();
        inner.holds.clone_from(&state.hold);
        inner.calls.clear();
        inner.state = Arc::new(state);
    }

    /// Replaces the choices and leaves the faults, and how far they got, as they are.
    pub(crate) fn set_switches(&self, switches: Switches) {
        let mut inner = self.lock();
        Arc::make_mut(&mut inner.state).switches = switches;
    }

    /// Replaces the limit on calls and leaves everything else.
    pub(crate) fn set_rate_limit(&self, per_minute: Option<u32>, burst: u32) {
        let mut inner = self.lock();
        let state = Arc::make_mut(&mut inner.state);
        (state.rate_limit_per_minute, state.rate_limit_burst) = (per_minute, burst);
    }

    /// Decides about the next call of an operation.
    pub(crate) fn fate(&self, operation: Operation) -> Fate {
        let mut inner = self.lock();
        let number = inner.calls.entry(operation).or_default();
        let nth = *number;
        *number += 1;
        let held = inner.holds.get_mut(&operation).is_some_and(|left| {
            let any = *left > 0;
            *left = left.saturating_sub(1);
            any
        });
        draw_fate(&inner.state, operation, nth, held)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn draw_fate(state: &FaultState, operation: Operation, nth: u64, held: bool) -> Fate {
    let none = OperationFaults::default();
    let own = state.per_operation.get(&operation).filter(|own| own.times.is_none_or(|times| nth < times)).unwrap_or(&none);
    let mut rng = ChaCha8Rng::seed_from_u64(xxhash_rust::xxh3::xxh3_64_with_seed(operation.id().as_bytes(), state.seed) ^ nth);
    // Every number is drawn for every call: a rate that is changed moves no other fault to another call.
    let jitter_ms = own.jitter_ms.unwrap_or(state.jitter_ms);
    let latency_ms = own.latency_ms.unwrap_or(state.latency_ms) + rng.random_range(0..=jitter_ms);
    let mut falls = |rate: f64| rng.random::<f64>() < rate;
    let dropped = falls(own.drop_rate.unwrap_or(state.drop_rate));
    let failed = falls(own.error_rate.unwrap_or(state.error_rate));
    let malformed = falls(own.malformed_rate.unwrap_or(state.malformed_rate));
    let truncated = falls(own.truncate_rate.unwrap_or(state.truncate_rate));
    let status = [500, 502, 503][rng.random_range(0..3)];
    let takes_effect = rng.random::<f64>() < own.effect_rate.unwrap_or(state.effect_rate);
    let draws = Quirk::ALL.map(|quirk| (quirk, rng.random::<f64>()));
    let rate = |quirk: &Quirk| own.quirks.get(quirk).or(state.quirks.get(quirk)).copied().unwrap_or_default();
    let quirk = draws.into_iter().find(|(quirk, draw)| *draw < rate(quirk)).map(|(quirk, _)| quirk);
    let headers =
        if state.rate_limited_headers.is_empty() { RateLimitHeaders::EVERY } else { state.rate_limited_headers.as_slice() };
    let form = RateLimitForm {
        headers: headers[rng.random_range(0..headers.len())],
        body: RateLimitBody::EVERY[rng.random_range(0..RateLimitBody::EVERY.len())],
    };
    let outcome = match own.status {
        Some(status) => Outcome::Status(status),
        None if dropped => Outcome::Dropped,
        None if failed => Outcome::Status(status),
        None if malformed => Outcome::Malformed,
        None if truncated => Outcome::Truncated,
        None => quirk.map_or(Outcome::Answered, Outcome::Quirk),
    };
    let draw = rng.random();
    Fate { latency: Duration::from_millis(latency_ms), outcome, held, takes_effect, form, draw }
}
