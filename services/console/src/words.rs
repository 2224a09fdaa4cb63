//! How things are said: times twice, numbers with separators, the API's words as people say them.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use orgmirror_domain::listing::ChangeWord;
use orgmirror_domain::run::{Phase, RunKind};

/// A time as an age, with the exact one on hover and for screen readers.
pub(crate) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at.to_rfc3339()) title=(exact) { (age((now - at).num_seconds())) " ago" } }
}

/// The same, in few letters, for tables.
pub(crate) fn ago_short(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let seconds = (now - at).num_seconds().max(0);
    let text = match seconds {
        0..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", count(seconds / 86_400)),
    };
    html! { time datetime=(at.to_rfc3339()) title=(exact) { (text) } }
}

/// The exact time.
pub(crate) fn clock(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (at.format("%Y-%m-%d %H:%M UTC")) } }
}

/// An age in words.
pub(crate) fn age(seconds: i64) -> String {
    let (number, unit) = match seconds.max(0) {
        seconds @ 0..120 => (seconds, "s"),
        seconds @ 120..7_200 => (seconds / 60, "min"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "h"),
        seconds => (seconds / 86_400, "days"),
    };
    format!("{} {unit}", count(number))
}

/// How long something takes, in words.
pub(crate) fn about(seconds: i64) -> String {
    let (number, unit) = match seconds.max(1) {
        seconds @ 1..90 => (seconds, "second"),
        seconds @ 90..5_400 => ((seconds + 30) / 60, "minute"),
        seconds => ((seconds + 1_800) / 3_600, "hour"),
    };
    format!("about {}", counted(number, unit))
}

/// `1 user`, `1,284 users`.
pub(crate) fn counted(number: i64, unit: &str) -> String {
    format!("{} {unit}{}", count(number), if number == 1 { "" } else { "s" })
}

/// With commas between thousands.
pub(crate) fn count(number: impl TryInto<i64>) -> String {
    let number: i64 = number.try_into().unwrap_or(i64::MAX);
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A product of the API as people say it. One that is not known is shown in the API's word.
pub(crate) fn product(word: &str) -> &str {
    match word {
        "confluence" => "Confluence",
        "jira-software" => "Jira",
        "jira-servicedesk" => "Jira Service Management",
        "jira-product-discovery" => "Jira Product Discovery",
        "jira-core" => "Jira Work Management",
        "compass" => "Compass",
        "bitbucket" => "Bitbucket",
        "trello" => "Trello",
        other => other,
    }
}

/// The same where there is little room.
pub(crate) fn product_short(word: &str) -> &str {
    match word {
        "confluence" => "Conf",
        "jira-servicedesk" => "JSM",
        "jira-product-discovery" => "JPD",
        "jira-core" => "JWM",
        other => product(other),
    }
}

/// A status or role of the API as people say it: without prefix, with spaces and a capital.
pub(crate) fn spoken(word: &str) -> String {
    let word = word.strip_prefix("atlassian/").unwrap_or(word).replace(['_', '-'], " ");
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Why a run was asked for.
pub(crate) fn run_kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Initial => "First sync",
        RunKind::Scheduled => "Scheduled",
        RunKind::Manual => "Manual",
        RunKind::PreOperation => "Before an operation",
        RunKind::PostOperation => "After an operation",
        RunKind::Delta => "Followed events",
    }
}

/// Where a run stands.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Requested => "Waiting for its turn",
        Phase::Planning => "Planning",
        Phase::Scanning => "Reading",
        Phase::Verifying => "Verifying",
        Phase::Sweeping => "Sweeping",
        Phase::Completed => "Completed",
        Phase::Failed => "Failed",
        Phase::Cancelled => "Cancelled",
        Phase::Replaced => "Replaced by the next",
    }
}

/// What a number of changes comes to.
pub(crate) fn change(word: ChangeWord) -> &'static str {
    match word {
        ChangeWord::Joined => "Joined",
        ChangeWord::Left => "Left",
        ChangeWord::Suspended => "Suspended or deactivated",
        ChangeWord::GainedAdmin => "Became organisation admin",
        ChangeWord::LostAdmin => "Is no organisation admin any more",
        ChangeWord::GroupsChanged => "In other groups",
        ChangeWord::AccessChanged => "Other products",
        ChangeWord::GroupAdded => "Groups added",
        ChangeWord::GroupRemoved => "Groups removed",
        ChangeWord::GroupEmptied => "Groups emptied",
    }
}

/// A name, or that the API hides it.
pub(crate) fn name(name: Option<&str>) -> Markup {
    match name.map(str::trim).filter(|name| !name.is_empty()) {
        // Names run in any direction; none may turn what stands around it.
        Some(name) => html! { bdi { (name) } },
        None => html! { span.faint { "no name" } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ages_are_read_at_a_glance() {
        assert_eq!(count(120_000), "120,000");
        assert_eq!(count(-1_284), "-1,284");
        assert_eq!(count(7), "7");
        assert_eq!(age(59), "59 s");
        assert_eq!(age(720), "12 min");
        assert_eq!(age(200_000), "2 days");
        assert_eq!(about(40), "about 40 seconds");
        assert_eq!(about(240), "about 4 minutes");
        assert_eq!(counted(1, "user"), "1 user");
        assert_eq!(spoken("atlassian/org-admin"), "Org admin");
    }
}
