//! Signing in with a name and a password, and signing out.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Form;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::ids::PersonKey;
use serde::Deserialize;

use crate::problem::{PageProblem, Problem};
use crate::query::encode;
use crate::routes::{Access, Routes};
use crate::secret::Secret;
use crate::{Console, layout, visitor};

/// Attempts with one name, and from one address, within [`WINDOW`]; more are refused unread. Behind a proxy all come from one address,
/// so that figure is for an office and the other for a person.
const PER_NAME: i32 = 10;
const PER_ADDRESS: i32 = 100;
const WINDOW: Duration = Duration::from_secs(15 * 60);

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/sign-in", Access::Open, form).post("/sign-in", Access::Open, sign_in).post(
        "/sign-out",
        Need::by_site(Role::Viewer),
        sign_out,
    )
}

/// The page that leads back to a path of the console when somebody has signed in.
pub(crate) fn address(back: &str) -> String {
    format!("/sign-in?back={}", encode(back))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    back: String,
}

#[derive(Deserialize)]
struct Entered {
    name: String,
    password: String,
    #[serde(default)]
    back: String,
}

async fn form(Query(asked): Query<Asked>) -> Markup {
    page(&asked.back, "", None)
}

async fn sign_in(
    State(console): State<Console>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    jar: CookieJar,
    Form(entered): Form<Entered>,
) -> Result<Response, PageProblem> {
    let (store, org) = (console.store(), console.org());
    let of_name = format!("name:{}", entered.name.to_lowercase());
    let sources = [of_name.clone(), format!("address:{}", from.ip())];
    let counts = store.count_attempt(org, &sources, WINDOW).await?;
    if counts.iter().zip([PER_NAME, PER_ADDRESS]).any(|(count, limit)| *count > limit) {
        return Err(Problem::too_often(WINDOW.as_secs()).into());
    }
    let known = store.credentials(org, &entered.name).await?;
    let (person, hash) = known.map(|known| (known.person, known.password_hash)).unzip();
    if !console.passwords().is_right(entered.password, hash).await {
        let page = page(&entered.back, &entered.name, Some("The name or the password is not right."));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let Some(person) = person else { return Err(Problem::not_signed_in().into()) };
    // Not those of the address: whoever has one account could go on guessing others.
    store.forget_attempts(org, &[of_name]).await?;
    Ok((open_session(&console, person, jar).await?, Redirect::to(inside(&entered.back))).into_response())
}

async fn sign_out(State(console): State<Console>, headers: HeaderMap, jar: CookieJar) -> Result<Response, PageProblem> {
    if let Some(session) = visitor::session(&headers, console.settings()) {
        console.store().close_session(session.hash()).await?;
    }
    Ok((jar.add(visitor::no_session_cookie(console.settings())), Redirect::to("/sign-in")).into_response())
}

/// Opens a session and puts its cookie into the jar. Always a session of its own: one from before would be known to whoever set it.
pub(super) async fn open_session(console: &Console, person: PersonKey, jar: CookieJar) -> Result<CookieJar, Problem> {
    let session = Secret::random();
    console.store().open_session(console.org(), person, session.hash(), console.settings().session_life).await?;
    Ok(jar.add(visitor::session_cookie(&session, console.settings())))
}

/// A path of this console; the start for anything that leads out of it.
fn inside(back: &str) -> &str {
    let path = back.starts_with('/') && !back.starts_with("//") && !back.contains('\\') && !back.contains(char::is_control);
    if path { back } else { "/" }
}

fn page(back: &str, name: &str, wrong: Option<&str>) -> Markup {
    let content = html! {
        @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
        form method="post" action="/sign-in" {
            input type="hidden" name="back" value=(inside(back));
            label for="name" { "Name" }
            input #name name="name" value=(name) autocomplete="username" required maxlength="128" autofocus;
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" required;
            button type="submit" { "Sign in" }
        }
        p.faint { "Forgotten? An administrator makes a new link under Settings, or with `orgmirror people link`." }
    };
    layout::bare("Sign in", &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_out_of_the_console() {
        assert_eq!(inside("/users?filter=a"), "/users?filter=a");
        for outside in ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/a\r\nb"] {
            assert_eq!(inside(outside), "/", "{outside}");
        }
    }

    #[test]
    fn the_way_back_survives() {
        assert_eq!(address("/users?filter=a&b"), "/sign-in?back=/users%3Ffilter%3Da%26b");
    }
}
