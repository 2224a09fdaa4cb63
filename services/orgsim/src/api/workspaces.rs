//! Searching workspaces, which are products on sites.
//!
//! This operation has rules of its own: up to 1,000 rows a page, a query language, and a cursor that must come alone.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::Context;
use super::cursor::{Cursor, Place};
use super::input::{body_object, limit};
use super::refusal::Refusal;
use crate::switches::{LastPageNext, WorkspacesNext};

/// `POST .../workspaces`
pub(super) fn search(context: &Context<'_>) -> Result<String, Refusal> {
    let body = body_object(context.request)?;
    let cursor = match body.get("cursor") {
        None | Some(Value::Null) => {
            limit(body.get("limit"), 20, 1_000)?;
            Cursor::new(context, None, body, Place::Start)
        }
        Some(_) if body.len() > 1 => return Err(Refusal::bad_input("cursor must be the only property of the body.")),
        Some(Value::String(token)) => Cursor::decode(context, token)?,
        Some(_) => return Err(Refusal::bad_cursor("The cursor must be a string.")),
    };
    let page_size = limit(cursor.filter.get("limit"), 20, 1_000)?;
    let mut rows = workspaces(context);
    if let Some(query) = cursor.filter.get("query").filter(|query| !query.is_null()) {
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            if matches(&row, query)? {
                kept.push(row);
            }
        }
        rows = kept;
    }
    sort(&mut rows, cursor.filter.get("sort"))?;
    let from = match cursor.place {
        Place::Offset(offset) => offset.min(rows.len()),
        Place::Start | Place::After { .. } => 0,
    };
    let to = (from + page_size).min(rows.len());
    let next =
        (to < rows.len()).then(|| Cursor { place: Place::Offset(to), issued_ms: context.now_ms, ..cursor.clone() }.encode());
    let filled = to > from;
    Ok(json!({
        "data": rows[from..to],
        "links": links(context, &cursor, next),
        "meta": {
            "total": rows.len(),
            "pageSize": page_size,
            "startIndex": filled.then_some(from + 1),
            "endIndex": filled.then_some(to),
        },
    })
    .to_string())
}

fn links(context: &Context<'_>, cursor: &Cursor, next: Option<String>) -> Value {
    let form = |token: String| match context.faults.switches.workspaces_next {
        WorkspacesNext::Token => token,
        WorkspacesNext::Url => {
            // The token's own letters that mean something in a query.
            let escaped = token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            format!("https://api.example.com{}?cursor={escaped}", context.request.path)
        }
    };
    let mut links = Map::new();
    links.insert("self".to_owned(), Value::String(form(cursor.encode())));
    let last = context.faults.switches.last_page_next;
    match next {
        Some(token) => links.insert("next".to_owned(), Value::String(form(token))),
        None if last == LastPageNext::Null => links.insert("next".to_owned(), Value::Null),
        None if last == LastPageNext::Empty => links.insert("next".to_owned(), Value::String(String::new())),
        None => None,
    };
    Value::Object(links)
}

/// Every workspace.
fn workspaces(context: &Context<'_>) -> Vec<Value> {
    let catalog = &context.org.catalog;
    let usage = context.org.seats();
    let rows = catalog.resources.iter().zip(usage.into_iter().zip(&context.org.capacity));
    rows.map(|(resource, (usage, capacity))| {
        let site = &catalog.sites[resource.site];
        let sandbox = if site.name.ends_with("labs") { "CHILD" } else { "NONE" };
        json!({
            "id": resource.id,
            "type": "workspaces",
            "attributes": {
                "name": site.name,
                "typeKey": resource.owner,
                "type": resource.product_name,
                "owner": null,
                "hostUrl": format!("https://{}.atlassian.net", site.name),
                "status": "online",
                "statusDetails": [],
                "icons": {},
                "avatars": {},
                "labels": [],
                "sandbox": {"type": sandbox},
                "capacity": capacity,
                "usage": usage,
                "createdAt": "2020-03-01T09:30:00.000Z",
                "createdBy": null,
                "updatedAt": "2026-08-01T12:00:00.000Z",
                "realm": "EU",
                "regions": ["eu-west-1"],
            },
            "relationships": {"entitlement": [{
                "id": format!("ari:cloud:commerce::entitlement/{}", site.cloud_id),
                "type": "entitlement",
                "attributes": {"key": format!("{}.ondemand", resource.owner), "plan": "Enterprise", "planKey": "enterprise"},
            }]},
            "links": {"self": format!("https://api.example.com/admin/v2/workspaces/{}", site.cloud_id)},
        })
    })
    .collect()
}

fn matches(row: &Value, query: &Value) -> Result<bool, Refusal> {
    let wrong = || Refusal::bad_input("query must hold one of and, nor, field, searchWorkspaces, features, policies.");
    let object = query.as_object().ok_or_else(wrong)?;
    let any = |parts: &Value, wanted: bool| -> Result<bool, Refusal> {
        for part in parts.as_array().ok_or_else(wrong)? {
            if matches(row, part)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    };
    if let Some(parts) = object.get("and") {
        return any(parts, false).map(|fails| !fails);
    }
    if let Some(parts) = object.get("nor") {
        return any(parts, true).map(|holds| !holds);
    }
    if let Some(field) = object.get("field") {
        let (Some(name), Some(values)) =
            (field.get("name").and_then(Value::as_str), field.get("values").and_then(Value::as_array))
        else {
            return Err(wrong());
        };
        let value = field_of(row, name);
        // The display name and the key of a type are both met as values of `attributes.type`.
        let key = if name == "attributes.type" { field_of(row, "attributes.typeKey") } else { None };
        return Ok(values.iter().any(|wanted| Some(wanted) == value || Some(wanted) == key));
    }
    if let Some(term) = object.get("searchWorkspaces") {
        let term = object.get("value").unwrap_or(term).as_str().ok_or_else(wrong)?.to_lowercase();
        let mentions =
            |name: &str| field_of(row, name).and_then(Value::as_str).is_some_and(|text| text.to_lowercase().contains(&term));
        return Ok(mentions("attributes.name") || mentions("attributes.hostUrl"));
    }
    // No workspace here has features or policies.
    if object.contains_key("features") || object.contains_key("policies") { Ok(false) } else { Err(wrong()) }
}

fn field_of<'a>(row: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(row, |value, part| value.get(part))
}

fn sort(rows: &mut [Value], sort: Option<&Value>) -> Result<(), Refusal> {
    let Some(fields) = sort.filter(|sort| !sort.is_null()) else { return Ok(()) };
    let wrong = || Refusal::bad_input("sort must be a list of objects with field and order asc or desc.");
    // The least significant field first: the sort is stable.
    for field in fields.as_array().ok_or_else(wrong)?.iter().rev() {
        let name = field.get("field").and_then(Value::as_str).ok_or_else(wrong)?;
        let descending = match field.get("order").and_then(Value::as_str) {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(wrong()),
        };
        rows.sort_by(|left, right| {
            let order = compare(field_of(left, name), field_of(right, name));
            if descending { order.reverse() } else { order }
        });
    }
    Ok(())
}

fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left.and_then(Value::as_i64), right.and_then(Value::as_i64)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.and_then(Value::as_str).cmp(&right.and_then(Value::as_str)),
    }
}
