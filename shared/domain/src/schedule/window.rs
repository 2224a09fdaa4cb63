//! When something never starts.

use std::fmt::{self, Display, Formatter};

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

/// A time in which nothing starts, on the wall of the schedule's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Whole days of the week; at least one, in the order of the week.
    Days(Vec<Weekday>),
    /// From a time to just before another, each day or on days of the week (none: each day). If it ends before it begins it ends on the
    /// day after, and belongs to the day on which it begins. The two differ.
    Hours(Vec<Weekday>, NaiveTime, NaiveTime),
    /// From a day to another, both included; the second is not before the first.
    Dates(NaiveDate, NaiveDate),
}

impl Window {
    /// Whether it covers what the wall shows.
    pub fn covers(&self, wall: NaiveDateTime) -> bool {
        let on = |days: &[Weekday], day: Weekday| days.is_empty() || days.contains(&day);
        let (today, time) = (wall.weekday(), wall.time());
        match self {
            Self::Days(days) => days.contains(&today),
            Self::Hours(days, from, to) if from < to => on(days, today) && (*from..*to).contains(&time),
            Self::Hours(days, from, to) => (on(days, today) && time >= *from) || (on(days, today.pred()) && time < *to),
            Self::Dates(from, to) => (*from..=*to).contains(&wall.date()),
        }
    }
}

impl Display for Window {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write_days(f, days),
            Self::Hours(days, from, to) => {
                if !days.is_empty() {
                    write_days(f, days)?;
                    f.write_str(" ")?;
                }
                write!(f, "{}-{}", from.format("%H:%M"), to.format("%H:%M"))
            }
            Self::Dates(from, to) => write!(f, "{from}..{to}"),
        }
    }
}

/// `mon,thu`
pub(super) fn write_days(f: &mut Formatter<'_>, days: &[Weekday]) -> fmt::Result {
    for (position, day) in days.iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        write!(f, "{comma}{}", day.to_string().to_lowercase())?;
    }
    Ok(())
}
