//! How long to wait before a call is repeated. Pure: the caller brings clock and random numbers.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::wire::time;

/// The longest first delay. Most failures are single drops, which a quarter of a second gets over.
const FIRST: Duration = Duration::from_millis(250);
/// The ceiling from the second attempt on is this, doubled with each further one.
const BASE: Duration = Duration::from_secs(1);
/// No back-off is longer. A longer wait that the API asks for is honoured.
const CEILING: Duration = Duration::from_secs(30);

/// The wait before attempt number `attempt + 1`, with `attempt` failed ones behind (1 for the first failure).
///
/// Exponential with full jitter: `random`, in `0.0..1.0`, picks a point between nothing and the ceiling. What the API asked for is
/// never undercut; the jitter is added to it, so that not all who were told the same moment come back at it.
pub fn backoff(attempt: u32, retry_after: Option<Duration>, random: f64) -> Duration {
    let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.5 };
    let ceiling = match attempt {
        0 | 1 => FIRST,
        // From 2^5 on the ceiling holds; the bound keeps the shift in range.
        later => BASE.saturating_mul(1 << (later - 2).min(5)).min(CEILING),
    };
    retry_after.unwrap_or_default().saturating_add(ceiling.mul_f64(random))
}

/// The headers of an answer that say when to come back, as sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    /// `Retry-After`: seconds or an HTTP date.
    pub retry_after: Option<&'a str>,
    /// `X-RateLimit-Reset`: a moment, to the second or to the minute.
    pub reset: Option<&'a str>,
    /// `Date`: the server's clock. Moments are measured against it, so that ours may be wrong.
    pub date: Option<&'a str>,
}

/// How long the API asks to wait. `None` where it says nothing that can be read, or names a moment that has passed.
///
/// A reset to the minute is taken as the minute's beginning: if that was too early, the next answer says so at the price of one
/// call, while its end would cost everybody up to a minute.
pub fn retry_after(hint: Hint<'_>, now: DateTime<Utc>) -> Option<Duration> {
    let now = hint.date.and_then(http_date).unwrap_or(now);
    let until = |moment: DateTime<Utc>| (moment - now).to_std().ok().filter(|wait| !wait.is_zero());
    let asked = hint.retry_after.and_then(|text| match text.trim().parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => http_date(text).and_then(until),
    });
    asked.or_else(|| hint.reset.and_then(time::parse).and_then(until))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|moment| moment.to_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2026-03-26T16:24:30Z";

    fn check(hint: Hint<'_>, expected: Option<u64>) {
        let now = time::parse(NOW).unwrap();
        assert_eq!(retry_after(hint, now), expected.map(Duration::from_secs), "{hint:?}");
    }

    #[test]
    fn every_form_of_a_hint_is_read() {
        let after = |text| Hint { retry_after: Some(text), ..Hint::default() };
        check(after("7"), Some(7));
        check(after("0"), Some(0));
        check(after("Thu, 26 Mar 2026 16:25:00 GMT"), Some(30));
        check(after("Thu, 26 Mar 2026 16:24:00 GMT"), None);
        check(after("soon"), None);
        for text in ["2026-03-26T16:25Z", "2026-03-26T16:25+0000", "2026-03-26T16:25:00Z", "2026-03-26T16:25:00.000+00:00"] {
            check(Hint { reset: Some(text), ..Hint::default() }, Some(30));
        }
        check(Hint { reset: Some("2026-03-26T16:24Z"), ..Hint::default() }, None);
        check(Hint { retry_after: Some("3"), reset: Some("2026-03-26T16:25Z"), date: None }, Some(3));
        check(Hint { retry_after: Some("soon"), reset: Some("2026-03-26T16:25Z"), date: None }, Some(30));
        check(Hint::default(), None);
    }

    #[test]
    fn moments_are_measured_by_the_servers_clock() {
        let date = Some("Thu, 26 Mar 2026 16:24:50 GMT");
        check(Hint { reset: Some("2026-03-26T16:25Z"), date, ..Hint::default() }, Some(10));
    }

    proptest! {
        #[test]
        fn a_backoff_is_bounded(attempt in 0u32.., random in 0.0f64..1.0) {
            let wait = backoff(attempt, None, random);
            prop_assert!(wait <= CEILING);
            prop_assert!(attempt > 1 || wait <= FIRST);
        }

        #[test]
        fn a_later_attempt_waits_no_less(attempt in 0u32..40, random in 0.0f64..1.0) {
            prop_assert!(backoff(attempt + 1, None, random) >= backoff(attempt, None, random));
        }

        #[test]
        fn what_the_api_asks_is_not_undercut(attempt in 0u32.., asked_ms in 0u64..10_000_000, random in 0.0f64..1.0) {
            let asked = Duration::from_millis(asked_ms);
            let wait = backoff(attempt, Some(asked), random);
            prop_assert!(wait >= asked && wait <= asked + CEILING);
        }
    }
}
