//! The domains whose addresses the organisation claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::Context;
use super::links;
use super::refusal::Refusal;
use crate::generate::MANAGED_DOMAINS;

/// `GET /v1/orgs/{orgId}/domains`
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let cursor = links::start(context, Map::new())?;
    let rows: Vec<Value> = domains().map(|(name, kind, status)| row(context, name, kind, status)).collect();
    let (data, links) = links::cut(context, &cursor, &rows);
    Ok(json!({"data": data, "links": links}).to_string())
}

/// `GET /v1/orgs/{orgId}/domains/{domainId}`: an id is the name in base64.
pub(super) fn one(context: &Context<'_>) -> Result<String, Refusal> {
    let id = &context.request.id;
    let name = URL_SAFE_NO_PAD.decode(id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let name = name.ok_or_else(|| Refusal::bad_domain_id(id))?;
    let found = domains().find(|(domain, _, _)| *domain == name).ok_or_else(|| Refusal::no_domain(id))?;
    Ok(json!({"data": row(context, found.0, found.1, found.2)}).to_string())
}

/// Every domain with how it was claimed and what became of it.
fn domains() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let verified = MANAGED_DOMAINS.iter().zip(["dns", "http"].iter().cycle()).map(|(name, kind)| (*name, *kind, "verified"));
    verified.chain([
        ("example.se", "dns", "unverified"),
        ("old.example.com", "http", "missing_token"),
        ("example.org", "dns", "superseded"),
        ("gone.example.com", "dns", "deleted"),
    ])
}

fn row(context: &Context<'_>, name: &str, kind: &str, status: &str) -> Value {
    let id = URL_SAFE_NO_PAD.encode(name);
    let path = format!("/admin/v1/orgs/{}/domains/{id}", context.org.catalog.org_id);
    json!({
        "id": id,
        "type": "domains",
        "attributes": {"name": name, "claim": {"type": kind, "status": status}},
        "links": {"self": links::url(context, &path)},
    })
}
