//! Timestamps in every form that the API has been seen to send.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Deserializer;

use super::lenient;

/// To the second or finer, without the colon in the zone that RFC 3339 wants.
const SECONDS: &str = "%Y-%m-%dT%H:%M:%S%.f%#z";
/// To the minute, as rate-limit headers have it.
const MINUTES: &str = "%Y-%m-%dT%H:%M%#z";

/// A timestamp in UTC, truncated to the microseconds that Postgres keeps: a nanosecond more would look like a change for ever.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let lax = |format| DateTime::parse_from_str(text, format);
    let read = DateTime::parse_from_rfc3339(text).or_else(|_| lax(SECONDS)).or_else(|_| lax(MINUTES)).ok()?;
    Some(read.to_utc().trunc_subsecs(6))
}

/// A property that may be absent, null or unreadable: one odd date must not keep an account out of the mirror.
pub(super) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    lenient::text(deserializer, |text| {
        let read = parse(text);
        if read.is_none() {
            tracing::debug!(length = text.len(), "a timestamp is unreadable, taken as absent");
        }
        read
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let read = parse(text).map(|moment| moment.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
        assert_eq!(read.as_deref(), expected, "{text}");
    }

    #[test]
    fn every_form_is_read() {
        check("2026-07-06T23:07:29.936941226Z", Some("2026-07-06T23:07:29.936941Z"));
        check("2026-07-06T23:07:29Z", Some("2026-07-06T23:07:29.000000Z"));
        check("2026-07-06T23:07:29.847+02:00", Some("2026-07-06T21:07:29.847000Z"));
        check("2026-07-06T23:07:29.847+0000", Some("2026-07-06T23:07:29.847000Z"));
        check("2026-03-26T16:25+0000", Some("2026-03-26T16:25:00.000000Z"));
        check("2026-03-26T16:25+02:00", Some("2026-03-26T14:25:00.000000Z"));
        check("2026-03-26T16:25Z", Some("2026-03-26T16:25:00.000000Z"));
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-03-26T16:25"] {
            check(text, None);
        }
    }
}
