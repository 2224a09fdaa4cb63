//! One-time links: the first administrator chooses a name and a password; everybody else a password.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use maud::{Markup, html};
use orgmirror_store::console::link::LinkFor;
use serde::Deserialize;

use super::sign_in::open_session;
use crate::password::MIN_LENGTH;
use crate::problem::{PageProblem, Problem};
use crate::routes::{Access, Routes};
use crate::secret::Secret;
use crate::settings::PublicUrl;
use crate::{Console, layout};

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/welcome", Access::Open, form).post("/welcome", Access::Open, choose)
}

/// The link with that code.
pub(crate) fn address(public_url: &PublicUrl, code: &Secret) -> String {
    format!("{public_url}/welcome?code={}", code.reveal())
}

#[derive(Deserialize)]
struct Asked {
    code: String,
}

#[derive(Deserialize)]
struct Chosen {
    code: String,
    #[serde(default)]
    name: String,
    password: String,
}

/// Shows the form and uses nothing up: programs that look at links before people do would use them up.
async fn form(State(console): State<Console>, Query(asked): Query<Asked>) -> Result<Markup, PageProblem> {
    let link = console.store().link(console.org(), Secret::presented(&asked.code).hash()).await?.ok_or_else(used)?;
    Ok(page(&asked.code, &link, "", None))
}

async fn choose(State(console): State<Console>, jar: CookieJar, Form(chosen): Form<Chosen>) -> Result<Response, PageProblem> {
    let (store, org, code) = (console.store(), console.org(), Secret::presented(&chosen.code).hash());
    let link = store.link(org, code).await?.ok_or_else(used)?;
    let name = chosen.name.trim();
    if link == LinkFor::FirstAdmin && (name.is_empty() || name.chars().count() > 128 || name.contains(char::is_control)) {
        return Ok(again(page(&chosen.code, &link, name, Some("A name has between 1 and 128 characters."))));
    }
    let hash = match console.passwords().hash(chosen.password).await {
        Ok(hash) => hash,
        Err(unfit) => return Ok(again(page(&chosen.code, &link, name, Some(&format!("Choose another password: {unfit}."))))),
    };
    let person = match link {
        LinkFor::FirstAdmin => store.make_first_admin(org, code, name, &hash).await?,
        LinkFor::Password(_) => store.set_password(org, code, &hash).await?,
    };
    let person = person.ok_or_else(used)?;
    Ok((open_session(&console, person, jar).await?, Redirect::to("/")).into_response())
}

fn again(page: Markup) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

fn used() -> Problem {
    Problem::not_found(
        "this link was used, replaced, or is too old; an administrator makes another under Settings, and the first one comes from the console's log when it starts",
    )
}

fn page(code: &str, link: &LinkFor, name: &str, wrong: Option<&str>) -> Markup {
    let title = match link {
        LinkFor::FirstAdmin => "Set up the console",
        LinkFor::Password(_) => "Choose a password",
    };
    let content = html! {
        @match link {
            LinkFor::FirstAdmin => p { "You become its first administrator, and add others under Settings." },
            LinkFor::Password(name) => p { "For " strong { (name) } ". You are signed out everywhere else." },
        }
        @if let Some(wrong) = wrong { p.wrong role="alert" { (wrong) } }
        form method="post" action="/welcome" {
            input type="hidden" name="code" value=(code);
            @match link {
                LinkFor::FirstAdmin => {
                    label for="name" { "Name" }
                    input #name name="name" value=(name) autocomplete="username" required maxlength="128" autofocus;
                }
                // For password keepers, which would otherwise keep a password without a name.
                LinkFor::Password(name) => input type="hidden" name="username" value=(name) autocomplete="username";,
            }
            label for="password" { "Password, of at least " (MIN_LENGTH) " characters" }
            input #password name="password" type="password" autocomplete="new-password" required minlength=(MIN_LENGTH);
            button type="submit" { "Continue" }
        }
    };
    layout::bare(title, &content)
}
