//! Who asks: a person by their session, a program by its token.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use orgmirror_domain::access::Rights;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::PersonKey;

use crate::Console;
use crate::problem::{PageProblem, Problem};
use crate::secret::Secret;
use crate::settings::ConsoleSettings;

/// Whoever asks, and may. Put into the request by the guard; a handler that takes it is behind one.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Whose session or token it is; `None` for a token that was made at the command line.
    pub(crate) person: Option<PersonKey>,
    /// The person's name, or the token's.
    pub(crate) name: String,
    /// What they may do, and on which sites.
    pub(crate) rights: Rights,
    /// How they proved who they are.
    pub(crate) proof: Proof,
}

/// How a visitor proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By a browser's cookie.
    Session,
    /// By a token in `Authorization`.
    Token,
}

impl Visitor {
    /// Whom the audit log names.
    pub(crate) fn actor(&self) -> Actor {
        match self.proof {
            Proof::Session => Actor::person(&self.name),
            Proof::Token => Actor::program(&self.name),
        }
    }

    /// Who presents a token or a cookie that is good; `None` for nobody. A token that is no good is not made good by a cookie.
    pub(crate) async fn of(console: &Console, headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let (store, org) = (console.store(), console.org());
        let found = if headers.contains_key(header::AUTHORIZATION) {
            let Some(token) = bearer(headers) else { return Ok(None) };
            store.token(org, token.hash()).await?.map(|bearer| (bearer, Proof::Token))
        } else {
            let Some(session) = session(headers, console.settings()) else { return Ok(None) };
            store.session(org, session.hash(), console.settings().session_idle).await?.map(|bearer| (bearer, Proof::Session))
        };
        Ok(found.map(|(bearer, proof)| Self { person: bearer.person, name: bearer.name, rights: bearer.rights, proof }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = PageProblem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, PageProblem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| PageProblem(Problem::not_signed_in()))
    }
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::presented(token.trim()))
}

/// The secret of the browser's session, if it sends one.
pub(crate) fn session(headers: &HeaderMap, settings: &ConsoleSettings) -> Option<Secret> {
    let jar = CookieJar::from_headers(headers);
    jar.get(cookie_name(settings)).map(|cookie| Secret::presented(cookie.value()))
}

/// The cookie that keeps a session. Its prefix makes browsers refuse it from anywhere but this very host, by https; on this machine
/// itself there may be no https.
pub(crate) fn session_cookie(session: &Secret, settings: &ConsoleSettings) -> Cookie<'static> {
    Cookie::build((cookie_name(settings), session.reveal().to_owned()))
        .path("/")
        .http_only(true)
        // Lax: a link from a message opens the page signed in; what changes something is asked where it comes from (`security`).
        .same_site(SameSite::Lax)
        .secure(settings.public_url.is_https())
        .build()
}

/// The cookie that ends it.
pub(crate) fn no_session_cookie(settings: &ConsoleSettings) -> Cookie<'static> {
    let mut cookie = session_cookie(&Secret::presented(""), settings);
    cookie.make_removal();
    cookie
}

fn cookie_name(settings: &ConsoleSettings) -> &'static str {
    if settings.public_url.is_https() { "__Host-orgmirror" } else { "orgmirror" }
}
