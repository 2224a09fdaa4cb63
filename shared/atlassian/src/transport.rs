//! One request and its answer. Here, and nowhere else, HTTP becomes either a value or an [`ApiError`].

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chrono::Utc;
use orgmirror_metrics::{API_REQUEST_DURATION, API_REQUESTS, Value};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Response, Url};
use serde::de::DeserializeOwned;
use tracing::{Instrument, Span, field};

use crate::budget::ToldLimit;
use crate::client::Client;
use crate::error::{ApiError, ApiWords, Flaw};
use crate::operation::{Operation, Permit};
use crate::retry::{Hint, retry_after};
use crate::wire::{self, Unread};

/// As much of an error's body as is worth reading.
const ERROR_BODY_MAX: usize = 64 * 1024;
/// Room for an answer whose length is not announced, as of every compressed one.
const BODY_ROOM: usize = 64 * 1024;

/// A request about to be made.
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation,
    pub(crate) url: Url,
    /// JSON to post; a GET without.
    pub(crate) body: Option<Vec<u8>>,
    /// The cursor that the request carries: only then can an answer speak of an expired one.
    pub(crate) cursor: Option<&'a str>,
}

impl Client {
    /// Makes the call that `permit` is for, once.
    pub(crate) async fn call<T: DeserializeOwned>(&self, permit: Permit, call: Call<'_>) -> Result<T, ApiError> {
        debug_assert_eq!(permit.operation(), call.operation, "a permit is spent on the operation it was asked for");
        let span = self.span(call.operation, if call.body.is_some() { &Method::POST } else { &Method::GET });
        self.exchange(&permit, call).instrument(span).await
    }

    async fn exchange<T: DeserializeOwned>(&self, permit: &Permit, call: Call<'_>) -> Result<T, ApiError> {
        let (operation, sent) = (call.operation, Instant::now());
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let body = self.body(permit, method, call.url, call.body, call.cursor).await?;
        wire::read(&body).map_err(|flawed| unread(operation, sent.elapsed(), flawed))
    }

    /// Sends a change that `permit` is for, once. The body of a success, which may be empty.
    pub(crate) async fn write(
        &self,
        permit: Permit,
        operation: Operation,
        method: Method,
        url: Url,
        body: Option<serde_json::Value>,
    ) -> Result<Vec<u8>, ApiError> {
        debug_assert_eq!(permit.operation(), operation, "a permit is spent on the operation it was asked for");
        let span = self.span(operation, &method);
        let body = body.map(|body| body.to_string().into_bytes());
        self.body(&permit, method, url, body, None).instrument(span).await
    }

    /// The span of a call, named as the conventions for HTTP clients say. The URL is left out: it has ids of people in it.
    fn span(&self, operation: Operation, method: &Method) -> Span {
        tracing::debug_span!(
            "api.call",
            otel.name = %format_args!("{method} {operation}"),
            otel.kind = "client",
            operation = operation.as_str(),
            http.request.method = %method,
            server.address = self.host(),
            http.response.status_code = field::Empty,
            http.response.body.size = field::Empty,
        )
    }

    /// Sends one request and takes the body of its success, whole.
    async fn body(
        &self,
        permit: &Permit,
        method: Method,
        url: Url,
        body: Option<Vec<u8>>,
        cursor: Option<&str>,
    ) -> Result<Vec<u8>, ApiError> {
        let (operation, sent) = (permit.operation(), Instant::now());
        let mut request = self.inner.http.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        self.inner.calls.fetch_add(1, Ordering::Relaxed);
        let mut measured = Measured::start(operation);
        let lost = |source: reqwest::Error| unreachable(operation, sent.elapsed(), source.without_url());
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        measured.answered(status.as_u16());
        Span::current().record("http.response.status_code", status.as_u16());
        if !status.is_success() {
            return Err(self.refusal(permit, cursor, response).await);
        }
        permit.flight().answered(told_limit(response.headers())).await;
        let limit = self.inner.max_body_bytes;
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(announced.unwrap_or(BODY_ROOM).min(limit));
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > limit {
                return Err(malformed(operation)(Flaw::BodyTooLarge { limit }));
            }
            body.extend_from_slice(&chunk);
        }
        Span::current().record("http.response.body.size", body.len());
        Ok(body)
    }

    /// What an answer other than success means.
    async fn refusal(&self, permit: &Permit, cursor: Option<&str>, response: Response) -> ApiError {
        let operation = permit.operation();
        let status = response.status().as_u16();
        let retry_after = hinted(response.headers());
        if status == 429 {
            // Before anything else, even the rest of the answer: every call of any worker until then would make it worse.
            permit.flight().refused(retry_after).await;
            return ApiError::RateLimited { operation, retry_after };
        }
        if status < 500 {
            permit.flight().answered(told_limit(response.headers())).await;
        }
        // Before anything is cut off it: half a key would not be found.
        let body = String::from_utf8_lossy(&beginning(response).await).into_owned();
        let words = ApiWords::read(self.inner.key.redact(body).as_bytes());
        let fingerprint = self.inner.fingerprint.clone();
        match status {
            401 => ApiError::KeyRefused { org: self.inner.org_id.clone(), fingerprint, words },
            403 => ApiError::ScopeMissing { operation, fingerprint, words },
            404 => ApiError::NotFound { operation, words },
            400 if cursor.is_some() && words.speak_of_cursor() => ApiError::CursorExpired { operation, words },
            408 | 500..=599 => ApiError::ServerFailed { operation, status, retry_after, words },
            400..=499 => ApiError::BadRequest { operation, status, words },
            _ => malformed(operation)(Flaw::Status { status }),
        }
    }
}

/// A call that is counted when it is over, however it ends.
struct Measured {
    operation: Operation,
    sent: Instant,
    status: Value,
}

impl Measured {
    fn start(operation: Operation) -> Self {
        Self { operation, sent: Instant::now(), status: "none".into() }
    }

    fn answered(&mut self, status: u16) {
        self.status = status.into();
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let operation = self.operation.as_str();
        API_REQUESTS.add(1, [operation.into(), self.status.clone()]);
        API_REQUEST_DURATION.record(self.sent.elapsed(), [operation.into()]);
    }
}

/// Puts a flaw into the error of its operation.
pub(crate) fn malformed(operation: Operation) -> impl Fn(Flaw) -> ApiError {
    move |flaw| ApiError::Malformed { operation, flaw }
}

/// What a body that cannot be read means.
pub(crate) fn unread(operation: Operation, waited: Duration, body: Unread) -> ApiError {
    match body {
        Unread::Truncated(source) => unreachable(operation, waited, source),
        Unread::Flawed(flaw) => malformed(operation)(flaw),
    }
}

fn unreachable(operation: Operation, waited: Duration, source: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError::Unreachable { operation, waited, source: Box::new(source) }
}

fn hinted(headers: &HeaderMap) -> Option<Duration> {
    let text = |value: Option<&reqwest::header::HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (after, reset, date) = (text(headers.get(RETRY_AFTER)), text(headers.get("x-ratelimit-reset")), text(headers.get(DATE)));
    retry_after(Hint { retry_after: after.as_deref(), reset: reset.as_deref(), date: date.as_deref() }, Utc::now())
}

fn told_limit(headers: &HeaderMap) -> Option<ToldLimit> {
    let number = |name| headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse::<u32>().ok());
    let per_minute = number("x-ratelimit-limit").filter(|limit| *limit > 0)?;
    Some(ToldLimit { per_minute, left: number("x-ratelimit-remaining") })
}

/// What came of an error's body until it ended, broke off or was enough; how it ended matters to nobody.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= ERROR_BODY_MAX {
            break;
        }
    }
    body
}
