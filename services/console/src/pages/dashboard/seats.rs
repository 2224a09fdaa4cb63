//! Seats of each product on each site: a bar and its numbers in one row, what could be saved first.

use maud::{Markup, html};
use orgmirror_domain::access::Sites;
use orgmirror_domain::filter::{Access, Condition, Days, Expression, Filter};
use orgmirror_domain::ids::ResourceId;
use orgmirror_domain::licence::Savings;
use orgmirror_domain::listing::{Direction, UserSort};
use orgmirror_store::browse::trend::INACTIVE_DAYS;
use orgmirror_store::licence::Licence;

use crate::pages::users::Address;
use crate::settings::SeatPrices;
use crate::words::{count, product};

/// Whether a visitor may see the product of that site.
pub(super) fn is_seen(licence: &Licence, sites: &Sites) -> bool {
    match sites {
        Sites::All => true,
        Sites::Only(ids) => ids.iter().any(|id| id == ResourceId::from(licence.resource_id.as_str()).site()),
    }
}

pub(super) fn table(licences: &[&Licence], prices: &SeatPrices) -> Markup {
    let mut rows: Vec<(&Licence, Option<Savings>)> = licences
        .iter()
        .map(|licence| (*licence, prices.of(&licence.product).map(|price| licence.seats.savings(price))))
        .collect();
    // Money first; where there is no price, unused seats.
    rows.sort_by(|(a, saved_a), (b, saved_b)| {
        let money = |saved: &Option<Savings>| saved.map_or(0.0, |saved| saved.at_most);
        let unused = |licence: &Licence| licence.seats.unused + licence.seats.unused_unknown;
        money(saved_b).total_cmp(&money(saved_a)).then(unused(b).cmp(&unused(a)))
    });
    let longest = rows.iter().map(|(licence, _)| longest(licence)).max().unwrap_or(1).max(1);
    html! {
        @if rows.is_empty() { p.faint { "No product is known yet; they come with the first full sync." } } @else {
            p.lead { (headline(&rows, prices)) }
            p.legend aria-hidden="true" {
                span.key.active { "active" } span.key.inactive { "inactive for " (INACTIVE_DAYS) " days" } span.key.never { "never active" } span.key.capacity { "capacity" }
            }
            div.scroll tabindex="0" { table.rows.seats {
                caption.hidden { "Accounts with access to each product on each site" }
                thead { tr {
                    th scope="col" { "Product" } th.wide scope="col" { "Accounts with access" }
                    th.number scope="col" { "Access" } th.number scope="col" { "Inactive" } th.number scope="col" { "Never" }
                    th.number scope="col" { "Seats" } th.number scope="col" { "Unused" } th.number scope="col" { "Capacity" }
                    @if prices.any() { th.number scope="col" { "Could save" } }
                } }
                tbody { @for (licence, saved) in &rows { (row(licence, *saved, longest, prices)) } }
            } }
            @if !prices.any() { p.faint { "With prices per seat in the settings (" code { "[prices.per_seat]" } ") this table says what unused seats cost." } }
        }
    }
}

/// The one thing that the page says.
fn headline(rows: &[(&Licence, Option<Savings>)], prices: &SeatPrices) -> Markup {
    let unused: u64 = rows.iter().map(|(licence, _)| licence.seats.unused).sum();
    let perhaps: u64 = rows.iter().map(|(licence, _)| licence.seats.unused_unknown).sum();
    let least: f64 = rows.iter().filter_map(|(_, saved)| *saved).map(|saved| saved.at_least).sum();
    html! {
        strong.large { (count(unused)) } " seats are taken by people who were not active for " (INACTIVE_DAYS) " days"
        @if least > 0.0 { ", worth " strong { (prices.money(least)) } }
        "."
        @if perhaps > 0 { span.faint { " Perhaps " (count(perhaps)) " more: it is not known whether they take a seat." } }
    }
}

fn row(licence: &Licence, saved: Option<Savings>, longest: u64, prices: &SeatPrices) -> Markup {
    let seats = &licence.seats;
    let scale = |accounts: u64| accounts * 1_000 / longest;
    // Whoever came too recently to tell is shown with the active.
    let active = seats.total - seats.inactive;
    let gone = seats.inactive - seats.never_active;
    let capacity = licence.capacity.and_then(|capacity| u64::try_from(capacity).ok());
    html! {
        tr {
            th scope="row" { (product(&licence.product)) div.faint { (licence.site) } }
            td.wide {
                svg.share viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" {
                    rect.active width=(scale(active)) height="16" {}
                    rect.inactive x=(scale(active)) width=(scale(gone)) height="16" {}
                    rect.never x=(scale(active) + scale(gone)) width=(scale(seats.never_active)) height="16" {}
                    @if let Some(capacity) = capacity { rect.capacity x=(scale(capacity).min(997)) width="3" height="16" {} }
                }
            }
            td.number data-title="Access" { a href=(Address::of(&access(licence, None))) { (count(seats.total)) } }
            td.number data-title="Inactive" { a href=(Address::of(&access(licence, Some(INACTIVE_DAYS))).ordered(UserSort::LastActive, Direction::Ascending)) { (count(seats.inactive)) } }
            td.number data-title="Never" { (count(seats.never_active)) }
            td.number data-title="Seats" { (range(seats.billable, seats.billable_unknown)) }
            td.number data-title="Unused" { (range(seats.unused, seats.unused_unknown)) }
            td.number data-title="Capacity" { @match licence.capacity { Some(capacity) => (count(capacity)), None => span.faint { "–" } } }
            @if prices.any() { td.number data-title="Could save" { @match saved { Some(saved) => (prices.range(saved)), None => span.faint { "no price" } } } }
        }
    }
}

fn longest(licence: &Licence) -> u64 {
    licence.seats.total.max(licence.capacity.and_then(|capacity| u64::try_from(capacity).ok()).unwrap_or_default())
}

/// A number that is certain, and what may come on top.
fn range(certain: u64, perhaps: u64) -> Markup {
    html! { (count(certain)) @if perhaps > 0 { span.faint title={ "Of " (count(perhaps)) " it is not known whether they take a seat" } { "–" (count(certain + perhaps)) } } }
}

/// The filter of a bar, as its list shows it.
fn access(licence: &Licence, inactive: Option<i64>) -> String {
    let on = Access { product: licence.product.clone(), site: Some(licence.site.clone()) };
    let days = inactive.and_then(|days| Days::new(u32::try_from(days).ok()?));
    let condition = match days {
        Some(longer_than) => Condition::Inactive { on: Some(on), longer_than },
        None => Condition::Product(vec![on]),
    };
    Filter(Some(Expression::Is(condition))).to_string()
}
