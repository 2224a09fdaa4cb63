//! Takes a page out of an order.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::Context;
use super::cursor::{Cursor, Place};
use super::input::{Direction, Rules, query_filter, query_limit, query_sort};
use super::refusal::Refusal;
use crate::json::push_text;
use crate::switches::{CursorPosition, LastPageNext};

/// The rows of a page and where the next one begins.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) slots: Vec<u32>,
    pub(super) next: Option<Place>,
}

/// Which page is wanted.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) place: &'a Place,
    pub(super) direction: Direction,
    pub(super) limit: usize,
    pub(super) positions: CursorPosition,
}

/// The rows that can be on the page.
#[derive(Debug)]
pub(super) enum Rows {
    /// All of the order.
    Everything,
    /// These, few enough to be sorted for each page.
    Few(Vec<u32>),
}

/// The wanted page of the rows that pass; `key_of` gives the sort key under which a row is in the order.
pub(super) fn take<'a>(
    order: &'a BTreeMap<Arc<str>, u32>,
    rows: Rows,
    wanted: &Wanted<'_>,
    key_of: impl Fn(u32) -> Option<&'a str>,
    passes: impl Fn(u32) -> bool,
) -> Page {
    let after = match wanted.place {
        Place::After { key, id } => Some(format!("{key}\0{id}")),
        Place::Start | Place::Offset(_) => None,
    };
    match rows {
        Rows::Everything => {
            let edge = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            match wanted.direction {
                Direction::Asc => {
                    let range = order.range::<str, _>((edge, Bound::Unbounded));
                    cut(range.map(|(key, slot)| (&**key, *slot)).filter(|(_, slot)| passes(*slot)), wanted)
                }
                Direction::Desc => {
                    let range = order.range::<str, _>((Bound::Unbounded, edge)).rev();
                    cut(range.map(|(key, slot)| (&**key, *slot)).filter(|(_, slot)| passes(*slot)), wanted)
                }
            }
        }
        Rows::Few(slots) => {
            let behind = |key: &str| match (&after, wanted.direction) {
                (None, _) => true,
                (Some(after), Direction::Asc) => key > after.as_str(),
                (Some(after), Direction::Desc) => key < after.as_str(),
            };
            let keyed = slots.into_iter().filter_map(|slot| Some((key_of(slot)?, slot)));
            let mut left: Vec<(&str, u32)> = keyed.filter(|(key, slot)| behind(key) && passes(*slot)).collect();
            left.sort_unstable();
            left.dedup();
            match wanted.direction {
                Direction::Asc => cut(left.into_iter(), wanted),
                Direction::Desc => cut(left.into_iter().rev(), wanted),
            }
        }
    }
}

fn cut<'a>(mut rows: impl Iterator<Item = (&'a str, u32)>, wanted: &Wanted<'_>) -> Page {
    let skipped = match wanted.place {
        Place::Offset(offset) => *offset,
        Place::Start | Place::After { .. } => 0,
    };
    if skipped > 0 {
        rows.nth(skipped - 1);
    }
    let taken: Vec<(&str, u32)> = rows.by_ref().take(wanted.limit).collect();
    let more = rows.next().is_some();
    let next = taken.last().filter(|_| more).map(|(key, _)| match wanted.positions {
        CursorPosition::Offset => Place::Offset(skipped + taken.len()),
        CursorPosition::Keyset => {
            // A sort key always holds the separator.
            let (key, id) = key.split_once('\0').unwrap_or((key, ""));
            Place::After { key: key.to_owned(), id: id.to_owned() }
        }
    });
    Page { slots: taken.into_iter().map(|(_, slot)| slot).collect(), next }
}

/// Appends `"links":{...}` of a page; `cursor` is the token of the page itself.
pub(super) fn push_links(out: &mut String, context: &Context<'_>, cursor: &Cursor, next: Option<Place>) {
    out.push_str("\"links\":{\"self\":");
    push_text(out, &cursor.encode());
    if let Some(place) = next {
        let next = Cursor { place, issued_ms: context.now_ms, ..cursor.clone() };
        out.push_str(",\"next\":");
        push_text(out, &next.encode());
    } else {
        out.push_str(match context.faults.switches.last_page_next {
            LastPageNext::Absent => "",
            LastPageNext::Null => ",\"next\":null",
            LastPageNext::Empty => ",\"next\":\"\"",
        });
    }
    out.push('}');
}

/// Where a list that is read by `GET` begins: at its cursor, which then decides about everything, or as its query says.
pub(super) fn list_start(context: &Context<'_>, rules: Rules) -> Result<(Cursor, usize), Refusal> {
    if let Some(token) = context.request.query_value("cursor") {
        let cursor = Cursor::decode(context, token)?;
        let limit = cursor.limit.unwrap_or(20);
        return Ok((cursor, limit));
    }
    let limit = query_limit(context, 20, 100)?;
    let cursor = Cursor::new(context, None, query_filter(context, rules)?, Place::Start);
    Ok((Cursor { limit: Some(limit), ..cursor }, limit))
}

/// The same for a list that can be sorted.
pub(super) fn sorted_start(context: &Context<'_>, rules: Rules, sort_field: &str) -> Result<(Cursor, usize), Refusal> {
    let (mut cursor, limit) = list_start(context, rules)?;
    if context.request.query_value("cursor").is_none() {
        cursor.sort_by = query_sort(context, sort_field)?;
    }
    Ok((cursor, limit))
}

/// A page of a short list that was computed as a whole: its rows as JSON, cut by offset.
pub(super) fn list_page(context: &Context<'_>, cursor: &Cursor, limit: usize, rows: &[String]) -> String {
    let from = match cursor.place {
        Place::Offset(offset) => offset.min(rows.len()),
        Place::Start | Place::After { .. } => 0,
    };
    let to = (from + limit).min(rows.len());
    let mut out = String::from("{\"data\":[");
    out.push_str(&rows[from..to].join(","));
    out.push_str("],");
    push_links(&mut out, context, cursor, (to < rows.len()).then_some(Place::Offset(to)));
    out.push('}');
    out
}
