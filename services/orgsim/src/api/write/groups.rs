//! Creating and deleting groups.

use super::{Writing, required};
use crate::api::refusal::Refusal;
use crate::api::response::Reply;
use crate::group::{Group, ManagedBy};
use crate::role::Role;

/// The longest name of a group, in characters.
const NAME: usize = 255;

/// `POST .../groups`: 201 without a body and without an id.
pub(super) fn create(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let directory = writing.directory()?.unwrap_or_default();
    let body = writing.body()?;
    let name = required(&body, "name")?.trim();
    if name.is_empty() || name.chars().count() > NAME {
        return Err(Refusal::bad_input(format!("Invalid request body: name must have 1 to {NAME} characters.")));
    }
    let description = match body.get("description") {
        None | Some(serde_json::Value::Null) => None,
        Some(text) => Some(text.as_str().ok_or_else(|| Refusal::bad_input("Invalid request body: description must be a text."))?),
    };
    let org = &*writing.org;
    let taken = org.slots_by_group_name(name).filter_map(|slot| org.groups.get(slot)).any(|group| group.directory == directory);
    if taken {
        return Err(Refusal::management(409, "ADMIN-409-28", format!("A group with the name {name} exists already.")));
    }
    let group = Group::new(writing.next_id("created group"), name, description, directory, ManagedBy::Admins);
    writing.org.insert_group(group);
    Ok(Reply::empty(201))
}

/// `DELETE .../groups/{groupId}`
pub(super) fn delete(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, group) = writing.group()?;
    if group.is_synced() {
        return Err(Refusal::management(403, "ADMIN-403-5", "The group belongs to the identity provider."));
    }
    if group.grants.iter().any(|grant| grant.default_role.is_some()) {
        return Err(Refusal::management(403, "ADMIN-403-6", "The group is the default group of a product."));
    }
    if group.grants.iter().any(|grant| grant.roles.contains(Role::Admin)) {
        return Err(Refusal::management(403, "ADMIN-403-7", "The group makes its members admins of a product."));
    }
    writing.org.remove_group(slot);
    Ok(Reply::empty(204))
}
