//! How fresh an account is.

use chrono::{DateTime, Utc};

use crate::ids::Instant;

/// As of when something is known: the instant decides, which comes first in every comparison; the clock only bounds its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Freshness {
    /// Drawn before what tells was read.
    pub instant: Instant,
    /// The database's clock at that instant.
    pub at: DateTime<Utc>,
}

/// `Fresh(account)`: the greater of its row's observation and the watermark of the newest completed full run that has no exception
/// for it, both as instants or as [`Freshness`]. `None` for both: never observed.
pub fn fresh<T: Ord>(row: Option<T>, watermark_without_exception: Option<T>) -> Option<T> {
    row.max(watermark_without_exception)
}

/// `Fresh(scope)`: the least over its accounts; `None` if one was never observed.
pub fn fresh_scope(accounts: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    accounts.into_iter().min().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(instant: i64) -> Option<Freshness> {
        Some(Freshness { instant: Instant(instant), at: DateTime::from_timestamp(1_000 - instant, 0).unwrap_or_default() })
    }

    /// Method: the greater instant has the earlier time, as after a clock went back; clocks decide nothing.
    #[test]
    fn the_greater_instant_wins_whatever_the_clock_says() {
        assert_eq!(fresh(of(3), of(9)), of(9));
        assert_eq!(fresh(of(9), of(3)), of(9));
        assert_eq!(fresh(of(3), None), of(3));
        assert_eq!(fresh::<Freshness>(None, None), None);
    }

    #[test]
    fn a_scope_is_as_fresh_as_its_stalest_account() {
        assert_eq!(fresh_scope([Some(Instant(9)), Some(Instant(4))]), Some(Instant(4)));
        assert_eq!(fresh_scope([Some(Instant(9)), None]), None);
    }
}
