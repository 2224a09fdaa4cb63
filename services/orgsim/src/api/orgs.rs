//! The organisation itself.

use serde_json::{Value, json};

use super::Context;
use super::cursor::Cursor;
use super::refusal::Refusal;
use crate::faults::KeyState;

/// `GET /v1/orgs`: empty for a key that belongs to one organisation, which is no sign of a bad key.
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    if let Some(token) = context.request.query_value("cursor") {
        Cursor::decode(context, token)?;
    }
    let scoped = context.faults.switches.scoped_key || context.faults.key_state == KeyState::NoScope;
    let data = if scoped { Vec::new() } else { vec![org(context)] };
    Ok(json!({"data": data, "links": {"self": url("")}}).to_string())
}

/// `GET /v1/orgs/{orgId}`
pub(super) fn one(context: &Context<'_>) -> String {
    json!({"data": org(context)}).to_string()
}

fn org(context: &Context<'_>) -> Value {
    let id = &context.org.catalog.org_id;
    let url = |rest: &str| url(&format!("/{id}{rest}"));
    json!({
        "id": id,
        "type": "orgs",
        "attributes": {"name": "Example"},
        "relationships": {"domains": {"links": {"related": url("/domains")}}, "users": {"links": {"related": url("/users")}}},
        "links": {"self": url("")},
    })
}

fn url(rest: &str) -> String {
    format!("https://api.example.com/admin/v1/orgs{rest}")
}
