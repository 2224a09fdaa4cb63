//! The limits on calls, one for each family of operations (section 6 of the reference).
//!
//! The documented ones count calls within a minute. The hidden one, for everything that has no published number, is a bucket of tokens that fills
//! evenly.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::faults::FaultState;
use crate::operation::{Family, Operation};

const MINUTE: Duration = Duration::from_secs(60);

/// The limits of the key.
#[derive(Debug, Default)]
pub(crate) struct RateLimits {
    hidden: Mutex<Option<Bucket>>,
    documented: Mutex<BTreeMap<Operation, Window>>,
}

#[derive(Debug)]
struct Bucket {
    per_minute: u32,
    burst: u32,
    tokens: f64,
    filled_at: Instant,
}

/// The calls of one operation within a minute.
#[derive(Debug)]
struct Window {
    opened_at: Instant,
    calls: u32,
}

/// What a limit said about one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) granted: bool,
    pub(crate) per_minute: u32,
    pub(crate) remaining: u32,
    /// When the next call is granted, if this one was not; otherwise when the limit is as good as new.
    pub(crate) reset_in: Duration,
}

impl Grant {
    /// A refusal that no limit explains.
    pub(crate) const OUT_OF_THE_BLUE: Self =
        Self { granted: false, per_minute: 300, remaining: 0, reset_in: Duration::from_secs(1) };
}

impl RateLimits {
    /// Asks the limit of the operation's family, if there is one.
    pub(crate) fn ask(&self, operation: Operation, faults: &FaultState, now: Instant) -> Option<Grant> {
        let switches = &faults.switches;
        let documented = match operation.family() {
            Family::Events => switches.events_per_minute,
            Family::EventsStream => switches.events_stream_per_minute,
            Family::LastActive => switches.last_active_per_minute,
            Family::Rest => return self.ask_hidden(faults.rate_limit_per_minute, faults.rate_limit_burst, now),
        };
        documented.map(|per_minute| self.ask_documented(operation, per_minute, now))
    }

    /// The limits of events hold for each path, which is each operation; that for users is the same as long as there is one key.
    fn ask_documented(&self, operation: Operation, per_minute: u32, now: Instant) -> Grant {
        let mut windows = self.documented.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(operation).or_insert(Window { opened_at: now, calls: 0 });
        if now.saturating_duration_since(window.opened_at) >= MINUTE {
            *window = Window { opened_at: now, calls: 0 };
        }
        let granted = window.calls < per_minute;
        window.calls += u32::from(granted);
        let reset_in = MINUTE.saturating_sub(now.saturating_duration_since(window.opened_at));
        Grant { granted, per_minute, remaining: per_minute.saturating_sub(window.calls), reset_in }
    }

    /// Takes a token, if there is a limit. A limit that changed begins with a full bucket.
    fn ask_hidden(&self, per_minute: Option<u32>, burst: u32, now: Instant) -> Option<Grant> {
        let mut bucket = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(per_minute) = per_minute else {
            *bucket = None;
            return None;
        };
        let burst = burst.max(1);
        if bucket.as_ref().is_none_or(|bucket| (bucket.per_minute, bucket.burst) != (per_minute, burst)) {
            *bucket = Some(Bucket { per_minute, burst, tokens: f64::from(burst), filled_at: now });
        }
        bucket.as_mut().map(|bucket| bucket.take(now))
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> Grant {
        let per_second = f64::from(self.per_minute) / 60.0;
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        self.tokens = (self.tokens + elapsed * per_second).min(f64::from(self.burst));
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        let missing = if granted { f64::from(self.burst) - self.tokens } else { 1.0 - self.tokens };
        // A limit of nothing never resets; a minute is as good an answer as any.
        let seconds = if per_second > 0.0 { missing / per_second } else { 60.0 };
        Grant { granted, per_minute: self.per_minute, remaining: self.tokens as u32, reset_in: Duration::from_secs_f64(seconds) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_granted_and_then_the_rate() {
        let limits = RateLimits::default();
        let start = Instant::now();
        let granted = |at: Duration| limits.ask_hidden(Some(60), 3, start + at).unwrap().granted;
        assert_eq!((0..4).map(|_| granted(Duration::ZERO)).collect::<Vec<_>>(), [true, true, true, false]);
        assert!(granted(Duration::from_secs(1)));
        assert!(!granted(Duration::from_millis(1_500)));
    }

    #[test]
    fn a_limit_of_nothing_grants_the_burst_only() {
        let limits = RateLimits::default();
        let now = Instant::now();
        assert!(limits.ask_hidden(Some(0), 1, now).unwrap().granted);
        assert!(!limits.ask_hidden(Some(0), 1, now + Duration::from_secs(600)).unwrap().granted);
        assert!(limits.ask_hidden(None, 1, now).is_none());
    }

    #[test]
    fn each_family_has_the_limit_that_is_documented() {
        let (limits, faults, start) = (RateLimits::default(), FaultState::default(), Instant::now());
        let granted = |operation, at: Duration| {
            (0..300).filter(|_| limits.ask(operation, &faults, start + at).is_none_or(|grant| grant.granted)).count()
        };
        for (operation, expected) in [
            (Operation::Events, 10),
            (Operation::Event, 10),
            (Operation::EventActions, 10),
            (Operation::EventsStream, 50),
            (Operation::LastActiveDates, 200),
            (Operation::UsersSearch, 300),
        ] {
            assert_eq!(granted(operation, Duration::ZERO), expected, "{operation:?}");
            assert_eq!(granted(operation, Duration::from_secs(59)), if expected == 300 { 300 } else { 0 }, "{operation:?}");
            assert_eq!(granted(operation, Duration::from_secs(60)), expected, "{operation:?}");
        }
    }
}
