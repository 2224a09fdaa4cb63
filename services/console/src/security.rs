//! What protects browsers: headers on every answer, and the refusal of requests that another site made a browser send.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::Console;
use crate::problem::Problem;
use crate::settings::ConsoleSettings;

/// Nothing is loaded but from here, nothing inline is run, nobody frames a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// A year, as long as browsers heed it.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The routes with compression and headers around them.
pub(crate) fn layered(routes: Router<Console>, console: &Console) -> Router<Console> {
    // Events must leave at once, and not when a block of them is full.
    let compressible = DefaultPredicate::new().and(NotForContentType::const_new("text/event-stream"));
    routes
        .layer(from_fn_with_state(console.settings().public_url.is_https(), headers))
        .layer(CompressionLayer::new().compress_when(compressible))
}

async fn headers(State(https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    // What a page shows is for who is signed in, and gone when they sign out; assets say themselves that they may be kept.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses what changes something unless a page of this console made the browser send it. Browsers say so themselves
/// (`Sec-Fetch-Site`, and `Origin` before there was that); who says nothing is not believed.
pub(crate) fn from_here(method: &Method, headers: &HeaderMap, settings: &ConsoleSettings) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let here = match (said("sec-fetch-site"), said("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.eq_ignore_ascii_case(settings.public_url.origin()),
        (None, None) => false,
    };
    if here { Ok(()) } else { Err(Problem::from_elsewhere()) }
}
