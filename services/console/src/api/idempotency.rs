//! `Idempotency-Key`: what starts something starts once for each key.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::Console;
use crate::problem::{ApiProblem, Problem};

const HEADER: &str = "idempotency-key";
/// Characters of a key at most.
const LONGEST: usize = 255;

/// The id of what a request starts: the same for the same key and organisation, another for each request without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started(pub(crate) Uuid);

impl FromRequestParts<Console> for Started {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, ApiProblem> {
        let Some(key) = parts.headers.get(HEADER) else { return Ok(Self(Uuid::now_v7())) };
        let key = key.to_str().ok().filter(|key| (1..=LONGEST).contains(&key.len()));
        let key =
            key.ok_or_else(|| Problem::unreadable(format!("`{HEADER}` has between 1 and {LONGEST} visible ASCII characters")))?;
        // What two callers name the same is not the same: the path says what is started.
        let name = format!("{}\n{}\n{key}", console.settings().org_id, parts.uri.path());
        Ok(Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())))
    }
}
