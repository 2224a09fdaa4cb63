//! The policies of the organisation. They never change.

use serde_json::{Value, json};

use super::Context;
use super::filter::text;
use super::input::{Rule, query_filter};
use super::links;
use super::refusal::Refusal;
use crate::catalog::seeded_uuid;

/// `GET /v1/orgs/{orgId}/policies`. A type that no policy has is no error.
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let cursor = links::start(context, query_filter(context, &[("type", Rule::Text)])?)?;
    let wanted = text(&cursor.filter, "type");
    let kind = |row: &Value| row["attributes"]["type"].as_str().map(str::to_owned);
    let rows: Vec<Value> =
        policies(context).into_iter().filter(|row| wanted.is_none_or(|wanted| kind(row).as_deref() == Some(wanted))).collect();
    let (data, links) = links::cut(context, &cursor, &rows);
    Ok(json!({"data": data, "meta": {"page_size": data.len()}, "links": links}).to_string())
}

/// `GET /v1/orgs/{orgId}/policies/{policyId}`
pub(super) fn one(context: &Context<'_>) -> Result<String, Refusal> {
    let id = &context.request.id;
    let found = policies(context).into_iter().find(|row| row["id"] == id.as_str());
    found.map(|row| json!({"data": row}).to_string()).ok_or_else(|| Refusal::no_policy(id))
}

fn policies(context: &Context<'_>) -> Vec<Value> {
    let resources: Vec<&str> = context.org.catalog.resources.iter().take(2).map(|resource| resource.id.as_str()).collect();
    let applied = |status: &str| -> Vec<Value> {
        resources.iter().map(|id| json!({"id": id, "applicationStatus": status, "meta": {}, "links": {}})).collect()
    };
    [
        ("ip-allowlist", "Office addresses", "enabled", json!({"in": ["203.0.113.0/24"]}), applied("applied")),
        ("data-residency", "Data in Europe", "enabled", json!({"in": ["EU"]}), applied("scheduled")),
        ("data-security", "No exports", "disabled", json!({"in": []}), Vec::new()),
    ]
    .into_iter()
    .map(|(kind, name, status, rule, resources)| {
        json!({
            "id": seeded_uuid(context.seed, &format!("policy {kind}")),
            "type": "policy",
            "attributes": {"type": kind, "name": name, "status": status, "rule": rule, "resources": resources},
        })
    })
    .collect()
}
