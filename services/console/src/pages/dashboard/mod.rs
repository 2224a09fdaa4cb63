//! Dashboard: what needs a person, where seats are paid for people who don't come, what changed.

mod seats;
mod trend;

use axum::extract::State;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use orgmirror_domain::access::{Need as Right, Role, Sites};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::listing::{Direction, UserSort};
use orgmirror_store::browse::dashboard::{Door, Figures, Need};
use orgmirror_store::browse::groups::GroupRow;

use super::changes;
use super::users::{Address, narrowed};
use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::words::{ago, change, count, counted, name};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/dashboard", Right::by_site(Role::Viewer), page)
}

/// The numbers of the page that count users, each with its filter; in the order of the page.
const DOORS: [(&str, &str); 9] = [
    ("Users", ""),
    ("Active accounts", "status:active"),
    ("Suspended or deactivated", "status:suspended,deactivated"),
    ("Inactive for 30 days", "status:active inactive>30d"),
    ("Inactive for 60 days", "status:active inactive>60d"),
    ("Inactive for 90 days", "status:active inactive>90d"),
    ("Inactive for 180 days", "status:active inactive>180d"),
    ("Inactive for a year", "status:active inactive>365d"),
    ("Never active", "status:active is:never-active"),
];
/// How many of them are about the organisation; the others are about inactivity.
const OVERVIEW: usize = 3;

async fn page(State(console): State<Console>, frame: Frame) -> Result<Markup, PageProblem> {
    let (store, org, now) = (console.store(), console.org(), Utc::now());
    let sites = &frame.visitor.rights.sites;
    let doors = DOORS.iter().map(|(_, text)| Ok(narrowed(sites, text.parse::<Filter>().map_err(Problem::from)?)));
    let (figures, as_of) = store.figures(org, doors.collect::<Result<_, Problem>>()?).await?;
    let whole = *sites == Sites::All;
    let needs = if whole { store.needs(org).await? } else { Vec::new() };
    let trend = if whole { store.licence_trend(org).await? } else { Vec::new() };
    let prices = &console.settings().prices;
    let licences = figures.licences.iter().filter(|licence| seats::is_seen(licence, sites)).collect::<Vec<_>>();
    let content = html! {
        @if whole { section.needs { h2 { "Needs a person" } (needs_list(&needs)) } }
        section {
            h2 { "Seats" span.faint { " · as of " (ago(as_of, now)) } }
            (seats::table(&licences, prices))
        }
        div.two {
            section { h2 { "Who does not come" } (bars(&figures.doors)) }
            section { h2 { "The organisation" } (overview(&figures.doors)) }
        }
        @if whole {
            div.two {
                section { h2 { "Since the last sync" } (changed(&figures)) }
                section { h2 { "Largest groups" } (largest(&figures.largest_groups)) }
            }
            section { h2 { "Seats over twelve months" } (trend::chart(&trend)) }
        }
    };
    Ok(frame.page(Place::Dashboard, "Dashboard", content))
}

fn needs_list(needs: &[Need]) -> Markup {
    html! {
        @if needs.is_empty() { p.quiet-good { "Nothing needs you." } } @else {
            ul.plain-list.urgent { @for need in needs { li { (need_line(need, Utc::now())) } } }
        }
    }
}

fn need_line(need: &Need, now: DateTime<Utc>) -> Markup {
    html! {
        @match need {
            Need::Held { run, hold, reason } => { a href={ "/syncs/" (run) } { "A sync is held: " (hold.in_words()) } ". " (reason) },
            Need::KeyExpires { on } => {
                @let days = (*on - now.date_naive()).num_days();
                a href="/settings" { @if days < 0 { "The API key has expired" } @else { "The API key expires in " (counted(days, "day")) } }
                " (" (on.format("%Y-%m-%d")) "). Make another one at Atlassian and put it where this one is kept."
            },
            Need::Discrepancies { run, count: number } => { a href={ "/syncs/" (run) } { (counted(*number, "discrepancy").replace("discrepancys", "discrepancies")) } " in the last full sync." },
            Need::Approval { operation, requested_by } => { a href={ "/operations/" (operation) } { "An operation of " (requested_by) " waits for approval" } " by a second person." },
            Need::Unsettled { operation, failed, differing } => {
                a href={ "/operations/" (operation) } { "An operation did not go as meant" } ": "
                @if *failed > 0 { (count(*failed)) " failed" } @if *failed > 0 && *differing > 0 { ", " } @if *differing > 0 { (count(*differing)) " differ" } "."
            },
        }
    }
}

/// Inactivity as bars that open the list, longest wait last.
fn bars(doors: &[Door]) -> Markup {
    let of = doors.get(1).map_or(0, |door| door.users).max(1);
    html! {
        div.scroll tabindex="0" { table.bars {
            caption.hidden { "Active accounts without activity" }
            thead.hidden { tr { th scope="col" { "For how long" } th scope="col" { "Share of active accounts" } th scope="col" { "Users" } } }
            tbody { @for ((title, _), door) in DOORS.iter().zip(doors).skip(OVERVIEW) {
                @let part = door.users * 1_000 / of;
                tr {
                    th scope="row" { (title) }
                    td.wide { svg.share viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true" { rect.track width="1000" height="12" {} rect.inactive width=(part) height="12" {} } }
                    td.number { a href=(list_of(door)) { (count(door.users)) } }
                }
            } }
        } }
    }
}

fn overview(doors: &[Door]) -> Markup {
    html! {
        dl.figures { @for ((title, _), door) in DOORS.iter().zip(doors).take(OVERVIEW) {
            div { dt { (title) } dd { a href=(list_of(door)) { (count(door.users)) } } }
        } }
    }
}

/// The list that a door opens: exactly those whom it counts, the longest inactive first.
fn list_of(door: &Door) -> Address {
    Address::of(&door.filter.to_string()).ordered(UserSort::LastActive, Direction::Ascending)
}

fn changed(figures: &Figures) -> Markup {
    html! {
        @if figures.changes.is_empty() { p.faint { "No change was noticed by the last full sync, or since. The first sync is not listed." } }
        ul.plain-list { @for (word, number) in &figures.changes {
            li { a href=(changes::address(None, Some(*word))) { (change(*word)) " " strong { (count(*number)) } } }
        } }
    }
}

fn largest(groups: &[GroupRow]) -> Markup {
    html! {
        @if groups.is_empty() { p.faint { "There are no groups in the mirror." } }
        ol.plain-list { @for group in groups {
            li { a href={ "/groups/" (group.group_id) } { (name(group.name.as_deref())) } " " span.faint { (count(group.members.unwrap_or_default())) " members" } }
        } }
    }
}
