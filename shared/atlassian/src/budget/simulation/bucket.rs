//! The API as the budget meets it: a token bucket, and what it tells with a refusal.

/// What the API tells about its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hint {
    /// Nothing at all.
    None,
    /// Whole seconds, with a 429.
    RetryAfter,
    /// Limit and calls left, with every answer.
    Headers,
}

pub(super) struct Bucket {
    pub(super) per_second: f64,
    burst: f64,
    tokens: f64,
    at: f64,
    /// What it could have let through so far.
    pub(super) earned: f64,
    pub(super) let_through: u64,
    pub(super) refused: u64,
}

impl Bucket {
    pub(super) fn new(per_minute: f64, burst: f64) -> Self {
        Self { per_second: per_minute / 60.0, burst, tokens: burst, at: 0.0, earned: 0.0, let_through: 0, refused: 0 }
    }

    pub(super) fn pass_to(&mut self, now: f64) {
        let earned = (now - self.at) * self.per_second;
        self.earned += earned;
        self.tokens = (self.tokens + earned).min(self.burst);
        self.at = now;
    }

    /// Whether a call that arrives now is let through.
    pub(super) fn arrive(&mut self, now: f64) -> bool {
        self.pass_to(now);
        let through = self.tokens >= 1.0;
        if through {
            self.tokens -= 1.0;
            self.let_through += 1;
        } else {
            self.refused += 1;
        }
        through
    }

    pub(super) fn left(&self) -> f64 {
        self.tokens.floor()
    }

    /// Whole seconds until a call would be let through.
    pub(super) fn retry_after(&self) -> f64 {
        ((1.0 - self.tokens) / self.per_second).ceil().max(1.0)
    }
}
