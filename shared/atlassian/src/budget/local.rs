//! What one process remembers of a budget between two questions to Redis. Pure: the caller brings the clock.

use std::time::{Duration, Instant};

use super::answer::{Answer, GrantedAt, Report};
use super::{BudgetWait, WaitReason};
use crate::operation::Lane;

/// How often an absent Redis is asked whether it is back.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What to do about a request for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Granted from what is in stock.
    Granted(GrantedAt),
    /// Refused without asking: the answer is known.
    Wait(BudgetWait),
    /// Only Redis knows; and this is what it does not know yet.
    Ask(Report),
}

#[derive(Debug)]
pub(super) struct Local {
    paused_until: Option<Instant>,
    /// By lane: when Redis said that the next call may be made. Asking before that would be answered alike.
    not_before: [Option<(Instant, WaitReason)>; 2],
    stock: Option<Stock>,
    /// Set while Redis is away.
    away: Option<Away>,
    alone_interval: Duration,
    ended: u32,
    answered: u32,
    lapsed: u32,
    waits: [u32; 2],
}

#[derive(Debug)]
struct Stock {
    left: u32,
    until: Instant,
    granted_at: GrantedAt,
}

#[derive(Debug)]
struct Away {
    ask_again: Instant,
    next_call: Instant,
}

impl Local {
    pub(super) fn new(alone_per_second: f64) -> Self {
        let per_second = if alone_per_second.is_finite() { alone_per_second.clamp(0.01, 1000.0) } else { 1.0 };
        Self {
            paused_until: None,
            not_before: [None; 2],
            stock: None,
            away: None,
            alone_interval: Duration::from_secs_f64(1.0 / per_second),
            ended: 0,
            answered: 0,
            lapsed: 0,
            waits: [0; 2],
        }
    }

    /// Decides what can be decided here.
    pub(super) fn next(&mut self, lane: Lane, now: Instant) -> Next {
        if let Some(wait) = self.known_wait(lane, now) {
            self.waits[lane as usize] += 1;
            return Next::Wait(wait);
        }
        if let Some(stock) = self.stock.as_mut().filter(|stock| stock.until > now && stock.left > 0) {
            stock.left -= 1;
            return Next::Granted(stock.granted_at);
        }
        match &mut self.away {
            Some(away) if now < away.ask_again => match self.take_alone(now) {
                Ok(granted_at) => Next::Granted(granted_at),
                Err(wait) => Next::Wait(wait),
            },
            Some(away) => {
                // This caller asks for all: the others need not wait for the same silence.
                away.ask_again = now + ASK_AGAIN;
                Next::Ask(self.report(lane))
            }
            None => Next::Ask(self.report(lane)),
        }
    }

    fn known_wait(&mut self, lane: Lane, now: Instant) -> Option<BudgetWait> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(BudgetWait { retry_in: until - now, reason: WaitReason::Paused });
        }
        self.paused_until = None;
        let (until, reason) = self.not_before[lane as usize].filter(|(until, _)| *until > now)?;
        Some(BudgetWait { retry_in: until - now, reason })
    }

    /// What has happened since Redis was last told, which counts as told by this.
    fn report(&mut self, lane: Lane) -> Report {
        self.drop_stock();
        let waits = std::mem::take(&mut self.waits[lane as usize]);
        let [ended, answered, lapsed] = [&mut self.ended, &mut self.answered, &mut self.lapsed].map(std::mem::take);
        Report { ended, answered, lapsed, waits }
    }

    /// Takes in what Redis answered.
    pub(super) fn heard(&mut self, lane: Lane, now: Instant, answer: Answer) -> Result<GrantedAt, BudgetWait> {
        match answer {
            Answer::Granted { calls, holds, at } => {
                // An answer that left Redis before a pause began must not outlive it.
                let rest = calls.saturating_sub(1);
                if self.paused_until.is_some() {
                    self.lapsed += rest;
                } else if rest > 0 {
                    self.drop_stock();
                    self.stock = Some(Stock { left: rest, until: now + holds, granted_at: at });
                }
                Ok(at)
            }
            Answer::Wait(wait) => {
                match wait.reason {
                    WaitReason::Paused => self.pause(now, wait.retry_in),
                    reason => self.not_before[lane as usize] = Some((now + wait.retry_in, reason)),
                }
                Err(wait)
            }
        }
    }

    /// A permit has served its time, used or not.
    pub(super) fn ended(&mut self) {
        self.ended += 1;
    }

    /// The API let a call through.
    pub(super) fn answered(&mut self) {
        self.answered += 1;
    }

    /// No calls for `wait`, not even those in stock. Never shortens a pause.
    pub(super) fn pause(&mut self, now: Instant, wait: Duration) {
        self.drop_stock();
        self.paused_until = self.paused_until.max(Some(now + wait));
    }

    /// Gives back what is in stock.
    pub(super) fn drop_stock(&mut self) {
        self.lapsed += self.stock.take().map_or(0, |stock| stock.left);
    }

    /// One call at the slow rate of a process without Redis.
    pub(super) fn take_alone(&mut self, now: Instant) -> Result<GrantedAt, BudgetWait> {
        let interval = self.alone_interval;
        let away = self.away.get_or_insert(Away { ask_again: now + ASK_AGAIN, next_call: now });
        if away.next_call > now {
            return Err(BudgetWait { retry_in: away.next_call - now, reason: WaitReason::Alone });
        }
        away.next_call = now + interval;
        Ok(GrantedAt::ALONE)
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
    const BULK: Lane = Lane::Bulk;

    fn granted(calls: u32) -> Answer {
        Answer::Granted { calls, holds: SECOND / 10, at: GrantedAt(7) }
    }

    fn asks(next: Next) -> Report {
        match next {
            Next::Ask(report) => report,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_batch_is_used_up_or_lapses_and_is_given_back() {
        let (mut local, now) = (Local::new(2.0), Instant::now());
        assert_eq!(asks(local.next(BULK, now)), Report::default());
        assert_eq!(local.heard(BULK, now, granted(4)), Ok(GrantedAt(7)));
        for _ in 0..3 {
            assert_eq!(local.next(BULK, now), Next::Granted(GrantedAt(7)));
        }
        local.answered();
        local.ended();
        assert_eq!(asks(local.next(BULK, now)), Report { ended: 1, answered: 1, ..Report::default() });
        let _ = local.heard(BULK, now, granted(4));
        assert_eq!(asks(local.next(BULK, now + SECOND / 10)), Report { lapsed: 3, ..Report::default() });
    }

    #[test]
    fn a_pause_empties_the_stock_and_is_never_shortened() {
        let (mut local, now) = (Local::new(2.0), Instant::now());
        let _ = local.heard(BULK, now, granted(4));
        local.pause(now, SECOND * 5);
        local.pause(now, SECOND);
        let _ = local.heard(BULK, now, granted(4));
        assert_eq!(local.next(BULK, now), Next::Wait(BudgetWait { retry_in: SECOND * 5, reason: WaitReason::Paused }));
        assert_eq!(asks(local.next(BULK, now + SECOND * 5)), Report { lapsed: 6, waits: 1, ..Report::default() });
    }

    #[test]
    fn a_wait_is_known_to_all_of_its_lane_and_to_no_other() {
        let (mut local, now) = (Local::new(2.0), Instant::now());
        let wait = BudgetWait { retry_in: SECOND, reason: WaitReason::Rate };
        assert_eq!(local.heard(BULK, now, Answer::Wait(wait)), Err(wait));
        assert_eq!(local.next(BULK, now), Next::Wait(wait));
        asks(local.next(Lane::Interactive, now));
        assert_eq!(asks(local.next(BULK, now + SECOND)).waits, 1);
    }

    #[test]
    fn without_redis_calls_are_slow_and_one_asks_for_all() {
        let (mut local, now) = (Local::new(2.0), Instant::now());
        assert!(local.redis_lost(now));
        assert_eq!(local.take_alone(now), Ok(GrantedAt::ALONE));
        assert_eq!(local.next(BULK, now), Next::Wait(BudgetWait { retry_in: SECOND / 2, reason: WaitReason::Alone }));
        assert_eq!(local.next(BULK, now + SECOND / 2), Next::Granted(GrantedAt::ALONE));
        asks(local.next(BULK, now + SECOND));
        assert_eq!(local.next(BULK, now + SECOND), Next::Granted(GrantedAt::ALONE), "the others go on meanwhile");
        assert!(!local.redis_lost(now + SECOND));
        assert!(local.redis_answered());
        asks(local.next(BULK, now + SECOND));
    }
}
