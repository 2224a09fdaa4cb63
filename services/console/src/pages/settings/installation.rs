//! What the installation does, and which setting says so. Shown and not changed here: files and environment are where it is set, so that
//! every process of the installation reads the same.

use chrono::{DateTime, NaiveDate, Utc};
use maud::{Markup, html};
use orgmirror_domain::run::Hold;

use crate::Console;
use crate::problem::Problem;

pub(super) async fn section(console: &Console) -> Result<Markup, Problem> {
    let (settings, store) = (console.settings(), console.store());
    let (pulse, key, now) = (console.pulse().await?, store.current_key(console.org()).await?, store.now().await?);
    let hold = pulse.runs.iter().find_map(|run| run.hold);
    let limits = &settings.limits;
    let next = settings.schedule.as_ref().and_then(|schedule| schedule.next_after(now));
    Ok(html! {
        section aria-labelledby="installation" {
            h2 #installation { "Installation" }
            table {
                thead { tr { th scope="col" { "What" } th scope="col" { "Is" } th scope="col" { "Set by" } } }
                tbody {
                    (row("Organisation", &settings.org_id.to_string(), "ORGMIRROR_ATLASSIAN__ORG_ID", "The one that this console shows."))
                    (row("API key", &key_state(hold, key.1, now), "ORGMIRROR_ATLASSIAN__API_KEY_FILE", "Workers read it; a replaced file is met within a minute, and what was held for it goes on."))
                    (row("Syncs start", &next.map_or_else(|| "only when asked for".to_owned(), |at| format!("next at {}", at.format("%Y-%m-%d %H:%M UTC"))), "ORGMIRROR_SYNC__SCHEDULE", "Without one, what is shown is as old as the last request."))
                    (row("Accounts of one operation", &format!("at most {}", limits.max_items), "ORGMIRROR_OPERATION__MAX_ITEMS", "A larger one is refused."))
                    (row("Second person", &format!("above {} accounts", limits.approval_above), "ORGMIRROR_OPERATION__APPROVAL_ABOVE", "Whoever asked cannot approve."))
                    (row("Protected accounts", &list(&limits.protected_accounts), "ORGMIRROR_OPERATION__PROTECTED_ACCOUNTS", "No operation changes them."))
                    (row("Protected groups", &list(&limits.protected_groups), "ORGMIRROR_OPERATION__PROTECTED_GROUPS", "No operation changes their members."))
                    (row("Prices", &prices(console), "[prices.per_seat]", "Without them no savings are shown."))
                    (row("Sessions", &format!("end {} after the last use, {} after signing in at the latest", hours(settings.session_idle), hours(settings.session_life)), "ORGMIRROR_CONSOLE__SESSION_IDLE, ..__SESSION_LIFE", "Whoever uses a shared computer wants them short."))
                }
            }
        }
    })
}

fn row(what: &str, is: &str, setting: &str, consequence: &str) -> Markup {
    html! {
        tr {
            th scope="row" { (what) }
            td { (is) div.faint { (consequence) } }
            td { code { (setting) } }
        }
    }
}

fn key_state(hold: Option<Hold>, last_day: Option<NaiveDate>, now: DateTime<Utc>) -> String {
    let state = match hold {
        Some(Hold::KeyRejected) => "rejected: make a new one at Atlassian",
        Some(Hold::ScopeMissing) => "lacks a scope: make one with all that is needed",
        _ => "accepted",
    };
    let life = last_day.map_or_else(
        || "nobody told its last day".to_owned(),
        |day| format!("last day {day}, in {} days", (day - now.date_naive()).num_days()),
    );
    format!("{state}; {life}")
}

fn list(ids: &[impl ToString]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ") }
}

fn prices(console: &Console) -> String {
    let prices = &console.settings().prices;
    let currency = prices.currency.as_deref().unwrap_or_default();
    let all: Vec<String> = prices.per_seat.iter().map(|(product, price)| format!("{product} {price:.2} {currency}")).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn hours(time: std::time::Duration) -> String {
    format!("{} h", time.as_secs() / 3_600)
}
