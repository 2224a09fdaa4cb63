//! Accounts and groups as the API writes them.

use xxhash_rust::xxh3::xxh3_64;

use crate::access::Access;
use crate::account::Account;
use crate::catalog::Catalog;
use crate::group::Group;
use crate::json::{push_count, push_field, push_flag, push_hex, push_optional, push_text, push_uuid};
use crate::role::RoleSet;
use crate::slab::Slab;
use crate::timestamp::{push_ms, push_ns};

/// What an account's object contains besides the fields that are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct UserExpand {
    pub(crate) platform_roles: bool,
    pub(crate) counts: bool,
    pub(crate) product_access: bool,
    pub(crate) groups: Option<GroupForm>,
}

/// How the groups of an account are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupForm {
    /// Objects with ARI, name and description, as the API does.
    Objects,
    /// Sorted bare ids, as the truth does.
    SortedIds,
}

impl UserExpand {
    /// Everything, in the form of the truth.
    pub(crate) const TRUTH: Self =
        Self { platform_roles: true, counts: true, product_access: true, groups: Some(GroupForm::SortedIds) };
}

/// What a group's object contains besides the fields that are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GroupExpand {
    pub(crate) users: bool,
    pub(crate) resources: bool,
}

/// Appends an account.
pub(crate) fn push_account(out: &mut String, account: &Account, groups: &Slab<Group>, catalog: &Catalog, expand: UserExpand) {
    let hash = xxh3_64(account.id.as_bytes());
    out.push_str("{\"accountId\":");
    push_text(out, &account.id);
    out.push_str(",\"accountType\":\"atlassian\"");
    push_field(out, "status", Some(account.composite()));
    push_field(out, "accountStatus", Some(account.status.word()));
    push_field(out, "membershipStatus", Some(account.membership.word()));
    out.push_str(",\"addedToOrg\":\"");
    push_ms(out, account.added_ms);
    out.push('"');
    push_field(out, "name", Some(&account.name));
    push_field(out, "nickname", account.nickname.as_deref());
    if account.email.is_some() {
        push_field(out, "email", account.email.as_deref());
    }
    push_flag(out, "emailVerified", account.email_verified);
    push_field(out, "claimStatus", Some(account.claim_word()));
    push_field(out, "managementSource", account.source.map(crate::account::Source::word));
    push_flag(out, "mfaEnabled", account.mfa_enabled);
    push_images(out, hash);
    push_profile(out, account);
    if expand.platform_roles {
        push_platform_roles(out, account.platform_roles);
    }
    if expand.counts || expand.product_access {
        push_access(out, account, groups, catalog, expand);
    }
    if let Some(form) = expand.groups {
        push_groups(out, account, groups, form);
    }
    out.push_str(",\"deactivatedOn\":");
    match account.deactivated_ms {
        Some(ms) => {
            out.push('"');
            push_ms(out, ms);
            out.push('"');
        }
        None => out.push_str("null"),
    }
    push_flag(out, "forDeletion", account.for_deletion);
    push_self_link(out, hash);
    out.push('}');
}

/// Appends a group.
pub(crate) fn push_group(out: &mut String, group: &Group, catalog: &Catalog, expand: GroupExpand) {
    let synced = group.is_synced();
    out.push_str("{\"id\":\"");
    push_uuid(out, group.id);
    out.push('"');
    push_field(out, "name", Some(&group.name));
    push_field(out, "description", group.description.as_deref());
    push_field(out, "directoryId", Some(&catalog.directories[usize::from(group.directory)].id));
    push_flag(out, "externalSynced", synced);
    push_field(out, "managedBy", Some(group.managed_by.word()));
    out.push_str(if synced {
        ",\"managementAccess\":{\"deletable\":false,\"modifiable\":false,\"readable\":true}"
    } else {
        ",\"managementAccess\":{\"deletable\":true,\"modifiable\":true,\"readable\":true}"
    });
    if expand.users || expand.resources {
        out.push_str(",\"counts\":{");
        if expand.users {
            out.push_str("\"users\":");
            push_count(out, group.members.len());
        }
        if expand.resources {
            out.push_str(if expand.users { ",\"resources\":" } else { "\"resources\":" });
            push_count(out, group.grants.len());
        }
        out.push('}');
    }
    let (high, low) = group.id.as_u64_pair();
    push_self_link(out, high ^ low);
    out.push('}');
}

/// Appends `["atlassian/user",...]`.
pub(crate) fn push_roles(out: &mut String, roles: RoleSet) {
    out.push('[');
    for (at, role) in roles.iter().enumerate() {
        out.push_str(if at == 0 { "\"" } else { ",\"" });
        out.push_str(role.id());
        out.push('"');
    }
    out.push(']');
}

fn push_platform_roles(out: &mut String, roles: RoleSet) {
    out.push_str(",\"platformRoles\":");
    push_roles(out, roles);
}

fn push_self_link(out: &mut String, hash: u64) {
    out.push_str(",\"links\":{\"self\":\"");
    push_hex(out, hash);
    out.push_str("\"}");
}

fn push_images(out: &mut String, hash: u64) {
    for (key, size) in [("picture", "/128\""), ("avatar", "/48\"")] {
        out.push_str(",\"");
        out.push_str(key);
        out.push_str("\":\"https://avatar-management.example.net/initials/");
        push_hex(out, hash);
        push_hex(out, hash.rotate_left(29) ^ 0x5bd1_e995);
        out.push_str(size);
    }
}

fn push_profile(out: &mut String, account: &Account) {
    let profile = &account.profile;
    push_field(out, "jobTitle", profile.job_title.as_deref());
    push_field(out, "department", profile.department.as_deref());
    push_field(out, "organization", profile.organization.as_deref());
    push_field(out, "location", profile.location.as_deref());
    push_field(out, "timeZone", profile.time_zone.as_deref());
}

fn push_access(out: &mut String, account: &Account, groups: &Slab<Group>, catalog: &Catalog, expand: UserExpand) {
    let access = Access::of(account, groups);
    if expand.counts {
        out.push_str(",\"counts\":{\"resources\":");
        push_count(out, access.iter().count());
        out.push('}');
    }
    if !expand.product_access {
        return;
    }
    out.push_str(",\"productAccess\":[");
    let mut entries: Vec<u16> = access.iter().map(|at| at.resource).collect();
    if expand.groups == Some(GroupForm::SortedIds) {
        entries.sort_by(|left, right| catalog.resources[usize::from(*left)].id.cmp(&catalog.resources[usize::from(*right)].id));
    }
    for (at, entry) in entries.into_iter().enumerate() {
        let resource = &catalog.resources[usize::from(entry)];
        out.push_str(if at == 0 { "{\"id\":\"" } else { ",{\"id\":\"" });
        out.push_str(&resource.id);
        out.push_str("\",\"key\":\"");
        out.push_str(resource.owner);
        out.push('"');
        // Whoever never opened the product has the entry without the time.
        if let Some(ns) = account.active_at(entry) {
            out.push_str(",\"lastActiveTimestamp\":\"");
            push_ns(out, ns);
            out.push('"');
        }
        out.push('}');
    }
    out.push(']');
}

fn push_groups(out: &mut String, account: &Account, groups: &Slab<Group>, form: GroupForm) {
    out.push_str(",\"groups\":[");
    let rows = account.groups.iter().filter_map(|slot| groups.get(*slot));
    match form {
        GroupForm::Objects => {
            for (at, group) in rows.enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&group.fragment);
            }
        }
        GroupForm::SortedIds => {
            let mut ids: Vec<uuid::Uuid> = rows.map(|group| group.id).collect();
            ids.sort_unstable();
            for (at, id) in ids.into_iter().enumerate() {
                out.push_str(if at == 0 { "\"" } else { ",\"" });
                push_uuid(out, id);
                out.push('"');
            }
        }
    }
    out.push(']');
}

/// Appends `,"defaultRole":` with the role, or null.
pub(crate) fn push_default_role(out: &mut String, role: Option<crate::role::Role>) {
    out.push_str(",\"defaultRole\":");
    push_optional(out, role.map(crate::role::Role::id));
}
