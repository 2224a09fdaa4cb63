//! What the budget has learnt, for `status`, the planner and metrics.

use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError};

use super::family::Family;

/// One family's budget as Redis holds it. Read without changing anything.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyState {
    /// Whose.
    pub family: Family,
    /// Calls a minute that the API has shown to let through, or told by its headers; `None` while no limit has been met.
    pub learnt_per_minute: Option<f64>,
    /// By how much the learnt rate may be off, as a share of it; `None` while there is none.
    pub doubt: Option<f64>,
    /// Calls granted since the budget began to learn.
    pub granted: u64,
    /// Calls that were answered with 429.
    pub refused: u64,
    /// How often an interactive caller was told to wait.
    pub waits_interactive: u64,
    /// How often a bulk caller was told to wait.
    pub waits_bulk: u64,
    /// Whether a caller was told to wait within the last second: more is asked for than the limit allows.
    pub waiting: bool,
    /// The last 429, by Redis's clock.
    pub refused_at: Option<DateTime<Utc>>,
    /// Until when nobody calls, by Redis's clock; `None` if it has passed.
    pub paused_until: Option<DateTime<Utc>>,
}

const FIELDS: [&str; 10] =
    ["phase", "rate", "doubt", "granted", "refused", "waits_interactive", "waits_bulk", "waited_at", "refused_at", "paused"];
/// The first phase of `model.lua` in which there is a rate.
const PHASE_PACED: f64 = 2.0;

impl FamilyState {
    pub(super) async fn read(redis: &mut ConnectionManager, key: &str, family: Family) -> Result<Self, RedisError> {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(redis).await?;
        let fields: Vec<Option<f64>> = redis.hmget(key, &FIELDS[..]).await?;
        let now = seconds as f64 * 1e6 + micros as f64;
        Ok(Self::from_fields(family, now, &fields))
    }

    fn from_fields(family: Family, now: f64, fields: &[Option<f64>]) -> Self {
        let at = |name: &str| {
            let position = FIELDS.iter().position(|field| *field == name);
            position.and_then(|position| fields.get(position).copied().flatten()).unwrap_or_default()
        };
        let count = |name| at(name).max(0.0) as u64;
        let moment = |micros: f64| {
            Some(micros).filter(|micros| *micros > 0.0).and_then(|micros| DateTime::from_timestamp_micros(micros as i64))
        };
        let paced = at("phase") >= PHASE_PACED;
        Self {
            family,
            learnt_per_minute: paced.then(|| at("rate") * 60.0),
            doubt: paced.then(|| at("doubt")),
            granted: count("granted"),
            refused: count("refused"),
            waits_interactive: count("waits_interactive"),
            waits_bulk: count("waits_bulk"),
            waiting: now - at("waited_at") < Duration::from_secs(1).as_micros() as f64,
            refused_at: moment(at("refused_at")),
            paused_until: moment(at("paused")).filter(|_| at("paused") > now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_nobody_used_has_learnt_nothing() {
        let state = FamilyState::from_fields(Family::General, 1e15, &[None; FIELDS.len()]);
        assert_eq!((state.learnt_per_minute, state.granted, state.refused_at, state.paused_until), (None, 0, None, None));
        assert!(!state.waiting);
    }

    #[test]
    fn a_pause_that_has_passed_is_none() {
        let fields = |paused: f64| [2.0, 5.0, 0.01, 7.0, 1.0, 0.0, 3.0, 1e15 - 5e5, 1e15 - 1e6, paused].map(Some);
        let state = FamilyState::from_fields(Family::General, 1e15, &fields(1e15 + 1e6));
        assert_eq!((state.learnt_per_minute, state.waiting, state.waits_bulk), (Some(300.0), true, 3));
        assert!(state.paused_until.is_some() && state.refused_at.is_some());
        assert_eq!(FamilyState::from_fields(Family::General, 1e15, &fields(1e15 - 1.0)).paused_until, None);
    }
}
