//! Answers that are spoilt: no JSON, cut short, slow, swollen, or wrong in a way that only a careful reader notices.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::odd_rows;
use crate::faults::{Outcome, Quirk};

/// By how much a swollen body grows. Spaces before JSON are JSON.
const SWELLING: usize = 32 * 1024 * 1024;
/// In how many pieces a slow body comes.
const PIECES: u32 = 20;

/// The body of a good answer as its fate wants it; headers that tell about the body are set.
pub(super) fn body(body: String, outcome: Outcome, slow_body: Duration, draw: u64, headers: &mut HeaderMap) -> Body {
    match outcome {
        Outcome::Malformed => Body::from(malformed(body)),
        Outcome::Truncated => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            half(body)
        }
        Outcome::Quirk(quirk) => match quirk {
            Quirk::RepeatedCursor => Body::from(changed(body, repeat_cursor)),
            Quirk::EarlyEnd => Body::from(changed(body, end_early)),
            Quirk::LargePage => Body::from(changed(body, double_rows)),
            Quirk::NewFields => Body::from(changed(body, add_fields)),
            Quirk::MissingFields | Quirk::NullFields | Quirk::UnknownWords | Quirk::OddTypes => {
                Body::from(changed(body, |answer| odd_rows::spoil(answer, quirk, draw)))
            }
            Quirk::SlowBody => slow(body, slow_body),
            Quirk::Swollen => Body::from(swollen(&body)),
            Quirk::Gzip | Quirk::GzipBomb => {
                let body = if quirk == Quirk::GzipBomb { swollen(&body) } else { body.into_bytes() };
                match gzip(&body) {
                    Ok(zipped) => {
                        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                        Body::from(zipped)
                    }
                    Err(_) => Body::from(body),
                }
            }
            Quirk::RateLimited => Body::from(body),
        },
        Outcome::Answered | Outcome::Status(_) | Outcome::Dropped => Body::from(body),
    }
}

/// A body that is whole and no JSON.
fn malformed(mut body: String) -> String {
    body.truncate(body.floor_char_boundary(body.len() * 2 / 3));
    body.push_str("\u{0}<");
    body
}

/// The first half of a body, and then the connection ends. The half leaves first, for the end of a connection would take it along.
fn half(body: String) -> Body {
    let mut bytes = Bytes::from(body);
    bytes.truncate(bytes.len() / 2);
    let parts = futures::stream::unfold(Some(bytes), |left| async move {
        match left {
            Some(bytes) if !bytes.is_empty() => Some((Ok(bytes), Some(Bytes::new()))),
            _ => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    Body::from_stream(parts)
}

/// A body that comes in pieces with pauses between them.
fn slow(body: String, whole: Duration) -> Body {
    let pause = whole / PIECES;
    let piece = body.len().div_ceil(PIECES as usize).max(1);
    let parts = futures::stream::unfold(Bytes::from(body), move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let sent = left.split_to(piece.min(left.len()));
        Some((Ok::<_, io::Error>(sent), left))
    });
    Body::from_stream(parts)
}

fn swollen(body: &str) -> Vec<u8> {
    let mut bytes = vec![b' '; SWELLING];
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

fn changed(body: String, change: impl FnOnce(&mut Value)) -> String {
    let Ok(mut value) = serde_json::from_str(&body) else { return body };
    change(&mut value);
    value.to_string()
}

/// The next page is this page again.
fn repeat_cursor(answer: &mut Value) {
    let own = answer["links"]["self"].clone();
    if answer["links"].get("next").is_some_and(Value::is_string) && own.is_string() {
        answer["links"]["next"] = own;
    }
}

/// There is no next page, although there should be.
fn end_early(answer: &mut Value) {
    for place in ["links", "meta"] {
        if let Some(fields) = answer.get_mut(place).and_then(Value::as_object_mut) {
            fields.remove("next");
        }
    }
}

/// Every row is there twice, so that a full page has more rows than were asked for.
fn double_rows(answer: &mut Value) {
    if let Some(rows) = answer.get_mut("data").and_then(Value::as_array_mut) {
        rows.extend_from_within(..);
    }
}

/// Fields that no document knows, at the top and in every row.
fn add_fields(answer: &mut Value) {
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("sinceTomorrow".to_owned(), json!({"kind": "unheard-of", "values": [1, null, "two"]}));
    }
    for row in answer.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        row.insert("sinceTomorrow".to_owned(), Value::Null);
        row.insert("alsoUnknown".to_owned(), json!([{"deep": true}]));
    }
}
