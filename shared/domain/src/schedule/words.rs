//! A schedule as the beginning of a sentence: `Every weekday at 06:00 Europe/Berlin`.

use chrono::Weekday;

use super::{Repeat, Schedule};

impl Schedule {
    /// In words, without a full stop.
    pub fn in_words(&self) -> String {
        let at = |time: &chrono::NaiveTime| time.format("%H:%M").to_string();
        let when = match &self.repeat {
            Repeat::Once(moment) => format!("Once, on {}", moment.format("%Y-%m-%d at %H:%M")),
            Repeat::Daily(time) => format!("Every day at {}", at(time)),
            Repeat::Weekdays(time) => format!("Every weekday at {}", at(time)),
            Repeat::Weekly(days, time) => format!("Every {} at {}", named(days), at(time)),
            Repeat::Every(minutes) => every(*minutes),
            Repeat::Cron(cron) => format!("At the times of cron {}", cron.as_str()),
        };
        // An interval has no time of day, and its windows do.
        let on_the_wall = !matches!(self.repeat, Repeat::Every(_)) || !self.except.is_empty();
        let zone = if on_the_wall { format!(" {}", self.zone) } else { String::new() };
        let windows: Vec<String> = self.except.iter().map(ToString::to_string).collect();
        let never = if windows.is_empty() { String::new() } else { format!(" (never during {})", windows.join("; ")) };
        format!("{when}{zone}{never}")
    }
}

fn every(minutes: u32) -> String {
    let (count, unit) = match minutes {
        minutes if minutes % (24 * 60) == 0 => (minutes / (24 * 60), "day"),
        minutes if minutes % 60 == 0 => (minutes / 60, "hour"),
        minutes => (minutes, "minute"),
    };
    if count == 1 { format!("Every {unit}") } else { format!("Every {count} {unit}s") }
}

fn named(days: &[Weekday]) -> String {
    let names: Vec<&str> = days.iter().map(|day| name(*day)).collect();
    match names.as_slice() {
        [] => "day".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::Schedule;

    #[test]
    fn schedules_begin_a_sentence() {
        for (text, words) in [
            ("06:00 Europe/Berlin", "Every day at 06:00 Europe/Berlin"),
            ("weekdays 07:30", "Every weekday at 07:30 UTC"),
            ("weekly mon,wed,fri 03:00", "Every Monday, Wednesday and Friday at 03:00 UTC"),
            ("once 2026-12-01 03:00", "Once, on 2026-12-01 at 03:00 UTC"),
            ("every 6h", "Every 6 hours"),
            ("every 1d except sat,sun", "Every day UTC (never during sat,sun)"),
            ("0 3 * * 1-5", "At the times of cron 0 3 * * 1-5 UTC"),
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.in_words(), words);
        }
    }
}
