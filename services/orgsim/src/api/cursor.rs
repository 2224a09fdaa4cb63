//! Opaque page tokens: base64 of JSON with the sort order, the filter and the place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Context;
use super::input::Direction;
use super::refusal::Refusal;

/// What a token holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    /// The operation that made it: a token opens no other list.
    pub(super) list: String,
    pub(super) sort_by: Option<Direction>,
    pub(super) filter: Map<String, Value>,
    pub(super) place: Place,
    /// The page size, where the parameters of a call with a cursor are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<usize>,
    pub(super) issued_ms: i64,
}

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    Start,
    /// Behind this row, whether it still exists or not.
    After {
        key: String,
        id: String,
    },
    /// After so many rows, whatever they are by now.
    Offset(usize),
}

impl Cursor {
    /// A token for the list that the call reads.
    pub(super) fn new(context: &Context<'_>, sort_by: Option<Direction>, filter: Map<String, Value>, place: Place) -> Self {
        Self { list: list_name(context), sort_by, filter, place, limit: None, issued_ms: context.now_ms }
    }

    pub(super) fn encode(&self) -> String {
        // A struct of texts and numbers always has a JSON form; an empty token would be refused like any garbage.
        STANDARD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a token of this list.
    pub(super) fn decode(context: &Context<'_>, token: &str) -> Result<Self, Refusal> {
        let garbage = || Refusal::bad_cursor("The cursor is invalid.");
        let bytes = STANDARD.decode(token).map_err(|_| garbage())?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| garbage())?;
        // Nobody but this service makes cursors, and it makes none with a page of any other size.
        if cursor.list != list_name(context) || cursor.limit.is_some_and(|limit| !(1..=1_000).contains(&limit)) {
            return Err(garbage());
        }
        let age_ms = (context.now_ms - cursor.issued_ms) as f64;
        match context.faults.cursor_ttl_s {
            Some(ttl_s) if age_ms > ttl_s * 1_000.0 => Err(Refusal::bad_cursor("The cursor has expired.")),
            _ => Ok(cursor),
        }
    }
}

fn list_name(context: &Context<'_>) -> String {
    let request = context.request;
    format!("{} {} {}", request.operation.id(), request.directory_id.as_deref().unwrap_or("-"), request.id)
}
