//! Text to schedules.
//!
//! ```text
//! schedule = repeat [ zone ] [ "except" window { ";" window } ]
//! repeat   = [ "daily" ] time | "weekdays" time | "weekly" days time | "once" date time
//!          | "every" number ( "m" | "h" | "d" ) | [ "cron" ] minute hour day month weekday
//! window   = days | [ days ] time "-" time | date ".." date
//! days     = day { "," day } | day "-" day          day = "mon" ... "sun"
//! ```
//!
//! The zone is a name such as `Europe/Berlin`, UTC if none is given.

use std::str::FromStr;

use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::parser::{CronParser, Seconds, Year};

use super::{INTERVAL_MAX_MINUTES, Repeat, Schedule, Window};
use crate::filter::nearest;

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part:?} is no {what} of a schedule; {remedy}")]
pub struct ScheduleError {
    /// The part that cannot be read.
    pub part: String,
    /// What stands there.
    pub what: &'static str,
    /// What to write.
    pub remedy: String,
}

/// Longest text, in bytes.
const LENGTH_MAX: usize = 1_000;
const FORMS: &str = "write `03:00 Europe/Berlin`, `weekdays 07:30`, `weekly mon,thu 03:00`, `once 2026-12-01 03:00`, `every 6h`, or cron as `0 3 * * 1-5`";

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        if text.len() > LENGTH_MAX {
            return Err(wrong(&format!("{} bytes", text.len()), "length", format!("write at most {LENGTH_MAX}")));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let except_at = words.iter().position(|word| word.eq_ignore_ascii_case("except"));
        let (when, windows) = words.split_at(except_at.unwrap_or(words.len()));
        let (repeat, rest) = repeat(when)?;
        let zone = match rest {
            [] => Tz::UTC,
            [name] => zone(name)?,
            [_, further, ..] => return Err(wrong(further, "end", "nothing stands between the zone and `except`".to_owned())),
        };
        let except = match windows {
            [] => Vec::new(),
            [_, windows @ ..] => windows.join(" ").split(';').map(|part| window(part.trim())).collect::<Result<_, _>>()?,
        };
        Ok(Self { repeat, zone, except })
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.to_string()
    }
}

/// What repeats, and the words behind it.
fn repeat<'a>(words: &'a [&'a str]) -> Result<(Repeat, &'a [&'a str]), ScheduleError> {
    let first = words.first().map(|word| word.to_lowercase()).unwrap_or_default();
    Ok(match (first.as_str(), words) {
        ("daily", [_, at, rest @ ..]) => (Repeat::Daily(time(at)?), rest),
        ("weekdays", [_, at, rest @ ..]) => (Repeat::Weekdays(time(at)?), rest),
        ("weekly", [_, on, at, rest @ ..]) => (Repeat::Weekly(days(on)?, time(at)?), rest),
        ("once", [_, day, at, rest @ ..]) => (Repeat::Once(date(day)?.and_time(time(at)?)), rest),
        ("every", [_, long, rest @ ..]) => (Repeat::Every(interval(long)?), rest),
        ("cron", [_, fields @ ..]) => cron(fields)?,
        (at, [_, rest @ ..]) if at.contains(':') => (Repeat::Daily(time(at)?), rest),
        (field, fields) if fields.len() >= 5 && field.starts_with(|letter: char| letter.is_ascii_digit() || letter == '*') => {
            cron(fields)?
        }
        _ => return Err(wrong(&words.join(" "), "time", FORMS.to_owned())),
    })
}

fn cron<'a>(words: &'a [&'a str]) -> Result<(Repeat, &'a [&'a str]), ScheduleError> {
    let Some((fields, rest)) = words.split_at_checked(5) else {
        let remedy = "write its five fields: minute, hour, day of the month, month, day of the week".to_owned();
        return Err(wrong(&words.join(" "), "cron expression", remedy));
    };
    let text = fields.join(" ");
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(&text).map_err(|error| wrong(&text, "cron expression", error.to_string()))?;
    Ok((Repeat::Cron(Box::new(cron)), rest))
}

fn window(text: &str) -> Result<Window, ScheduleError> {
    if let Some((from, to)) = text.split_once("..") {
        let (from, to) = (date(from.trim())?, date(to.trim())?);
        return if from <= to {
            Ok(Window::Dates(from, to))
        } else {
            Err(wrong(text, "window", "write the earlier day first".to_owned()))
        };
    }
    let (on, hours) = match text.rsplit_once(' ') {
        Some((on, hours)) => (days(on.trim())?, hours),
        None if text.contains(':') => (Vec::new(), text),
        None => return Ok(Window::Days(days(text)?)),
    };
    let (from, to) = hours.split_once('-').ok_or_else(|| {
        wrong(text, "window", "write `22:00-06:00`, `sat,sun`, `mon-fri 08:00-18:00` or `2026-12-24..2027-01-01`".to_owned())
    })?;
    let (from, to) = (time(from)?, time(to)?);
    if from == to {
        Err(wrong(text, "window", "for whole days write days alone".to_owned()))
    } else {
        Ok(Window::Hours(on, from, to))
    }
}

fn days(text: &str) -> Result<Vec<Weekday>, ScheduleError> {
    let day = |word: &str| {
        Weekday::from_str(word.trim())
            .map_err(|_no_day| wrong(word, "day", "write mon, tue, wed, thu, fri, sat or sun".to_owned()))
    };
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            None => days.push(day(part)?),
            Some((from, to)) => {
                let (from, to) = (day(from)?, day(to)?);
                days.extend(std::iter::successors(Some(from), |at| (*at != to).then(|| at.succ())));
            }
        }
    }
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    Ok(days)
}

fn time(text: &str) -> Result<NaiveTime, ScheduleError> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_no_time| wrong(text, "time", "write hours and minutes, 00:00 to 23:59".to_owned()))
}

fn date(text: &str) -> Result<NaiveDate, ScheduleError> {
    let date =
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| (1970..=9999).contains(&chrono::Datelike::year(date)));
    date.ok_or_else(|| wrong(text, "day", "write year, month and day, as 2026-12-01".to_owned()))
}

fn interval(text: &str) -> Result<u32, ScheduleError> {
    let number =
        |unit: char, minutes: u32| text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok()?.checked_mul(minutes));
    let minutes = number('m', 1).or_else(|| number('h', 60)).or_else(|| number('d', 24 * 60));
    let minutes = minutes.filter(|minutes| (1..=INTERVAL_MAX_MINUTES).contains(minutes));
    minutes.ok_or_else(|| wrong(text, "interval", "write minutes, hours or days, as 30m, 6h or 2d, at most 366d".to_owned()))
}

fn zone(name: &str) -> Result<Tz, ScheduleError> {
    name.parse().map_err(|_no_zone| {
        let near = nearest(name, TZ_VARIANTS.iter().map(|zone| zone.name()));
        let remedy = near.map_or_else(|| "write a name such as Europe/Berlin".to_owned(), |near| format!("did you mean {near}?"));
        wrong(name, "time zone", remedy)
    })
}

fn wrong(part: &str, what: &'static str, remedy: String) -> ScheduleError {
    ScheduleError { part: part.to_owned(), what, remedy }
}
