//! The managed accounts of v1: only those whose address the organisation has claimed.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::Context;
use super::cursor::Place;
use super::links;
use super::refusal::Refusal;
use crate::access::Access;
use crate::account::Account;
use crate::role::RoleSet;
use crate::timestamp::push_ms;

/// `GET /v1/orgs/{orgId}/users`, in the order of ids.
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let org = context.org;
    let cursor = links::start(context, Map::new())?;
    let after = match &cursor.place {
        Place::After { id, .. } => Bound::Excluded(id.as_str()),
        Place::Start | Place::Offset(_) => Bound::Unbounded,
    };
    let rest = org.accounts_by_id.range::<str, _>((after, Bound::Unbounded));
    let mut managed = rest.filter_map(|(_, slot)| org.accounts.get(*slot)).filter(|account| account.managed);
    let page: Vec<&Account> = managed.by_ref().take(context.faults.switches.v1_page_size).collect();
    for account in &page {
        context.touch(&account.id)?;
    }
    let more = managed.next().is_some();
    let next = page.last().filter(|_| more).map(|last| Place::After { key: String::new(), id: last.id.to_string() });
    let data: Vec<Value> = page.into_iter().map(|account| row(context, account)).collect();
    let total = org.accounts.iter().filter(|(_, account)| account.managed).count();
    Ok(json!({"data": data, "meta": {"total": total}, "links": links::links(context, &cursor, next)}).to_string())
}

fn row(context: &Context<'_>, account: &Account) -> Value {
    let catalog = &context.org.catalog;
    let access = Access::of(account, &context.org.groups);
    let billable = account.can_take_seats() && access.iter().any(|at| at.roles().meets(RoleSet::SEATS));
    let products: Vec<Value> = access
        .iter()
        .map(|at| {
            let resource = &catalog.resources[usize::from(at.resource)];
            let mut product = json!({
                "key": v1_key(resource.owner),
                "name": resource.product_name,
                "url": format!("https://{}.atlassian.net", catalog.sites[resource.site].name),
            });
            if let Some(at_ns) = account.active_at(at.resource) {
                product["last_active"] = instant(at_ns / 1_000_000);
            }
            product
        })
        .collect();
    let mut row = json!({
        "account_id": &*account.id,
        "account_type": "atlassian",
        "account_status": account.status.word(),
        "name": &*account.name,
        "picture": "https://avatar-management.example.net/default/128",
        "access_billable": billable,
        "product_access": products,
        "links": {"self": links::url(context, &format!("/users/{}/manage/profile", account.id))},
    });
    if let Some(email) = &account.email {
        row["email"] = json!(&**email);
    }
    let latest = access.iter().filter_map(|at| account.active_at(at.resource)).max();
    if let Some(at_ns) = latest {
        row["last_active"] = instant(at_ns / 1_000_000);
    }
    row
}

/// The key of a product in v1, which differs from the owner of its resources for one of them (section 10 of the reference).
pub(super) fn v1_key(owner: &str) -> &str {
    if owner == "jira-servicedesk" { "jira-service-desk" } else { owner }
}

fn instant(ms: i64) -> Value {
    let mut text = String::new();
    push_ms(&mut text, ms);
    Value::String(text)
}
