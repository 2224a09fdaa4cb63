//! The organisation as it is at one instant, for a mirror to be compared with.

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

use crate::access::Access;
use crate::account::Account;
use crate::catalog::Catalog;
use crate::group::Group;
use crate::json::{push_text, push_uuid};
use crate::org::Org;
use crate::render::{GroupExpand, UserExpand, push_account, push_default_role, push_group, push_roles};
use crate::slab::Slab;

/// An unchanging copy of the organisation, which shares its rows with the living one.
#[derive(Debug)]
pub(crate) struct Snapshot {
    catalog: Arc<Catalog>,
    groups: Slab<Group>,
    accounts_by_id: Vec<Arc<Account>>,
    groups_by_id: Vec<u32>,
}

/// One of the dumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dump {
    Accounts,
    Groups,
    Grants,
    /// Roles of accounts on resources. In no digest: whoever mirrors the API sees a role by a group and directly as one.
    Roles,
}

/// Counts, and digests of the dumps: xxh3-128 over their bytes in hexadecimal.
#[derive(Debug, Serialize)]
pub(crate) struct Digest {
    accounts: usize,
    groups: usize,
    memberships: usize,
    product_accesses: usize,
    granting_groups: usize,
    grants: usize,
    accounts_digest: String,
    groups_digest: String,
    grants_digest: String,
    /// Over the three dumps, one after the other.
    digest: String,
}

impl Snapshot {
    pub(crate) fn of(org: &Org) -> Self {
        Self {
            catalog: Arc::clone(&org.catalog),
            groups: org.groups.clone(),
            accounts_by_id: org.accounts_by_id.values().filter_map(|slot| org.accounts.shared(*slot)).collect(),
            groups_by_id: org.groups_by_id.values().copied().collect(),
        }
    }

    /// Hands out a dump line by line, each with its line feed, until `sink` has had enough.
    pub(crate) fn write(&self, dump: Dump, mut sink: impl FnMut(&str) -> bool) {
        let mut line = String::new();
        match dump {
            Dump::Accounts => {
                for account in &self.accounts_by_id {
                    line.clear();
                    push_account(&mut line, account, &self.groups, &self.catalog, UserExpand::TRUTH);
                    line.push('\n');
                    if !sink(&line) {
                        return;
                    }
                }
            }
            Dump::Roles => {
                for account in &self.accounts_by_id {
                    line.clear();
                    push_held(&mut line, account, &self.groups, &self.catalog);
                    if !sink(&line) {
                        return;
                    }
                }
            }
            Dump::Groups | Dump::Grants => {
                for group in self.groups_in_id_order() {
                    line.clear();
                    if dump == Dump::Groups {
                        push_group(&mut line, group, &self.catalog, GroupExpand { users: true, resources: true });
                        line.push('\n');
                    } else {
                        push_grants(&mut line, group, &self.catalog);
                    }
                    if !sink(&line) {
                        return;
                    }
                }
            }
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        let mut all = Xxh3::new();
        let mut digest_of = |dump| {
            let mut own = Xxh3::new();
            self.write(dump, |line| {
                own.update(line.as_bytes());
                all.update(line.as_bytes());
                true
            });
            hex(&own)
        };
        let (accounts_digest, groups_digest, grants_digest) =
            (digest_of(Dump::Accounts), digest_of(Dump::Groups), digest_of(Dump::Grants));
        Digest {
            accounts: self.accounts_by_id.len(),
            groups: self.groups_by_id.len(),
            memberships: self.groups_in_id_order().map(|group| group.members.len()).sum(),
            product_accesses: self.accounts_by_id.iter().map(|account| Access::of(account, &self.groups).iter().count()).sum(),
            granting_groups: self.groups_in_id_order().filter(|group| !group.grants.is_empty()).count(),
            grants: self.groups_in_id_order().map(|group| group.grants.len()).sum(),
            accounts_digest,
            groups_digest,
            grants_digest,
            digest: hex(&all),
        }
    }

    fn groups_in_id_order(&self) -> impl Iterator<Item = &Group> {
        self.groups_by_id.iter().filter_map(|slot| self.groups.get(*slot))
    }
}

/// The line of one account.
pub(crate) fn account_line(org: &Org, account: &Account) -> String {
    let mut line = String::new();
    push_account(&mut line, account, &org.groups, &org.catalog, UserExpand::TRUTH);
    line
}

/// The line of one group.
pub(crate) fn group_line(org: &Org, group: &Group) -> String {
    let mut line = String::new();
    push_group(&mut line, group, &org.catalog, GroupExpand { users: true, resources: true });
    line
}

/// The lines of what one group grants, sorted by resource.
fn push_grants(out: &mut String, group: &Group, catalog: &Catalog) {
    let mut grants: Vec<_> = group.grants.iter().map(|grant| (&catalog.resources[usize::from(grant.resource)], grant)).collect();
    grants.sort_by_key(|(resource, _)| &resource.id);
    for (resource, grant) in grants {
        push_group_id(out, group.id);
        out.push_str(",\"resourceId\":");
        push_text(out, &resource.id);
        out.push_str(",\"resourceOwner\":");
        push_text(out, resource.owner);
        out.push_str(",\"roles\":");
        push_roles(out, grant.roles);
        push_default_role(out, grant.default_role);
        out.push_str("}\n");
    }
}

/// The lines of the roles that one account holds, a resource each, in the order of the catalogue.
fn push_held(out: &mut String, account: &Account, groups: &Slab<Group>, catalog: &Catalog) {
    for held in Access::of(account, groups).iter() {
        out.push_str("{\"accountId\":");
        push_text(out, &account.id);
        out.push_str(",\"resourceId\":");
        push_text(out, &catalog.resources[usize::from(held.resource)].id);
        out.push_str(",\"direct\":");
        push_roles(out, held.direct);
        out.push_str(",\"byGroup\":");
        push_roles(out, held.by_group);
        out.push_str("}\n");
    }
}

fn push_group_id(out: &mut String, id: Uuid) {
    out.push_str("{\"groupId\":\"");
    push_uuid(out, id);
    out.push('"');
}

fn hex(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}
