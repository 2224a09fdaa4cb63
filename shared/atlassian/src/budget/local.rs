//! What one process remembers of the budget between two questions to Redis. Pure: the caller brings the clock.

use std::time::{Duration, Instant};

use super::{BudgetWait, WaitReason};

/// How many calls one answer grants where there is no rate, the one it was asked for included.
const BATCH: u32 = 4;
/// How long such a grant holds, and so how late another worker's 429 may be heard of.
pub(super) const BATCH_LIFE: Duration = Duration::from_millis(250);
/// How often an absent Redis is asked whether it is back.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What to do about a request for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Granted from what is in stock.
    Granted,
    /// Refused without asking: the answer is known.
    Wait(BudgetWait),
    /// Only Redis knows.
    Ask,
}

#[derive(Debug)]
pub(super) struct Local {
    paused_until: Option<Instant>,
    stock: Option<Stock>,
    /// Set while Redis is away.
    away: Option<Away>,
    alone_interval: Duration,
}

#[derive(Debug)]
struct Stock {
    left: u32,
    until: Instant,
}

#[derive(Debug)]
struct Away {
    ask_again: Instant,
    next_call: Instant,
}

impl Local {
    pub(super) fn new(alone_per_second: f64) -> Self {
        let per_second = if alone_per_second.is_finite() { alone_per_second.clamp(0.01, 1000.0) } else { 1.0 };
        Self { paused_until: None, stock: None, away: None, alone_interval: Duration::from_secs_f64(1.0 / per_second) }
    }

    /// Decides what can be decided here.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Next::Wait(BudgetWait { retry_in: until - now, reason: WaitReason::Paused });
        }
        self.paused_until = None;
        if let Some(stock) = self.stock.as_mut().filter(|stock| stock.until > now && stock.left > 0) {
            stock.left -= 1;
            return Next::Granted;
        }
        match &mut self.away {
            Some(away) if now < away.ask_again => match self.take_alone(now) {
                Ok(()) => Next::Granted,
                Err(wait) => Next::Wait(wait),
            },
            Some(away) => {
                // This caller asks for all: the others need not wait for the same silence.
                away.ask_again = now + ASK_AGAIN;
                Next::Ask
            }
            None => Next::Ask,
        }
    }

    /// Puts the rest of a batch into stock.
    pub(super) fn stock(&mut self, now: Instant) {
        // An answer that left Redis before a pause began must not outlive it.
        if self.paused_until.is_none() {
            self.stock = Some(Stock { left: BATCH - 1, until: now + BATCH_LIFE });
        }
    }

    /// No calls for `wait`, not even those in stock. Never shortens a pause.
    pub(super) fn pause(&mut self, now: Instant, wait: Duration) {
        self.stock = None;
        self.paused_until = self.paused_until.max(Some(now + wait));
    }

    /// One call at the slow rate of a process without Redis.
    pub(super) fn take_alone(&mut self, now: Instant) -> Result<(), BudgetWait> {
        let interval = self.alone_interval;
        let away = self.away.get_or_insert(Away { ask_again: now + ASK_AGAIN, next_call: now });
        if away.next_call > now {
            return Err(BudgetWait { retry_in: away.next_call - now, reason: WaitReason::Alone });
        }
        away.next_call = now + interval;
        Ok(())
    }

    /// Redis did not answer. True if that is news.
    pub(super) fn redis_lost(&mut self, now: Instant) -> bool {
        match &mut self.away {
            Some(away) => {
                away.ask_again = now + ASK_AGAIN;
                false
            }
            None => {
                self.away = Some(Away { ask_again: now + ASK_AGAIN, next_call: now });
                true
            }
        }
    }

    /// Redis answered. True if that is news.
    pub(super) fn redis_answered(&mut self) -> bool {
        self.away.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_batch_is_used_up_or_grows_old() {
        let (mut local, now) = (Local::new(2.0), Instant::now());
        assert_eq!(local.next(now), Next::Ask);
        local.stock(now);
        for _ in 1..BATCH {
            assert_eq!(local.next(now), Next::Granted);
        }
        assert_eq!(local.next(now), Next::Ask);
        local.stock(now);
        assert_eq!(local.next(now + BATCH_LIFE), Next::Ask);
    }

    #[test]
    fn a_pause_empties_the_stock_and_is_never_shortened() {
        let (mut local, now) = (Local::new(2.0), Instant::now());
        local.stock(now);
        local.pause(now, SECOND * 5);
        local.pause(now, SECOND);
        local.stock(now);
        assert_eq!(local.next(now), Next::Wait(BudgetWait { retry_in: SECOND * 5, reason: WaitReason::Paused }));
        assert_eq!(local.next(now + SECOND * 5), Next::Ask);
    }

    #[test]
    fn without_redis_calls_are_slow_and_one_asks_for_all() {
        let (mut local, now) = (Local::new(2.0), Instant::now());
        assert!(local.redis_lost(now));
        assert_eq!(local.take_alone(now), Ok(()));
        assert_eq!(local.next(now), Next::Wait(BudgetWait { retry_in: SECOND / 2, reason: WaitReason::Alone }));
        assert_eq!(local.next(now + SECOND / 2), Next::Granted);
        assert_eq!(local.next(now + SECOND), Next::Ask);
        assert_eq!(local.next(now + SECOND), Next::Granted, "the others go on meanwhile");
        assert!(!local.redis_lost(now + SECOND));
        assert!(local.redis_answered());
        assert_eq!(local.next(now + SECOND), Next::Ask);
    }
}
