//! Clock changes, windows, catching up; over all zones.

use chrono::{Offset, Timelike};
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::*;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The next `count` moments, as the wall of the zone shows them.
fn following(text: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = schedule(text);
    let moments = std::iter::successors(schedule.next_after(at(after)), |moment| schedule.next_after(*moment));
    moments.take(count).map(|moment| moment.with_timezone(&schedule.zone).format("%m-%d %H:%M %Z").to_string()).collect()
}

#[test]
fn each_form_has_one_text() {
    for (text, form) in [
        ("03:00 Europe/Berlin", "daily 03:00 Europe/Berlin"),
        ("Daily 3:00", "daily 03:00 UTC"),
        ("weekdays 07:30 Europe/Helsinki", "weekdays 07:30 Europe/Helsinki"),
        ("weekly thu,mon,mon 03:00", "weekly mon,thu 03:00 UTC"),
        ("weekly sat-mon 03:00", "weekly mon,sat,sun 03:00 UTC"),
        ("once 2026-12-01 03:00 Asia/Tokyo", "once 2026-12-01 03:00 Asia/Tokyo"),
        ("every 90m", "every 90m UTC"),
        ("every 120m", "every 2h UTC"),
        ("every 24h", "every 1d UTC"),
        ("0 3 * * 1-5 Europe/Berlin", "cron 0 3 * * 1-5 Europe/Berlin"),
        ("cron */15 * * * *", "cron */15 * * * * UTC"),
        (
            "03:00 except 22:00-06:00; sat,sun ; mon-fri 08:00-18:00",
            "daily 03:00 UTC except 22:00-06:00; sat,sun; mon,tue,wed,thu,fri 08:00-18:00",
        ),
        ("03:00 Europe/Berlin EXCEPT 2026-12-24..2027-01-01", "daily 03:00 Europe/Berlin except 2026-12-24..2027-01-01"),
    ] {
        assert_eq!(schedule(text).to_string(), form);
        assert_eq!(schedule(form).to_string(), form);
        assert_eq!(schedule(form), schedule(text));
    }
}

#[test]
fn a_mistake_has_a_remedy() {
    for (text, word) in [
        ("", "write `03:00"),
        ("25:00", "23:59"),
        ("03:00 Europe/Berlim", "Europe/Berlin"),
        ("03:00 Europe/Berlin now", "now"),
        ("weekly someday 03:00", "someday"),
        ("once 2026-02-30 03:00", "2026-02-30"),
        ("every 0h", "at most"),
        ("every 6", "6h"),
        ("0 3 * *", "write `03:00"),
        ("cron 0 3 * *", "five"),
        ("61 3 * * *", "61 3"),
        ("03:00 except", "day"),
        ("03:00 except 06:00-06:00", "days alone"),
        ("03:00 except 2027-01-01..2026-12-24", "earlier"),
    ] {
        let error = text.parse::<Schedule>().expect_err(text).to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}

/// Berlin leaves out 02:00 to 03:00 on 29 March 2026, and has it twice on 25 October.
#[test]
fn a_missing_time_runs_at_the_next_minute_and_a_doubled_one_once() {
    assert_eq!(
        following("02:30 Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        ["03-28 02:30 CET", "03-29 03:00 CEST", "03-30 02:30 CEST"]
    );
    assert_eq!(
        following("02:30 Europe/Berlin", "2026-10-24T00:00:00Z", 3),
        ["10-24 02:30 CEST", "10-25 02:30 CEST", "10-26 02:30 CET"]
    );
    // All four of the missing hour are one, and that of 03:00 is the same.
    assert_eq!(
        following("*/15 2,3 * * * Europe/Berlin", "2026-03-29T00:00:00Z", 3),
        ["03-29 03:00 CEST", "03-29 03:15 CEST", "03-29 03:30 CEST"]
    );
    // Asked in the second pass of the doubled hour, the first pass is over.
    assert_eq!(following("02:30 Europe/Berlin", "2026-10-25T01:10:00Z", 1), ["10-26 02:30 CET"]);
}

/// Samoa went to bed on Thursday and rose on Saturday.
#[test]
fn a_missing_day_is_made_up_for() {
    assert_eq!(following("12:00 Pacific/Apia", "2011-12-29T22:30:00Z", 2), ["12-31 00:00 +14", "12-31 12:00 +14"]);
}

#[test]
fn nothing_starts_within_a_window() {
    assert_eq!(
        following("every 6h UTC except 22:00-06:00", "2026-01-01T05:00:00Z", 3),
        ["01-01 06:00 UTC", "01-01 12:00 UTC", "01-01 18:00 UTC"]
    );
    // Friday's night belongs to Friday, until Saturday morning.
    assert_eq!(following("every 6h except fri 22:00-07:00", "2026-01-02T17:00:00Z", 2), ["01-02 18:00 UTC", "01-03 12:00 UTC"]);
    assert_eq!(following("weekdays 03:00 except 2026-12-24..2027-01-03", "2026-12-23T12:00:00Z", 1), ["01-04 03:00 UTC"]);
    assert_eq!(schedule("03:00 except 02:00-04:00").next_after(at("2026-01-01T00:00:00Z")), None);
    assert_eq!(schedule("0 0 30 2 *").next_after(at("2026-01-01T00:00:00Z")), None);
}

#[test]
fn what_was_missed_is_caught_up_once() {
    let daily = schedule("03:00 UTC except 08:00-18:00");
    let handled = at("2026-01-01T03:00:00Z");
    assert_eq!(daily.due(handled, at("2026-01-02T02:59:59Z")), None);
    assert_eq!(daily.due(handled, at("2026-01-02T03:00:00Z")), Some(at("2026-01-02T03:00:00Z")));
    // Five days away: one start, and not within a window.
    assert_eq!(daily.due(handled, at("2026-01-06T09:00:00Z")), None);
    let now = at("2026-01-06T18:00:00Z");
    assert_eq!(daily.due(handled, now), Some(at("2026-01-02T03:00:00Z")));
    assert_eq!(daily.due(now, now), None);
}

#[test]
fn jitter_stays_before_the_following_time_and_outside_of_windows() {
    let planned = at("2026-01-01T03:00:00Z");
    assert_eq!(schedule("03:00").start_of(planned, TimeDelta::hours(1), 0.5), at("2026-01-01T03:30:00Z"));
    assert!(schedule("every 10m").start_of(planned, TimeDelta::hours(1), 1.0) < at("2026-01-01T03:10:00Z"));
    assert_eq!(schedule("03:00 except 03:20-04:00").start_of(planned, TimeDelta::hours(1), 0.5), planned);
}

/// Where a zone's clocks change between 1990 and 2037, to the minute: offset before, offset after, moment.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let offset = |moment: DateTime<Utc>| zone.offset_from_utc_datetime(&moment.naive_utc()).fix();
    let (start, end, step) = (at("1990-01-01T00:00:00Z"), at("2037-12-31T00:00:00Z"), TimeDelta::days(7));
    let mut found = Vec::new();
    let mut from = start;
    while from < end {
        let (mut low, mut high) = (from, from + step);
        if offset(low) != offset(high) {
            while high - low > TimeDelta::minutes(1) {
                let middle = low + TimeDelta::minutes((high - low).num_minutes() / 2);
                if offset(middle) == offset(low) { low = middle } else { high = middle }
            }
            found.push(high);
        }
        from += step;
    }
    found
}

/// At each clock change of every zone: a daily time within or near the changed hours runs once a day that the zone has, on time or at the
/// next minute that exists.
#[test]
fn each_zone_keeps_its_days_over_each_clock_change() {
    let mut seen = 0;
    for zone in TZ_VARIANTS {
        for change in changes(zone).into_iter().rev().take(6) {
            for shift in [-90, -30, 0, 30] {
                let wall = (change + TimeDelta::minutes(shift)).with_timezone(&zone).naive_local();
                let time = wall.time().with_second(0).unwrap();
                let daily = Schedule { repeat: Repeat::Daily(time), zone, except: Vec::new() };
                let first = change - TimeDelta::days(3);
                let moments: Vec<_> =
                    std::iter::successors(daily.next_after(first), |moment| daily.next_after(*moment)).take(6).collect();
                for pair in moments.windows(2) {
                    let (one, two) = (pair[0].with_timezone(&zone).naive_local(), pair[1].with_timezone(&zone).naive_local());
                    assert!(pair[0] < pair[1], "{zone} {change} {time}");
                    let late = two.time().signed_duration_since(time);
                    let moved = late != TimeDelta::zero();
                    assert!(
                        !moved || !exists(zone, two.date().and_time(time)) || two.date() > one.date() + TimeDelta::days(1),
                        "{zone} {time} ran at {two}"
                    );
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 2_000, "{seen} clock changes were looked at");
}

fn exists(zone: Tz, wall: NaiveDateTime) -> bool {
    zone.from_local_datetime(&wall).earliest().is_some()
}

proptest! {
    /// Moments come in order, fall on the minute, and are those that `due` gives; asking from anywhere between gives the same.
    #[test]
    fn moments_are_in_order_wherever_one_asks(
        zone in prop::sample::select(TZ_VARIANTS.to_vec()), seconds in 631_152_000_i64..2_145_916_800, minute in 0..1_440_u32, form in 0..4_u8, part in 0.0..1.0_f64,
    ) {
        let time = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap();
        let cron = format!("{} {} * * *", minute % 60, minute / 60).parse::<Cron>().unwrap();
        let repeat = match form {
            0 => Repeat::Daily(time),
            1 => Repeat::Weekdays(time),
            2 => Repeat::Every(minute + 1),
            _ => Repeat::Cron(Box::new(cron)),
        };
        let schedule = Schedule { repeat, zone, except: Vec::new() };
        let after = DateTime::from_timestamp(seconds, 0).unwrap();
        let next = schedule.next_after(after).unwrap();
        prop_assert!(next > after);
        prop_assert_eq!(next.second(), 0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a test")]
        let between = after + TimeDelta::seconds(((next - after).num_seconds() as f64 * part) as i64);
        if between < next {
            prop_assert_eq!(schedule.next_after(between), Some(next));
            prop_assert_eq!(schedule.due(after, between), None);
        }
        prop_assert_eq!(schedule.due(after, next), Some(next));
        prop_assert_eq!(schedule.to_string().parse::<Schedule>(), Ok(schedule));
    }

    /// Cron and the plain form of the same times agree.
    #[test]
    fn cron_and_daily_agree(zone in prop::sample::select(TZ_VARIANTS.to_vec()), seconds in 631_152_000_i64..2_145_916_800, minute in 0..1_440_u32) {
        let after = DateTime::from_timestamp(seconds, 0).unwrap();
        let daily = schedule(&format!("{:02}:{:02} {zone}", minute / 60, minute % 60));
        let cron = schedule(&format!("{} {} * * * {zone}", minute % 60, minute / 60));
        prop_assert_eq!(daily.next_after(after), cron.next_after(after));
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[a-z0-9:*/,;. -]{0,40}|(daily|weekly|once|every|cron) [a-z0-9:*/,;. -]{0,30}") {
        if let Ok(schedule) = text.parse::<Schedule>() {
            prop_assert_eq!(schedule.to_string().parse::<Schedule>(), Ok(schedule));
        }
    }
}
