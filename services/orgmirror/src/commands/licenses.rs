//! `orgmirror licenses`: seats per product and site, and what unused ones cost.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use orgmirror_domain::licence::Savings;
use orgmirror_runtime::config::Config;
use orgmirror_store::filter::Caveat;
use orgmirror_store::licence::Licence;
use serde::Serialize;

use super::print_json;
use crate::cli::Licenses;
use crate::export::{Export, Format};
use crate::outcome::Outcome;
use crate::{typed_filter, wiring};

const COLUMNS: [&str; 13] = [
    "product",
    "site",
    "accounts",
    "active",
    "inactive",
    "never active",
    "billable",
    "perhaps billable",
    "not billable",
    "in use (API)",
    "capacity (API)",
    "unused seats",
    "savings",
];

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    /// Who was active since then is active.
    active_since: DateTime<Utc>,
    currency: Option<String>,
    licences: Vec<Priced>,
    notes: Vec<&'static str>,
}

#[derive(Serialize)]
struct Priced {
    #[serde(flatten)]
    licence: Licence,
    price_per_seat: Option<f64>,
    savings: Option<Savings>,
}

pub(crate) async fn run(config: &Config, arguments: Licenses, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let active_since = store.now().await? - TimeDelta::days(arguments.inactive.get().into());
    let priced = store.licences(org, active_since).await?.into_iter().map(|licence| {
        let price = config.prices.per_seat.get(&licence.product).map(|price| price.0);
        Priced { savings: price.map(|price| licence.seats.savings(price)), price_per_seat: price, licence }
    });
    let notes: Vec<&str> = store.role_caveat(org).await?.into_iter().map(Caveat::in_words).collect();
    let report = Report { active_since, currency: config.prices.currency.clone(), licences: priced.collect(), notes };
    let format = Format::asked(arguments.format, json);
    if format == Format::Json {
        print_json(&report)?;
        return Ok(Outcome::Done);
    }
    let currency = report.currency.as_deref().unwrap_or_default();
    let mut export = Export::new(format, &COLUMNS)?;
    for priced in &report.licences {
        export.row(priced, cells(priced, currency))?;
    }
    export.finish()?;
    if report.licences.is_empty() {
        typed_filter::tell_empty(&store, org, "product", "Products come with the next full sync.").await?;
        return Ok(Outcome::Done);
    }
    eprintln!("\nActive: used within {}. Seats in use and capacity are the API's own figures.", arguments.inactive);
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    if report.licences.iter().any(|priced| priced.licence.seats.billable_unknown > 0) {
        eprintln!(
            "\"Perhaps billable\" may be seats, or customers, contributors and guests: not all their roles are known. Ranges have a least and a most."
        );
    }
    if config.prices.per_seat.is_empty() {
        eprintln!("To see savings, set prices per seat in the settings file: [prices.per_seat], then confluence = 5.50");
    }
    Ok(Outcome::Done)
}

fn cells(priced: &Priced, currency: &str) -> Vec<String> {
    let Licence { product, site, capacity, usage, seats, .. } = &priced.licence;
    let reported = |number: &Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let range = |least: String, most: String| if least == most { least } else { format!("{least} to {most}") };
    let money = |savings: Savings| {
        format!("{} {currency}", range(format!("{:.2}", savings.at_least), format!("{:.2}", savings.at_most)))
            .trim_end()
            .to_owned()
    };
    vec![
        product.clone(),
        site.clone(),
        seats.total.to_string(),
        seats.active.to_string(),
        seats.inactive.to_string(),
        seats.never_active.to_string(),
        seats.billable.to_string(),
        seats.billable_unknown.to_string(),
        seats.not_billable.to_string(),
        reported(usage),
        reported(capacity),
        range(seats.unused.to_string(), (seats.unused + seats.unused_unknown).to_string()),
        priced.savings.map(money).unwrap_or_default(),
    ]
}
