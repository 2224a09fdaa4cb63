//! The limit on calls: a bucket of tokens that fills evenly.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The bucket of the key.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    bucket: Mutex<Option<Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    per_minute: u32,
    burst: u32,
    tokens: f64,
    filled_at: Instant,
}

/// What the bucket said about one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) granted: bool,
    pub(crate) per_minute: u32,
    pub(crate) remaining: u32,
    /// When the next token is there, if there is none now; otherwise when the bucket is full.
    pub(crate) reset_in: Duration,
}

impl RateLimit {
    /// Takes a token, if there is a limit. A limit that changed begins with a full bucket.
    pub(crate) fn ask(&self, per_minute: Option<u32>, burst: u32, now: Instant) -> Option<Grant> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
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
        let limit = RateLimit::default();
        let start = Instant::now();
        let granted = |at: Duration| limit.ask(Some(60), 3, start + at).unwrap().granted;
        assert_eq!((0..4).map(|_| granted(Duration::ZERO)).collect::<Vec<_>>(), [true, true, true, false]);
        assert!(granted(Duration::from_secs(1)));
        assert!(!granted(Duration::from_millis(1_500)));
    }

    #[test]
    fn a_limit_of_nothing_grants_the_burst_only() {
        let limit = RateLimit::default();
        let now = Instant::now();
        assert!(limit.ask(Some(0), 1, now).unwrap().granted);
        assert!(!limit.ask(Some(0), 1, now + Duration::from_secs(600)).unwrap().granted);
        assert!(limit.ask(None, 1, now).is_none());
    }
}
