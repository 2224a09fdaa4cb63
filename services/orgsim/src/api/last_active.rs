//! When an account last used each product: one account a call.

use serde_json::{Map, Value, json};

use super::Context;
use super::cursor::{Cursor, Place};
use super::managed_accounts::v1_key;
use super::refusal::Refusal;
use crate::switches::LastPageNext;
use crate::timestamp::push_ms;

/// How many products a page has. The real number is unknown; this one lets accounts with many products have two pages.
const PAGE: usize = 10;

/// `GET /v1/orgs/{orgId}/directory/users/{accountId}/last-active-dates`. A product that was never used has no entry.
pub(super) fn dates(context: &Context<'_>) -> Result<String, Refusal> {
    let id = &context.request.id;
    context.touch(id)?;
    let org = context.org;
    let account = org.account_slot(id).and_then(|slot| org.accounts.get(slot)).ok_or_else(|| Refusal::no_account(id))?;
    let cursor = match context.request.query_value("cursor") {
        Some(token) => Cursor::decode(context, token)?,
        None => Cursor::new(context, None, Map::new(), Place::Start),
    };
    let from = match cursor.place {
        Place::Offset(offset) => offset.min(account.activity.len()),
        Place::Start | Place::After { .. } => 0,
    };
    let to = (from + PAGE).min(account.activity.len());
    let used: Vec<Value> = account.activity[from..to]
        .iter()
        .map(|activity| {
            let resource = &org.catalog.resources[usize::from(activity.resource)];
            let (day, instant) = day_and_instant(activity.at_ns / 1_000_000);
            json!({"id": resource.id, "key": v1_key(resource.owner), "last_active": day, "last_active_timestamp": instant})
        })
        .collect();
    let mut links = Map::new();
    let last = context.faults.switches.last_page_next;
    if to < account.activity.len() {
        let next = Cursor { place: Place::Offset(to), issued_ms: context.now_ms, ..cursor };
        links.insert("next".to_owned(), Value::String(next.encode()));
    } else if last != LastPageNext::Absent {
        links.insert("next".to_owned(), if last == LastPageNext::Null { Value::Null } else { json!("") });
    }
    let (day, instant) = day_and_instant(account.added_ms);
    let data = json!({"product_access": used, "added_to_org": day, "added_to_org_timestamp": instant});
    Ok(json!({"data": data, "links": links}).to_string())
}

/// `2026-07-06` and `2026-07-06T11:02:03Z`.
fn day_and_instant(ms: i64) -> (String, String) {
    let mut text = String::new();
    push_ms(&mut text, ms);
    (text[..10].to_owned(), format!("{}Z", &text[..19]))
}
