//! When a key ends. Pure: the caller brings the clock.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};

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

impl KeyLife {
    /// How long a key with that last day still lasts. The day counts to its end, in UTC, since Atlassian says no hour.
    pub fn of(expires_on: Option<NaiveDate>, now: DateTime<Utc>) -> Self {
        let Some(last) = expires_on else { return Self::Unknown };
        match (last - now.date_naive()).num_days() {
            days if days < 0 => Self::Over { days: -days },
            days if days <= SOON_DAYS => Self::Soon { days },
            days => Self::Long { days },
        }
    }
}

impl fmt::Display for KeyLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("its last day is not known; set ORGMIRROR_ATLASSIAN__API_KEY_EXPIRES, or add `expires 2027-03-01` to the key file"),
            Self::Long { days } => write!(f, "{days} days left"),
            Self::Soon { days: 0 } => f.write_str("today is its last day; make a new one"),
            Self::Soon { days } => write!(f, "{days} days left; make a new one"),
            Self::Over { days } => write!(f, "expired {days} days ago; make a new one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(expires_on: Option<&str>) -> KeyLife {
        KeyLife::of(expires_on.map(|day| day.parse().unwrap()), "2026-03-26T23:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_key_lasts_to_the_end_of_its_last_day() {
        assert_eq!(life(None), KeyLife::Unknown);
        assert_eq!(life(Some("2027-03-26")), KeyLife::Long { days: 365 });
        assert_eq!(life(Some("2026-04-25")), KeyLife::Soon { days: 30 });
        assert_eq!(life(Some("2026-03-26")), KeyLife::Soon { days: 0 });
        assert_eq!(life(Some("2026-03-25")), KeyLife::Over { days: 1 });
    }
}
