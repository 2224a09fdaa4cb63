//! When something starts by itself: `03:00 Europe/Berlin`, `weekdays 07:30 Europe/Helsinki except 2026-12-24..2027-01-01`.
//!
//! Times are of the wall in a time zone. On the day of a clock change a time that does not exist runs at the next minute that does, and
//! one that exists twice runs once, the first time. Therefore all times are found on the wall, and then turned into moments, in
//! order and never twice ([`Schedule::next_after`]). Missed times are caught up once ([`Schedule::due`]). No time within a window of
//! `except` is ever given.
//!
//! Absent: the clock and randomness, which callers pass in; what is started.

mod display;
mod parse;
#[cfg(test)]
mod tests;
mod window;
mod words;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use croner::Cron;
use serde::{Deserialize, Serialize};

pub use parse::ScheduleError;
pub use window::Window;

/// Times of the wall that are looked at for one answer: a minute's cron over a whole week of windows, with room.
const LOOKED_AT_MAX: usize = 20_000;
/// The longest time that clocks have ever jumped forward, in minutes: the day that Samoa left out.
const GAP_MAX_MINUTES: i64 = 25 * 60;
/// The longest interval, in minutes: a year.
pub const INTERVAL_MAX_MINUTES: u32 = 366 * 24 * 60;

/// When something starts. Its text ([`std::fmt::Display`]) is canonical and parses to the same schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    /// What repeats.
    pub repeat: Repeat,
    /// The zone whose wall is meant; that of the windows too.
    pub zone: Tz,
    /// When it never starts.
    pub except: Vec<Window>,
}

/// What repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// At one time.
    Once(NaiveDateTime),
    /// Each day, at a time of whole minutes.
    Daily(NaiveTime),
    /// Monday to Friday.
    Weekdays(NaiveTime),
    /// On these days, in the order of the week and without repeats; at least one.
    Weekly(Vec<Weekday>, NaiveTime),
    /// Every so many minutes, counted from 1970 in UTC, so that restarts and clock changes move nothing. 1 to
    /// [`INTERVAL_MAX_MINUTES`].
    Every(u32),
    /// Five fields of cron.
    Cron(Box<Cron>),
}

impl Schedule {
    /// The first moment after this one; `None` if there is none, or none outside of the windows that could be found.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if let Repeat::Every(minutes) = self.repeat {
            return self.next_multiple(minutes, after);
        }
        let mut wall = after.with_timezone(&self.zone).naive_local();
        for _ in 0..LOOKED_AT_MAX {
            wall = self.next_on_the_wall(wall)?;
            let moment = self.moment(wall)?;
            // Not after: the wall shows this time for the second time.
            if moment > after && !self.forbids(moment) {
                return Some(moment);
            }
        }
        None
    }

    /// The moment that is to be started now, if there is one: the first after `handled`, however many were missed since. Whoever
    /// starts it sets `handled` to `now`, so that what was missed is caught up once. Nothing is due within a window.
    pub fn due(&self, handled: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_after(handled).filter(|planned| *planned <= now && !self.forbids(now))
    }

    /// When to start what is planned, so that not everything starts at once: later by a share, 0 to 1, of `jitter`. Always before the
    /// following moment and outside of the windows.
    pub fn start_of(&self, planned: DateTime<Utc>, jitter: TimeDelta, share: f64) -> DateTime<Utc> {
        let room = self.next_after(planned).map_or(jitter, |next| jitter.min(next - planned));
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a jitter are far below 2^52")]
        #[expect(clippy::cast_precision_loss, reason = "the same")]
        let later = (room.num_milliseconds() as f64 * share.clamp(0.0, 0.999_999)) as i64;
        let start = planned + TimeDelta::milliseconds(later.max(0));
        if self.forbids(start) { planned } else { start }
    }

    /// Whether a window covers this moment.
    pub fn forbids(&self, moment: DateTime<Utc>) -> bool {
        let wall = moment.with_timezone(&self.zone).naive_local();
        self.except.iter().any(|window| window.covers(wall))
    }

    fn next_multiple(&self, minutes: u32, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let step = i64::from(minutes) * 60;
        let first = after.timestamp().div_euclid(step) + 1;
        (0..LOOKED_AT_MAX as i64)
            .map_while(|further| DateTime::from_timestamp((first + further).checked_mul(step)?, 0))
            .find(|moment| !self.forbids(*moment))
    }

    /// The first time after this one that the wall would show if its clock never changed.
    fn next_on_the_wall(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        match &self.repeat {
            Repeat::Once(at) => Some(*at).filter(|at| *at > after),
            Repeat::Daily(time) => next_day(after, *time, |_| true),
            Repeat::Weekdays(time) => next_day(after, *time, |day| !matches!(day, Weekday::Sat | Weekday::Sun)),
            Repeat::Weekly(days, time) => next_day(after, *time, |day| days.contains(&day)),
            // Cron is asked about a wall without clock changes; those are this module's.
            Repeat::Cron(cron) => cron.find_next_occurrence(&after.and_utc(), false).ok().map(|at| at.naive_utc()),
            // Needs no wall.
            Repeat::Every(_) => None,
        }
    }

    /// When the wall shows this time: the first time if twice, the next minute that it shows if never.
    fn moment(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        (0..=GAP_MAX_MINUTES).find_map(|minutes| {
            match self.zone.from_local_datetime(&wall.checked_add_signed(TimeDelta::minutes(minutes))?) {
                MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => Some(moment.to_utc()),
                MappedLocalTime::None => None,
            }
        })
    }
}

/// The first such time on a day that counts, after this one. Within eight days there is each day of the week.
fn next_day(after: NaiveDateTime, time: NaiveTime, counts: impl Fn(Weekday) -> bool) -> Option<NaiveDateTime> {
    use chrono::Datelike;
    let days = after.date().iter_days().take(8).map(|day| day.and_time(time));
    days.into_iter().find(|at| *at > after && counts(at.weekday()))
}
