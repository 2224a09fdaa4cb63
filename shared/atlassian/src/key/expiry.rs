//! When a key ends. Pure: the caller brings the clock.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::ApiKey;

/// From so many days before its end on, a key is worth a person's attention.
const SOON_DAYS: i64 = 30;

/// A key with the date that a person read off when it was made: the API tells it nowhere.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The key.
    pub key: ApiKey,
    /// Its last day; `None` where nobody said.
    pub expires_on: Option<NaiveDate>,
}

/// How long a key still lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLife {
    /// Nobody said.
    Unknown,
    /// More than a month.
    Long {
        /// Whole days left.
        days: i64,
    },
    /// A month or less: make a new one.
    Soon {
        /// Whole days left; 0 on the last day.
        days: i64,
    },
    /// Over: the API answers 401.
    Over {
        /// Whole days since.
        days: i64,
    },
}

impl StoredKey {
    /// How long it still lasts. The last day counts to its end, in UTC, since Atlassian says no hour.
    pub fn life(&self, now: DateTime<Utc>) -> KeyLife {
        let Some(last) = self.expires_on else { return KeyLife::Unknown };
        match (last - now.date_naive()).num_days() {
            days if days < 0 => KeyLife::Over { days: -days },
            days if days <= SOON_DAYS => KeyLife::Soon { days },
            days => KeyLife::Long { days },
        }
    }

    /// Seconds until its end, negative once it has passed, for the metric; `None` where nobody said.
    pub fn seconds_left(&self, now: DateTime<Utc>) -> Option<i64> {
        let end = self.expires_on?.succ_opt()?.and_time(NaiveTime::MIN).and_utc();
        Some((end - now).num_seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(expires_on: Option<&str>) -> (KeyLife, Option<i64>) {
        let stored = StoredKey { key: ApiKey::new("k"), expires_on: expires_on.map(|day| day.parse().unwrap()) };
        let now = "2026-03-26T23:00:00Z".parse().unwrap();
        (stored.life(now), stored.seconds_left(now))
    }

    #[test]
    fn a_key_lasts_to_the_end_of_its_last_day() {
        assert_eq!(life(None), (KeyLife::Unknown, None));
        assert_eq!(life(Some("2027-03-26")).0, KeyLife::Long { days: 365 });
        assert_eq!(life(Some("2026-04-25")).0, KeyLife::Soon { days: 30 });
        assert_eq!(life(Some("2026-03-26")), (KeyLife::Soon { days: 0 }, Some(3600)));
        assert_eq!(life(Some("2026-03-25")), (KeyLife::Over { days: 1 }, Some(3600 - 86_400)));
    }
}
