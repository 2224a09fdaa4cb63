//! What a request could not do, in one type: a problem document (RFC 9457) for programs, a page for people.

use std::error::Error;
use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use orgmirror_domain::access::Lack;
use orgmirror_domain::filter::FilterError;
use orgmirror_store::StoreError;
use serde::Serialize;

use crate::layout;

/// Why a request could not be done: what happened, and what to do about it.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// Which kind; a program decides by it, so it never changes its meaning.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// What happened, to what, and what to do.
    detail: String,
    /// Where in the text of the request the mistake is, in bytes from its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// Part of a text that somebody sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Place {
    start: usize,
    end: usize,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(kind: &str, status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        let kind = format!("urn:orgmirror:problem:{kind}");
        Self { kind, title, status, detail: detail.into(), place: None, retry_after_s: None }
    }

    /// 400.
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::new("unreadable", StatusCode::BAD_REQUEST, "The request cannot be read", detail)
    }

    /// 401.
    pub(crate) fn not_signed_in() -> Self {
        let detail = "sign in, or send an API token as `Authorization: Bearer TOKEN`; a session ends when it is not used, and a token when it expires or is revoked";
        Self::new("not-signed-in", StatusCode::UNAUTHORIZED, "Nobody is signed in", detail)
    }

    /// 403, for want of a right.
    pub(crate) fn lacking(lack: Lack) -> Self {
        let detail = match lack {
            Lack::Role(role) => format!("this needs the role {role}; an administrator gives it under Settings"),
            Lack::AllSites => "this is about the whole organisation, and you may see only some of its sites; an administrator changes that under Settings".to_owned(),
        };
        Self::new("forbidden", StatusCode::FORBIDDEN, "Not allowed", detail)
    }

    /// 403, for a request that another site made a browser send.
    pub(crate) fn from_elsewhere() -> Self {
        let detail =
            "the request did not come from a page of this console; open the console under its own address and try again there";
        Self::new("cross-origin", StatusCode::FORBIDDEN, "Not from here", detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new("not-found", StatusCode::NOT_FOUND, "Not found", detail)
    }

    /// 405.
    pub(crate) fn wrong_method(method: &Method, path: &str) -> Self {
        let detail = format!("{path} does not take {method}; /api/v1/openapi.json says what it takes");
        Self::new("wrong-method", StatusCode::METHOD_NOT_ALLOWED, "Not that way", detail)
    }

    /// The same as a library's own refusal, which is plain text.
    pub(crate) fn refused(status: StatusCode, words: String) -> Self {
        Self::new("unreadable", status, "The request cannot be read", words)
    }

    /// 409.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new("conflict", StatusCode::CONFLICT, "Not possible now", detail)
    }

    /// 422.
    pub(crate) fn unfit(detail: impl Into<String>) -> Self {
        Self::new("unfit", StatusCode::UNPROCESSABLE_ENTITY, "Not acceptable", detail)
    }

    /// 429.
    pub(crate) fn too_often(retry_after_s: u64) -> Self {
        let detail = format!("too many attempts; try again in {} minutes", retry_after_s.div_ceil(60));
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new("too-often", StatusCode::TOO_MANY_REQUESTS, "Too many attempts", detail)
        }
    }

    /// 500; the cause goes to the log and not to whoever asked.
    pub(crate) fn defect(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(cause = chain(cause), "a request failed");
        let detail = "the console could not do this; its log says why. Try again, and look at `orgmirror doctor` if it stays so";
        Self::new("defect", StatusCode::INTERNAL_SERVER_ERROR, "Something is wrong here", detail)
    }

    /// Who may be told apart: whether a program may try again as it is, or a person must change something.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// A problem document.
    pub(crate) fn document(&self) -> Response {
        let mut response = (self.status, Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.with_headers(response)
    }

    /// A page.
    pub(crate) fn page(&self) -> Response {
        self.with_headers((self.status, layout::error(self.title, &self.detail)).into_response())
    }

    fn with_headers(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"orgmirror\""));
        }
        response
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { .. } => Self::not_found(error.to_string()),
            StoreError::UnknownName { .. } => Self::unfit(error.to_string()),
            StoreError::WrongState { .. } | StoreError::Taken { .. } | StoreError::LastAdmin => Self::conflict(error.to_string()),
            StoreError::TooLarge { .. } => Self::unfit(error.to_string()),
            StoreError::Connecting(_)
            | StoreError::Schema { .. }
            | StoreError::Migrating(_)
            | StoreError::Word(_)
            | StoreError::Json { .. }
            | StoreError::SavedText { .. }
            | StoreError::CursorLoop { .. }
            | StoreError::Unwritable { .. }
            | StoreError::Database(_) => Self::defect(&error),
        }
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        let place = Place { start: error.place.start, end: error.place.end };
        let detail = format!("{}; expected {}", error.problem, error.expected);
        Self { place: Some(place), ..Self::new("filter", StatusCode::BAD_REQUEST, "The filter cannot be read", detail) }
    }
}

/// A problem of an API handler: answered as a document.
#[derive(Debug)]
pub(crate) struct ApiProblem(pub(crate) Problem);

/// A problem of a page's handler: answered as a page.
#[derive(Debug)]
pub(crate) struct PageProblem(pub(crate) Problem);

impl<E: Into<Problem>> From<E> for ApiProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<Problem>> From<E> for PageProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        self.0.document()
    }
}

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        self.0.page()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for Problem {}
