//! The status, headers and body of an answer.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::refusal::{Kind, Refusal};
use super::request::Request;
use super::spoil;
use crate::faults::{FaultState, Outcome};
use crate::operation::{ErrorForm, Operation};
use crate::rate_limit::Grant;
use crate::switches::{ErrorStatus, RateLimitBody, RateLimitHeaders, Switches, WriteErrorBody};

/// What an operation came to when it was not refused.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Reply {
    /// 200 with a body.
    pub(super) fn ok(body: String) -> Self {
        Self { status: 200, body }
    }

    /// A status alone.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: String::new() }
    }
}

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    headers: HeaderMap,
}

impl Answer {
    pub(super) fn new(computed: Result<Reply, Refusal>, request: &Request, faults: &FaultState, limit: Option<Grant>) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(limit) = limit {
            limit_headers(&mut headers, limit, &faults.switches);
        }
        let (status, body) = match computed {
            Ok(reply) => (reply.status, reply.body),
            Err(refusal) => (refusal.status, refusal_body(&refusal, request, &faults.switches)),
        };
        let json = body.is_empty() || body.starts_with(['{', '[']);
        let kind = if json { "application/json" } else { "text/html" };
        if status != 204 {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Self { status, body, headers }
    }

    /// Sends it as its fate wants. Only good answers are spoilt: a refusal has said enough.
    pub(super) fn send(mut self, outcome: Outcome, slow_body: Duration, draw: u64) -> Response {
        let is_good = self.status < 300 && !self.body.is_empty();
        let body =
            if is_good { spoil::body(self.body, outcome, slow_body, draw, &mut self.headers) } else { Body::from(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = self.headers;
        response
    }
}

/// The body of a refusal in the form of its operation.
fn refusal_body(refusal: &Refusal, request: &Request, switches: &Switches) -> String {
    let form = match request.operation {
        Operation::Unknown if request.is_v1() => ErrorForm::V1,
        operation => operation.error_form(),
    };
    let proxy = || json!({"code": refusal.status, "message": refusal.title});
    let routed = |status: Value, message: &str| {
        json!({
            "timestamp": Utc::now().format("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(),
            "path": format!("/api{}", request.path),
            "status": status,
            "error": refusal.title,
            "requestId": Uuid::new_v4(),
            "message": message,
        })
    };
    let of_domains = matches!(request.operation, Operation::Domains | Operation::Domain);
    let value = match (refusal.kind, form) {
        _ if refusal.body.is_some() => refusal.body.clone().unwrap_or_default(),
        (Kind::Fault, _) if refusal.status >= 502 => {
            return format!(
                "<html><head><title>{0} {1}</title></head><body><h1>{0} {1}</h1></body></html>",
                refusal.status, refusal.title
            );
        }
        (Kind::RateLimit, _) => match switches.rate_limit_body {
            RateLimitBody::Empty => return String::new(),
            RateLimitBody::Documented if matches!(form, ErrorForm::V2 | ErrorForm::V2Write) => {
                json!({"errors": [error(refusal, switches)]})
            }
            RateLimitBody::Proxy | RateLimitBody::Documented => proxy(),
            RateLimitBody::Errors => json!({"errors": [error(refusal, switches)]}),
        },
        (Kind::Routing, _) => routed(json!(refusal.status), &refusal.detail),
        (Kind::Scope | Kind::Fault, _) if refusal.status == 403 && of_domains => routed(json!(403), &refusal.detail),
        (_, ErrorForm::Lifecycle) => refusal.as_lifecycle(),
        (_, ErrorForm::V2Write) if switches.write_error_body == WriteErrorBody::Empty => return String::new(),
        (Kind::Gateway, ErrorForm::V1 | ErrorForm::Bare) => proxy(),
        (_, ErrorForm::Bare) => error(refusal, switches),
        _ => json!({"errors": [error(refusal, switches)]}),
    };
    value.to_string()
}

fn error(refusal: &Refusal, switches: &Switches) -> Value {
    let status = match switches.error_status {
        ErrorStatus::String => json!(refusal.status.to_string()),
        ErrorStatus::Number => json!(refusal.status),
    };
    json!({"id": Uuid::new_v4(), "status": status, "code": refusal.code, "title": refusal.title, "detail": refusal.detail})
}

/// The figures of the limit are on every answer that was subject to it; `Retry-After` on refusals only.
fn limit_headers(headers: &mut HeaderMap, limit: Grant, switches: &Switches) {
    let variant = switches.rate_limit_headers;
    let reset = Utc::now() + TimeDelta::from_std(limit.reset_in).unwrap_or_default();
    let retry_s = limit.reset_in.as_secs_f64().ceil().max(1.0) as u64;
    let mut put = |name: HeaderName, value: String| {
        // Only digits and dates are put, which are valid.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    let by_reset = matches!(variant, RateLimitHeaders::All | RateLimitHeaders::ResetSeconds | RateLimitHeaders::ResetMinutes);
    if by_reset {
        put(HeaderName::from_static("x-ratelimit-limit"), limit.per_minute.to_string());
        put(HeaderName::from_static("x-ratelimit-remaining"), limit.remaining.to_string());
        let format = if variant == RateLimitHeaders::ResetMinutes { "%Y-%m-%dT%H:%M+0000" } else { "%Y-%m-%dT%H:%M:%SZ" };
        put(HeaderName::from_static("x-ratelimit-reset"), next_whole(reset, variant).format(format).to_string());
    }
    if limit.granted {
        return;
    }
    match variant {
        RateLimitHeaders::All | RateLimitHeaders::RetryAfter => put(header::RETRY_AFTER, retry_s.to_string()),
        RateLimitHeaders::RetryAfterDate => {
            let at = next_whole(reset, variant).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            put(header::RETRY_AFTER, at);
        }
        RateLimitHeaders::ResetSeconds | RateLimitHeaders::ResetMinutes | RateLimitHeaders::None => {}
    }
}

/// The instant in the precision of the header, never before it: whoever waits until then must be served.
fn next_whole(reset: DateTime<Utc>, variant: RateLimitHeaders) -> DateTime<Utc> {
    let unit_ms = if variant == RateLimitHeaders::ResetMinutes { 60_000 } else { 1_000 };
    let ms = reset.timestamp_millis();
    DateTime::from_timestamp_millis(ms + (unit_ms - ms.rem_euclid(unit_ms)) % unit_ms).unwrap_or(reset)
}
