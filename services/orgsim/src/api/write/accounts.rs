//! The lifecycle of managed accounts.

use serde_json::{Value, json};

use super::Writing;
use crate::account::{Account, AccountStatus};
use crate::api::management::{rule, slot};
use crate::api::refusal::Refusal;
use crate::api::response::Reply;

/// `POST .../lifecycle/disable`, which needs a body with an object.
pub(super) fn disable(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let body = writing.body().map_err(|_| bad_body())?;
    let wrong_message = body.get("message").is_some_and(|message| !message.is_string() && !message.is_null());
    if wrong_message || writing.request.has_no_body() {
        return Err(bad_body());
    }
    let (slot, account) = allowed(writing, "lifecycle.enablement")?;
    if account.status != AccountStatus::Active {
        return Err(conflict(account, "account.notActive", "The account is not active."));
    }
    let now_ms = writing.now_ms;
    writing.org.change_account(slot, |account| {
        account.status = AccountStatus::Inactive;
        account.deactivated_ms = Some(now_ms);
    });
    Ok(Reply::empty(204))
}

/// `POST .../lifecycle/enable`
pub(super) fn enable(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, account) = allowed(writing, "lifecycle.enablement")?;
    if account.status != AccountStatus::Inactive {
        return Err(conflict(account, "account.notInactive", "The account is not inactive."));
    }
    writing.org.change_account(slot, |account| {
        account.status = AccountStatus::Active;
        account.deactivated_ms = None;
    });
    Ok(Reply::empty(204))
}

/// `POST .../lifecycle/delete`: 14 days of grace.
pub(super) fn delete(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, account) = allowed(writing, "lifecycle.delete")?;
    if account.for_deletion || account.status == AccountStatus::Closed {
        return Err(conflict(account, "account.alreadyDeleted", "The account is deleted or about to be."));
    }
    writing.org.change_account(slot, |account| account.for_deletion = true);
    Ok(Reply::ok(json!({"message": "The account will be deleted in 14 days."}).to_string()))
}

/// `POST .../lifecycle/cancel-delete`
pub(super) fn cancel_deletion(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, account) = allowed(writing, "lifecycle.delete")?;
    if !account.for_deletion {
        // The document has no conflict here.
        return Err(Refusal::lifecycle(404, json!({"key": "notFound"})));
    }
    writing.org.change_account(slot, |account| account.for_deletion = false);
    Ok(Reply::ok(json!({"message": "The account will not be deleted."}).to_string()))
}

/// The account of the path, if this may be done with it.
fn allowed<'a>(writing: &'a Writing<'_>, privilege: &str) -> Result<(u32, &'a Account), Refusal> {
    let found = slot(writing.org, &writing.request.id)?;
    let unknown = || Refusal::lifecycle(404, json!({"key": "accountNotFound"}));
    let account = writing.org.accounts.get(found).ok_or_else(unknown)?;
    let rule = rule(account, privilege);
    if rule["allowed"] == Value::Bool(false) {
        return Err(Refusal::lifecycle(403, json!({"key": "forbidden.action", "context": rule})));
    }
    Ok((found, account))
}

fn conflict(account: &Account, code: &str, message: &str) -> Refusal {
    let context = json!({"message": message, "accountId": &*account.id, "errorCodes": [{"code": code, "message": message}]});
    Refusal::lifecycle(409, json!({"key": "conflict.lifecycleErrors", "context": context}))
}

fn bad_body() -> Refusal {
    Refusal::lifecycle(400, json!({"key": "badRequest", "errorDetail": "The body must be an object."}))
}
