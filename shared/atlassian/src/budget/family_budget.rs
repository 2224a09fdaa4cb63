//! The budget of one family of operations, as this process sees it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use orgmirror_metrics::BUDGET_AVAILABLE;
use redis::aio::ConnectionManager;
use redis::{RedisError, Script, ScriptInvocation};

use super::answer::{Answer, GrantedAt, Report};
use super::local::{Local, Next};
use super::scripts::Scripts;
use super::{BudgetWait, PAUSE_ALONE, PAUSE_BELIEVED};
use crate::operation::Lane;

/// Grants calls out of what Redis holds for all workers.
pub(crate) struct FamilyBudget {
    pub(super) redis: ConnectionManager,
    pub(super) scripts: Arc<Scripts>,
    /// The family's hash in Redis.
    pub(super) key: String,
    /// Calls per second that are never exceeded; 0 for none such.
    pub(super) ceiling: f64,
    pub(super) burst: u32,
    pub(super) local: Mutex<Local>,
    /// The limit that headers told last, so that only another one is passed on.
    pub(super) told: AtomicU32,
}

impl FamilyBudget {
    /// Takes one call out of the budget.
    pub(super) async fn take(&self, lane: Lane) -> Result<GrantedAt, BudgetWait> {
        let next = self.local().next(lane, Instant::now());
        match next {
            Next::Granted(at) => Ok(at),
            Next::Wait(wait) => Err(wait),
            Next::Ask(report) => self.ask(lane, report).await,
        }
    }

    async fn ask(&self, lane: Lane, report: Report) -> Result<GrantedAt, BudgetWait> {
        let mut call = self.script(&self.scripts.take);
        call.arg(self.ceiling).arg(self.burst).arg(u8::from(lane == Lane::Interactive));
        call.arg(report.ended).arg(report.answered).arg(report.lapsed).arg(report.waits);
        let answer: Result<(u32, u64, u8, u64), _> = call.invoke_async(&mut self.redis.clone()).await;
        let now = Instant::now();
        match answer {
            Ok(answer) => {
                let mut local = self.local();
                if local.redis_answered() {
                    tracing::info!("Redis answers again, calls are counted against the shared budget");
                }
                let answer = Answer::from(answer);
                let granted = if let Answer::Granted { calls, .. } = answer { calls } else { 0 };
                BUDGET_AVAILABLE.set(f64::from(granted), [lane.as_str().into()]);
                local.heard(lane, now, answer)
            }
            Err(error) => {
                self.lost(&error, now);
                self.local().take_alone(now)
            }
        }
    }

    /// Learns from a 429 and makes all who share the key wait, for as long as it asked for.
    pub(super) async fn refused(&self, granted_at: GrantedAt, asked: Option<Duration>) {
        // What is in stock was granted by a budget that knew less.
        self.local().drop_stock();
        // No time at all is no answer to "when": it would be asked for in a circle.
        let asked = asked.filter(|wait| !wait.is_zero()).map(|wait| wait.min(PAUSE_BELIEVED));
        let mut call = self.script(&self.scripts.refused);
        call.arg(granted_at.0).arg(micros(asked.unwrap_or_default()));
        let shared: Result<u64, _> = call.invoke_async(&mut self.redis.clone()).await;
        let now = Instant::now();
        match shared {
            Ok(wait) => {
                tracing::debug!(wait_ms = wait / 1000, "the API's rate limit is reached, all workers pause");
                self.local().pause(now, Duration::from_micros(wait));
            }
            Err(error) => {
                self.lost(&error, now);
                self.local().pause(now, asked.unwrap_or(PAUSE_ALONE));
            }
        }
    }

    /// Passes on what an answer's headers tell about the limit, where that is news or little is left.
    pub(super) async fn told(&self, per_minute: u32, left: Option<u32>) {
        let known = self.told.swap(per_minute, Ordering::Relaxed) == per_minute;
        if known && left.is_none_or(|left| left >= LITTLE_LEFT) {
            return;
        }
        let mut call = self.script(&self.scripts.told);
        call.arg(per_minute).arg(left.map_or(-1, i64::from));
        if let Err(error) = call.invoke_async::<u64>(&mut self.redis.clone()).await {
            self.told.store(0, Ordering::Relaxed);
            self.lost(&error, Instant::now());
        }
    }

    pub(super) fn local(&self) -> MutexGuard<'_, Local> {
        // Whoever held it cannot have left it half changed in a way that matters: at worst a grant is lost.
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        script.key(&self.key)
    }

    fn lost(&self, error: &RedisError, now: Instant) {
        // Once per absence: every permit until Redis is back would say the same.
        if self.local().redis_lost(now) {
            tracing::warn!(%error, "Redis does not answer; calls go on slowly, without the shared budget, until it does");
        }
    }
}

/// From so few calls left on, the largest lead of `model.lua`, each answer steers the pace.
const LITTLE_LEFT: u32 = 8;

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}
