//! What the account lifecycle API tells about an account, and which accounts it is for.

use serde_json::{Map, Value, json};

use super::Context;
use super::refusal::Refusal;
use crate::account::{Account, Source};
use crate::org::Org;

/// Every privilege that can be asked about.
const PRIVILEGES: [&str; 8] = [
    "profile",
    "profile.write",
    "profile.read",
    "email.set",
    "lifecycle.enablement",
    "lifecycle.delete",
    "apiToken.read",
    "apiToken.delete",
];

/// `GET /users/{accountId}/manage`: all privileges, or those that are asked about. An unknown one is left out.
pub(super) fn permissions(context: &Context<'_>) -> Result<String, Refusal> {
    let account = find(context)?;
    let asked: Vec<&str> =
        context.request.query.iter().filter(|(name, _)| name == "privileges").flat_map(|(_, value)| value.split(',')).collect();
    let told = PRIVILEGES.into_iter().filter(|privilege| asked.is_empty() || asked.contains(privilege));
    let rules: Map<String, Value> = told.map(|privilege| (privilege.to_owned(), rule(account, privilege))).collect();
    Ok(Value::Object(rules).to_string())
}

/// `GET /users/{accountId}/manage/profile`
pub(super) fn profile(context: &Context<'_>) -> Result<String, Refusal> {
    let account = find(context)?;
    let nickname = account.nickname.as_deref().filter(|nickname| !nickname.is_empty()).unwrap_or(&account.name);
    let fields = [
        ("department", &account.profile.department),
        ("job_title", &account.profile.job_title),
        ("location", &account.profile.location),
        ("organization", &account.profile.organization),
    ];
    let extended: Map<String, Value> =
        fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_deref()?)))).collect();
    let mut told = json!({
        "account_id": &*account.id,
        "account_status": account.status.word(),
        "account_type": "atlassian",
        "characteristics": {"not_mentionable": false},
        "name": &*account.name,
        "email": account.email.as_deref().unwrap_or_default(),
        "picture": "https://avatar-management.example.net/default/128",
        "nickname": nickname,
        "locale": "en-GB",
        "extended_profile": extended,
    });
    if let Some(zone) = &account.profile.time_zone {
        told["zoneinfo"] = json!(&**zone);
    }
    Ok(json!({"account": told}).to_string())
}

fn find<'a>(context: &Context<'a>) -> Result<&'a Account, Refusal> {
    let id = &context.request.id;
    context.touch(id)?;
    let org: &'a Org = context.org;
    let slot = slot(org, id)?;
    org.accounts.get(slot).ok_or_else(|| Refusal::lifecycle(404, json!({"key": "accountNotFound"})))
}

/// The managed account with this id. Others are none of the organisation's business.
pub(super) fn slot(org: &Org, id: &str) -> Result<u32, Refusal> {
    let found = org.account_slot(id).and_then(|slot| Some((slot, org.accounts.get(slot)?)));
    let Some((slot, account)) = found else { return Err(Refusal::lifecycle(404, json!({"key": "accountNotFound"}))) };
    match (account.managed, account.email_verified) {
        (true, true) => Ok(slot),
        (true, false) => Err(Refusal::lifecycle(403, json!({"key": "forbidden.targetUnverified"}))),
        (false, _) => Err(Refusal::lifecycle(403, json!({"key": "forbidden"}))),
    }
}

/// What may be done with an account: an identity provider keeps the last word about those that it made.
pub(super) fn rule(account: &Account, privilege: &str) -> Value {
    let forbidden = json!({"allowed": false, "reason": {"key": "externalDirectory.scim"}});
    let synced = account.source == Some(Source::Synced);
    let allowed = json!({"allowed": true});
    match privilege {
        "profile" => json!({"name": if synced { &forbidden } else { &allowed }, "nickname": allowed}),
        "profile.write" => json!({"name": if synced { forbidden } else { allowed }}),
        "email.set" | "lifecycle.enablement" if synced => forbidden,
        _ => allowed,
    }
}
