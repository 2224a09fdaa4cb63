//! Inviting people, all of whom or some of whom get what they were to get.

use serde_json::{Map, Value, json};

use super::{Writing, licence_limit, memberships, resource, role_on};
use crate::account::{Account, Membership, Source};
use crate::api::refusal::Refusal;
use crate::api::response::Reply;
use crate::generate::MANAGED_DOMAINS;
use crate::group::parse_group_id;
use crate::role::{Role, RoleSet};

/// The most addresses of one call.
const MOST: usize = 25;

/// A call that can be done, its words resolved.
struct Invitation {
    emails: Vec<String>,
    roles: Vec<(u16, Role)>,
    groups: Vec<String>,
}

/// `POST .../users/invite`: 200 if all was done, 206 if some of it failed, 409 if nobody could get any of the seats asked for.
pub(super) fn invite(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    if !writing.faults.switches.paid {
        return Err(Refusal::management(402, "ADMIN-UAM-402-1", "The organisation has no paid subscription."));
    }
    let invitation = parse(writing, &writing.body()?)?;
    let org = &*writing.org;
    let full = |(resource, role): &(u16, Role)| RoleSet::SEATS.contains(*role) && !org.has_seats(*resource, 1);
    if invitation.groups.is_empty() && !invitation.roles.is_empty() && invitation.roles.iter().all(full) {
        return Err(licence_limit());
    }
    let mut all_done = true;
    let mut data = Vec::with_capacity(invitation.emails.len());
    for email in &invitation.emails {
        let slot = account(writing, email);
        let roles: Vec<Value> =
            invitation.roles.iter().map(|(resource, role)| give_role(writing, slot, *resource, *role, &mut all_done)).collect();
        let groups: Vec<Value> = invitation.groups.iter().map(|group| join(writing, slot, group, &mut all_done)).collect();
        let id = writing.org.accounts.get(slot).map(|account| account.id.to_string());
        data.push(json!({
            "id": id,
            "email": email,
            "results": [{"roleAssignmentResult": roles, "groupAssignmentResult": groups}],
        }));
    }
    let status = if all_done { 200 } else { 206 };
    Ok(Reply { status, body: json!({"data": data}).to_string() })
}

fn parse(writing: &Writing<'_>, body: &Map<String, Value>) -> Result<Invitation, Refusal> {
    let bad = |detail: &str| Refusal::management(400, "ADMIN-UAM-400-1", detail);
    let texts = |name: &str| -> Result<Vec<String>, Refusal> {
        let Some(value) = body.get(name).filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
        serde_json::from_value(value.clone()).map_err(|_| bad(&format!("{name} must be a list of texts.")))
    };
    let emails = texts("emails")?;
    if !(1..=MOST).contains(&emails.len()) {
        return Err(bad(&format!("emails must hold 1 to {MOST} addresses.")));
    }
    if let Some(wrong) = emails.iter().find(|email| !is_address(email)) {
        return Err(bad(&format!("{wrong} is no address.")));
    }
    if body.get("sendNotification").is_some_and(|flag| !flag.is_boolean() && !flag.is_null()) {
        return Err(bad("sendNotification must be true or false."));
    }
    if body.get("notificationText").is_some_and(|text| !text.is_string() && !text.is_null()) {
        return Err(bad("notificationText must be a text."));
    }
    let rules = match body.get("permissionRules") {
        None | Some(Value::Null) => &Vec::new(),
        Some(rules) => rules.as_array().ok_or_else(|| bad("permissionRules must be a list."))?,
    };
    let mut roles = Vec::with_capacity(rules.len());
    for rule in rules {
        let text = |name: &str| rule.get(name).and_then(Value::as_str).ok_or_else(|| bad("A rule has a resource and a role."));
        let resource = resource(writing.org, text("resource")?)?;
        roles.push((resource, role_on(writing.org, resource, text("role")?)?));
    }
    Ok(Invitation { emails, roles, groups: texts("additionalGroups")? })
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(local, domain)| !local.is_empty() && domain.contains('.'));
    parts.is_some_and(|(_, domain)| !domain.contains('@')) && !text.contains(char::is_whitespace) && text.len() <= 254
}

/// The account with this address, made if there is none, and in a directory if it was in none.
fn account(writing: &mut Writing<'_>, email: &str) -> u32 {
    let known = writing.org.slots_by_email(email).next();
    if let Some(slot) = known {
        if writing.org.accounts.get(slot).is_some_and(|account| account.membership == Membership::None) {
            writing.org.change_account(slot, |account| {
                (account.membership, account.directories, account.source) = (Membership::Active, 1, Some(Source::Invited));
            });
        }
        return slot;
    }
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let id = format!("712020:{}", writing.next_id("invited account"));
    let mut account = Account {
        email: Some(email.into()),
        email_verified: false,
        managed: MANAGED_DOMAINS.contains(&domain.to_lowercase().as_str()),
        ..Account::invited(&id, local, writing.now_ms)
    };
    account.sort_key = account.computed_sort_key();
    writing.org.insert_account(account)
}

fn give_role(writing: &mut Writing<'_>, slot: u32, resource: u16, role: Role, all_done: &mut bool) -> Value {
    let org = &*writing.org;
    let seat_missing = org
        .accounts
        .get(slot)
        .is_some_and(|account| RoleSet::SEATS.contains(role) && !org.has_seat(account, resource) && !org.has_seats(resource, 1));
    let reason = seat_missing.then_some("Product License Limit Exceeded");
    if reason.is_none() {
        writing.org.change_account(slot, |account| account.set_direct(resource, account.direct_on(resource).with(role)));
    }
    *all_done &= reason.is_none();
    let resource = &writing.org.catalog.resources[usize::from(resource)].id;
    json!({"resource": resource, "role": role.id(), "status": word(reason), "statusReason": reason})
}

fn join(writing: &mut Writing<'_>, slot: u32, group_id: &str, all_done: &mut bool) -> Value {
    let org = &*writing.org;
    let found = parse_group_id(group_id).and_then(|id| org.group_slot(id));
    let found = found.and_then(|slot| Some((slot, org.groups.get(slot)?)));
    let (group, reason) = match found {
        None => (None, Some("Group not found")),
        Some((_, group)) if group.is_synced() => (None, Some("The group belongs to the identity provider")),
        Some((_, group)) if !memberships::seats_left(org, group, slot) => (None, Some("Product License Limit Exceeded")),
        Some((group, _)) => (Some(group), None),
    };
    if let Some(group) = group {
        writing.org.join(slot, group);
    }
    *all_done &= reason.is_none();
    json!({"group": group_id, "status": word(reason), "statusReason": reason})
}

fn word(reason: Option<&str>) -> &'static str {
    if reason.is_none() { "INVITED" } else { "ERROR" }
}
