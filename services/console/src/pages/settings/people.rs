//! People: who they are, what they may do, and links to hand to them.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use orgmirror_domain::access::{Rights, Role};
use orgmirror_store::console::person::Person;
use serde::Deserialize;

use super::{NEED, page, refused, roles, site_ids};
use crate::frame::Frame;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::{Console, people};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/settings/people", NEED, add).post("/settings/people/change", NEED, change).post(
        "/settings/people/link",
        NEED,
        link,
    )
}

pub(super) async fn section(console: &Console) -> Result<Markup, Problem> {
    let all = console.store().people(console.org()).await?;
    Ok(html! {
        section aria-labelledby="people" {
            h2 #people { "People" }
            p.faint { "A viewer sees; an operator also starts syncs and changes accounts; an admin also changes what is on this page." }
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "May" } th scope="col" { "Last signed in" } th scope="col" { "Password" } } }
                tbody { @for (number, person) in all.iter().enumerate() { (row(number, person)) } }
            }
            form.line method="post" action="/settings/people" {
                div { label for="new-name" { "Name of another person" } input #new-name name="name" required maxlength="128" autocomplete="off"; }
                div { label for="new-role" { "Role" } (roles("new-role", Role::Viewer)) }
                div { label for="new-sites" { "Only these sites, by id; all if empty" } input #new-sites name="sites"; }
                button type="submit" { "Add" }
            }
        }
    })
}

fn row(number: usize, person: &Person) -> Markup {
    let sites = person.site_ids.as_ref().map(|ids| ids.join(", ")).unwrap_or_default();
    let id = |field: &str| format!("{field}-{number}");
    html! {
        tr {
            th scope="row" { (person.name) @if person.disabled_at.is_some() { div.faint { "may not sign in" } } }
            td {
                form.line method="post" action="/settings/people/change" {
                    input type="hidden" name="name" value=(person.name);
                    div { label for=(id("role")) { "Role" } (roles(&id("role"), person.role)) }
                    div { label for=(id("sites")) { "Sites" } input id=(id("sites")) name="sites" value=(sites) placeholder="all"; }
                    div {
                        label for=(id("may")) { "Sign-in" }
                        select id=(id("may")) name="enabled" {
                            option value="true" selected[person.disabled_at.is_none()] { "allowed" }
                            option value="false" selected[person.disabled_at.is_some()] { "refused" }
                        }
                    }
                    button.quiet type="submit" { "Change" }
                }
            }
            td { @match person.signed_in_at { Some(at) => time datetime=(at.to_rfc3339()) { (at.format("%Y-%m-%d %H:%M UTC")) }, None => "never" } }
            td {
                (if person.has_password { "chosen" } else { "not chosen yet" })
                form method="post" action="/settings/people/link" {
                    input type="hidden" name="name" value=(person.name);
                    button.quiet type="submit" { "Make a link" }
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Added {
    name: String,
    role: Role,
    #[serde(default)]
    sites: String,
}

#[derive(Deserialize)]
struct Changed {
    name: String,
    role: Role,
    #[serde(default)]
    sites: String,
    enabled: bool,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn add(frame: Frame, State(console): State<Console>, Form(added): Form<Added>) -> Result<Markup, PageProblem> {
    let rights = Rights { role: added.role, sites: site_ids(&added.sites).into() };
    match people::add(&console, &added.name, &rights, &frame.visitor.actor()).await {
        Ok(link) => page(&frame, &console, Some(told(&added.name, &link))).await,
        Err(problem) => refused(&frame, &console, &problem).await,
    }
}

async fn change(frame: Frame, State(console): State<Console>, Form(changed): Form<Changed>) -> Result<Response, PageProblem> {
    let rights = Rights { role: changed.role, sites: site_ids(&changed.sites).into() };
    match console.store().set_rights(console.org(), &changed.name, &rights, changed.enabled, &frame.visitor.actor()).await {
        Ok(()) => Ok(Redirect::to("/settings#people").into_response()),
        Err(error) => Ok(refused(&frame, &console, &error.into()).await?.into_response()),
    }
}

async fn link(frame: Frame, State(console): State<Console>, Form(named): Form<Named>) -> Result<Markup, PageProblem> {
    match people::link(&console, &named.name, &frame.visitor.actor()).await {
        Ok(link) => page(&frame, &console, Some(told(&named.name, &link))).await,
        Err(problem) => refused(&frame, &console, &problem).await,
    }
}

fn told(name: &str, link: &str) -> Markup {
    html! {
        p { "Hand this link to " strong { (name) } ". It is shown this once, and by it they choose a password, once:" }
        p { code { (link) } }
    }
}
