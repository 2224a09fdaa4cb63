//! Instants in the forms of the API.
//!
//! Formatted by hand for the same reason as the JSON: a page holds hundreds of them.

use crate::json::push_padded;

/// The day on which a generated organisation stands, 2026-09-15T00:00:00Z. It is fixed, so that a seed gives the same bytes on any day.
pub(crate) const TODAY_MS: i64 = 1_789_430_400_000;

/// Milliseconds since 1970 as `2024-01-01T00:00:00.000Z`.
pub(crate) fn push_ms(out: &mut String, ms: i64) {
    push_seconds(out, ms.div_euclid(1_000));
    out.push('.');
    push_padded(out, ms.rem_euclid(1_000), 3);
    out.push('Z');
}

/// Nanoseconds since 1970 as `2026-07-06T23:07:29.936941226Z`.
pub(crate) fn push_ns(out: &mut String, ns: i64) {
    push_seconds(out, ns.div_euclid(1_000_000_000));
    out.push('.');
    push_padded(out, ns.rem_euclid(1_000_000_000), 9);
    out.push('Z');
}

fn push_seconds(out: &mut String, seconds: i64) {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    for (number, width, after) in [
        (year, 4, "-"),
        (month, 2, "-"),
        (day, 2, "T"),
        (of_day / 3_600, 2, ":"),
        (of_day / 60 % 60, 2, ":"),
        (of_day % 60, 2, ""),
    ] {
        push_padded(out, number, width);
        out.push_str(after);
    }
}

/// Year, month and day of a day since 1970, counted in years that begin in March, so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_chrono() {
        for ms in [0, 951_782_400_123, 1_709_210_096_007, TODAY_MS, 4_107_542_399_999] {
            let mut out = String::new();
            push_ms(&mut out, ms);
            let expected = chrono::DateTime::from_timestamp_millis(ms).unwrap();
            assert_eq!(out, expected.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        }
        let mut out = String::new();
        push_ns(&mut out, TODAY_MS * 1_000_000 + 5);
        assert_eq!(out, "2026-09-15T00:00:00.000000005Z");
    }
}
