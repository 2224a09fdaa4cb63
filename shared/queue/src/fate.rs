//! What becomes of a delivery when its handler has ended. Pure: everything that decides is an argument.

use std::error::Error;
use std::time::Duration;

use apalis_core::error::{AbortError, BoxDynError, DeferredError, RetryAfterError};

use crate::config::QueueConfig;

/// Returned by a handler as its error: not now, come back in so long. Holds no slot while it waits and counts as no attempt.
///
/// ```
/// use apalis_core::error::BoxDynError;
/// use orgmirror_queue::Postpone;
/// use std::time::Duration;
///
/// async fn send(mail: String) -> Result<(), BoxDynError> {
///     Err(Postpone(Duration::from_secs(3)))? // the mail server asked for a pause
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("postponed for {0:?}")]
pub struct Postpone(pub Duration);

/// A handler panicked. Counted and retried like any other failure.
#[derive(Debug, thiserror::Error)]
#[error("panic: {0}")]
pub struct HandlerPanic(pub String);

/// What to do with an entry.
#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    /// Delete it.
    Done,
    /// Deliver it again when `wait` is over; `attempts` are used up by then.
    Delay { attempts: u64, wait: Duration },
    /// Deliver it again at once: it was never started. `attempts` as before.
    Return { attempts: u64 },
    /// Give it up.
    Dead { attempts: u64, reason: String },
}

impl Fate {
    /// `jitter` is in 0..1.
    pub(crate) fn of<R>(outcome: &Result<R, BoxDynError>, attempt: u64, config: &QueueConfig, jitter: f64) -> Self {
        let error = match outcome {
            Ok(_) => return Fate::Done,
            Err(error) => error.as_ref(),
        };
        if let Some(Postpone(wait)) = find(error) {
            return Fate::Delay { attempts: attempt - 1, wait: *wait };
        }
        if find::<AbortError>(error).is_some() || attempt >= config.max_deliveries {
            return Fate::Dead { attempts: attempt, reason: in_full(error) };
        }
        let wait = if let Some(asked) = find::<RetryAfterError>(error) {
            asked.get_duration()
        } else if find::<DeferredError>(error).is_some() {
            Duration::ZERO
        } else {
            retry_wait(attempt, config, jitter)
        };
        Fate::Delay { attempts: attempt, wait }
    }
}

/// Doubles with each attempt up to a bound; the upper half is random, so that what failed together does not come back together.
fn retry_wait(attempt: u64, config: &QueueConfig, jitter: f64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(30);
    let longest = config.retry_base.saturating_mul(1 << doublings).min(config.retry_max);
    longest.mul_f64(0.5 + jitter / 2.0)
}

/// The error and what caused it, outermost first.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
}

/// The first error of the chain that is an `E`: layers and handlers may have wrapped it.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The chain as one sentence.
fn in_full(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    for cause in chain(error).skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(error: impl Into<BoxDynError>, attempt: u64) -> Fate {
        let config = QueueConfig::new("", "").max_deliveries(3).retry(Duration::from_secs(1), Duration::from_secs(3));
        Fate::of::<()>(&Err(error.into()), attempt, &config, 1.0)
    }

    #[derive(Debug, thiserror::Error)]
    #[error("wrapped")]
    struct Wrapped(#[source] Postpone);

    #[test]
    fn postponing_counts_no_attempt_even_at_the_last_one() {
        let wait = Duration::from_secs(7);
        assert_eq!(after(Postpone(wait), 3), Fate::Delay { attempts: 2, wait });
        assert_eq!(after(Wrapped(Postpone(wait)), 1), Fate::Delay { attempts: 0, wait });
    }

    #[test]
    fn failures_wait_longer_each_time_and_end() {
        assert_eq!(after("no", 1), Fate::Delay { attempts: 1, wait: Duration::from_secs(1) });
        assert_eq!(after("no", 2), Fate::Delay { attempts: 2, wait: Duration::from_secs(2) });
        assert_eq!(after("no", 3), Fate::Dead { attempts: 3, reason: "no".into() });
    }

    #[test]
    fn aborting_ends_at_once_and_retry_after_is_obeyed() {
        assert!(matches!(after(AbortError::new("never"), 1), Fate::Dead { attempts: 1, .. }));
        let wait = Duration::from_secs(90);
        assert_eq!(after(RetryAfterError::new("429", wait), 1), Fate::Delay { attempts: 1, wait });
    }

    #[test]
    fn waits_are_bounded_however_many_attempts_there_were() {
        let config = QueueConfig::new("", "");
        assert!(retry_wait(u64::MAX, &config, 0.9) <= config.retry_max);
    }
}
