//! Pages of v1 lists: no limit to choose, and the next page is a whole URL.

use serde_json::{Map, Value};

use super::Context;
use super::cursor::{Cursor, Place};
use super::refusal::Refusal;
use crate::switches::LastPageNext;

/// Where a v1 list begins.
pub(super) fn start(context: &Context<'_>, filter: Map<String, Value>) -> Result<Cursor, Refusal> {
    match context.request.query_value("cursor") {
        Some(token) => Cursor::decode(context, token),
        None => Ok(Cursor::new(context, None, filter, Place::Start)),
    }
}

/// The links of a page; `next` is where the next one begins.
pub(super) fn links(context: &Context<'_>, cursor: &Cursor, next: Option<Place>) -> Value {
    let mut links = Map::new();
    links.insert("self".to_owned(), Value::String(page_url(context, &cursor.encode())));
    let last = context.faults.switches.last_page_next;
    let next = match next {
        Some(place) => {
            let next = Cursor { place, issued_ms: context.now_ms, ..cursor.clone() };
            Some(Value::String(page_url(context, &next.encode())))
        }
        None if last == LastPageNext::Null => Some(Value::Null),
        None if last == LastPageNext::Empty => Some(Value::String(String::new())),
        None => None,
    };
    links.extend(next.map(|next| ("next".to_owned(), next)));
    Value::Object(links)
}

/// A page of a list that was computed as a whole, cut by offset.
pub(super) fn cut(context: &Context<'_>, cursor: &Cursor, rows: &[Value]) -> (Vec<Value>, Value) {
    let from = match cursor.place {
        Place::Offset(offset) => offset.min(rows.len()),
        Place::Start | Place::After { .. } => 0,
    };
    let to = (from + context.faults.switches.v1_page_size).min(rows.len());
    let next = (to < rows.len()).then_some(Place::Offset(to));
    (rows[from..to].to_vec(), links(context, cursor, next))
}

/// The URL of a page of the list that the call reads.
pub(super) fn page_url(context: &Context<'_>, token: &str) -> String {
    format!("{}?cursor={}", url(context, &context.request.path), escaped(token))
}

/// A URL of this service, as the caller reaches it.
pub(super) fn url(context: &Context<'_>, path: &str) -> String {
    format!("{}{path}", context.request.base)
}

/// A token with the letters escaped that mean something in a query.
pub(super) fn escaped(token: &str) -> String {
    token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}
