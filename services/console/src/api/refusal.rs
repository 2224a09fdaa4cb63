//! What the web framework refuses by itself, in the words of a problem document: unreadable bodies, wrong numbers in a path.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::Problem;

/// Its words are a sentence or two.
const LONGEST: usize = 4_096;

pub(crate) async fn spoken(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let plain = response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() && plain) {
        return response;
    }
    let words = to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
    Problem::refused(status, String::from_utf8_lossy(&words).into_owned()).document()
}
