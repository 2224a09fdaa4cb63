//! Tokens by which programs use the HTTP API.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use orgmirror_domain::access::{Rights, Role};
use serde::Deserialize;

use super::{NEED, page, refused, roles, site_ids};
use crate::api::tokens::life;
use crate::frame::Frame;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::{Console, people};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/settings/tokens", NEED, make).post("/settings/tokens/revoke", NEED, revoke)
}

pub(super) async fn section(console: &Console) -> Result<Markup, Problem> {
    let tokens = console.store().tokens(console.org()).await?;
    Ok(html! {
        section aria-labelledby="tokens" {
            h2 #tokens { "Tokens" }
            p.faint { "For programs; " a href="/help/api" { "what they can ask" } ". A token never may more than the person who made it." }
            @if tokens.is_empty() { p { "There is no token." } } @else {
                table {
                    thead { tr { th scope="col" { "For" } th scope="col" { "May" } th scope="col" { "Whose" } th scope="col" { "Ends" } th scope="col" { "Last used" } th scope="col" { "Refuse" } } }
                    tbody {
                        @for token in &tokens {
                            tr {
                                th scope="row" { (token.name) }
                                td { (token.role) @if let Some(sites) = &token.site_ids { ", on " (sites.join(", ")) } }
                                td { (token.person.as_deref().unwrap_or("the command line")) }
                                td { time datetime=(token.expires_at.to_rfc3339()) { (token.expires_at.format("%Y-%m-%d")) } }
                                td { @match token.used_at { Some(at) => time datetime=(at.to_rfc3339()) { (at.format("%Y-%m-%d %H:%M UTC")) }, None => "never" } }
                                td {
                                    form method="post" action="/settings/tokens/revoke" {
                                        input type="hidden" name="id" value=(token.token);
                                        button.quiet type="submit" aria-label={ "Refuse the token for " (token.name) } { "Refuse" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            form.line method="post" action="/settings/tokens" {
                div { label for="token-name" { "What for" } input #token-name name="name" required maxlength="128" autocomplete="off"; }
                div { label for="token-role" { "Role" } (roles("token-role", Role::Viewer)) }
                div { label for="token-sites" { "Only these sites, by id; all if empty" } input #token-sites name="sites"; }
                div { label for="token-days" { "Days" } input #token-days name="days" type="number" min="1" max="366" value="90" required; }
                button type="submit" { "Make a token" }
            }
        }
    })
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
    role: Role,
    #[serde(default)]
    sites: String,
    days: u32,
}

#[derive(Deserialize)]
struct Numbered {
    id: i32,
}

async fn make(frame: Frame, State(console): State<Console>, Form(wanted): Form<Wanted>) -> Result<Markup, PageProblem> {
    let rights = Rights { role: wanted.role, sites: site_ids(&wanted.sites).into() }.bounded_by(&frame.visitor.rights);
    let made = async {
        people::new_token(&console, &wanted.name, frame.visitor.person, &rights, life(wanted.days)?, &frame.visitor.actor()).await
    };
    match made.await {
        Ok((_, secret)) => {
            let told =
                html! { p { "The token for " strong { (wanted.name) } " is shown this once:" } p { code { (secret.reveal()) } } };
            page(&frame, &console, Some(told)).await
        }
        Err(problem) => refused(&frame, &console, &problem).await,
    }
}

async fn revoke(frame: Frame, State(console): State<Console>, Form(numbered): Form<Numbered>) -> Result<Response, PageProblem> {
    console.store().revoke_token(console.org(), numbered.id, &frame.visitor.actor()).await?;
    Ok(Redirect::to("/settings#tokens").into_response())
}
