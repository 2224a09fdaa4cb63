//! The guard before every route: who asks, and whether they may.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::problem::Problem;
use crate::routes::Access;
use crate::visitor::{Proof, Visitor};
use crate::{Console, security};

/// What each route needs, by path and method.
#[derive(Clone)]
pub(crate) struct Needs {
    console: Console,
    table: Arc<HashMap<(String, String), Access>>,
}

impl Needs {
    pub(crate) fn new(console: Console, table: impl Iterator<Item = ((String, String), Access)>) -> Self {
        Self { console, table: Arc::new(table.collect()) }
    }

    /// `None` for what no table entry allows: then nobody may.
    fn of(&self, path: &str, method: &Method) -> Option<Access> {
        // HEAD is answered by what answers GET.
        let method = if method == Method::HEAD { Method::GET } else { method.clone() };
        self.table.get(&(path.to_owned(), method.to_string())).copied()
    }
}

/// Lets a request through to its route, with its [`Visitor`], or answers in the route's place.
pub(crate) async fn guard(State(needs): State<Needs>, path: MatchedPath, mut request: Request, next: Next) -> Response {
    let Some(access) = needs.of(path.as_str(), request.method()) else {
        return answer(
            &Problem::wrong_method(request.method(), path.as_str()),
            request.uri(),
            request.headers(),
            request.method(),
        );
    };
    match visitor(&needs.console, access, request.method(), request.headers()).await {
        Ok(None) => {}
        Ok(Some(visitor)) => {
            request.extensions_mut().insert(visitor);
        }
        Err(problem) => return answer(&problem, request.uri(), request.headers(), request.method()),
    }
    next.run(request).await
}

async fn visitor(console: &Console, access: Access, method: &Method, headers: &HeaderMap) -> Result<Option<Visitor>, Problem> {
    let Access::Needs(need) = access else {
        security::from_here(method, headers, console.settings())?;
        return Ok(None);
    };
    let visitor = Visitor::of(console, headers).await?.ok_or_else(Problem::not_signed_in)?;
    // A browser sends its cookie along whoever made it ask; a token is only sent by whoever has it.
    if visitor.proof == Proof::Session {
        security::from_here(method, headers, console.settings())?;
    }
    match visitor.rights.lack(need) {
        None => Ok(Some(visitor)),
        Some(lack) => Err(Problem::lacking(lack)),
    }
}

/// Programs get a document, people a page; who must sign in first is sent there and comes back.
fn answer(problem: &Problem, uri: &Uri, headers: &HeaderMap, method: &Method) -> Response {
    if uri.path().starts_with("/api/") {
        return problem.document();
    }
    if problem.status() != StatusCode::UNAUTHORIZED {
        return problem.page();
    }
    let here = if method == Method::GET { uri.path_and_query().map_or("/", |path| path.as_str()) } else { "/" };
    let sign_in = crate::pages::sign_in::address(here);
    if headers.contains_key("hx-request") {
        // A part of a page was asked for: the whole page must move.
        let mut response = StatusCode::UNAUTHORIZED.into_response();
        if let Ok(address) = HeaderValue::from_str(&sign_in) {
            response.headers_mut().insert("hx-redirect", address);
        }
        return response;
    }
    Redirect::to(&sign_in).into_response()
}

/// The answer for what is no route.
pub(crate) async fn not_there(uri: Uri) -> Response {
    let problem = Problem::not_found(format!("there is nothing at {}", uri.path()));
    if uri.path().starts_with("/api/") { problem.document() } else { problem.page() }
}
