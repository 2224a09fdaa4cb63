//! The organisation: accounts, groups, and the indexes that every read goes through.
//!
//! Invariants, which `check` spells out for the tests
//! - A group lists a member exactly if that account lists the group.
//! - A member is in the directory of its group; an account without a directory is in no group and has no membership.
//! - The orders hold every account and every group once, under its present sort key.
//!
//! Every change goes through a method here, so that no index can be forgotten.

#[cfg(test)]
mod check;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use uuid::Uuid;

use crate::account::{Account, Membership};
use crate::catalog::Catalog;
use crate::group::{Grant, Group};
use crate::journal::{Aspect, Before, Change};
use crate::slab::Slab;

/// The whole organisation.
#[derive(Debug, Clone)]
pub(crate) struct Org {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) accounts: Slab<Account>,
    pub(crate) groups: Slab<Group>,
    pub(crate) accounts_by_id: BTreeMap<Arc<str>, u32>,
    pub(crate) groups_by_id: BTreeMap<Uuid, u32>,
    pub(crate) accounts_in_order: BTreeMap<Arc<str>, u32>,
    pub(crate) groups_in_order: BTreeMap<Arc<str>, u32>,
    /// Groups that grant anything.
    pub(crate) granting: BTreeSet<u32>,
    /// Seats of each resource, in the order of the catalogue; `None` is no limit.
    pub(crate) capacity: Vec<Option<usize>>,
    /// What changed since somebody took it.
    pub(crate) journal: Vec<Change>,
    /// How many ids were drawn for what the API created.
    pub(crate) created: u64,
    emails: BTreeSet<(Box<str>, u32)>,
}

impl Org {
    /// An organisation of these rows, whose memberships already agree on both sides.
    pub(crate) fn assemble(catalog: Arc<Catalog>, accounts: Vec<Account>, groups: Vec<Group>) -> Self {
        let mut org = Self {
            catalog,
            accounts_by_id: (0..).zip(&accounts).map(|(slot, account)| (Arc::clone(&account.id), slot)).collect(),
            groups_by_id: (0..).zip(&groups).map(|(slot, group)| (group.id, slot)).collect(),
            accounts_in_order: (0..).zip(&accounts).map(|(slot, account)| (Arc::clone(&account.sort_key), slot)).collect(),
            groups_in_order: (0..).zip(&groups).map(|(slot, group)| (Arc::clone(&group.sort_key), slot)).collect(),
            granting: (0..).zip(&groups).filter(|(_, group)| !group.grants.is_empty()).map(|(slot, _)| slot).collect(),
            emails: (0..).zip(&accounts).filter_map(|(slot, account)| Some((email_key(account)?, slot))).collect(),
            accounts: Slab::from_rows(accounts),
            groups: Slab::from_rows(groups),
            capacity: Vec::new(),
            journal: Vec::new(),
            created: 0,
        };
        org.capacity = crate::licences::first_capacity(&org.catalog, &org.seats());
        org
    }

    pub(crate) fn account_slot(&self, id: &str) -> Option<u32> {
        self.accounts_by_id.get(id).copied()
    }

    pub(crate) fn group_slot(&self, id: Uuid) -> Option<u32> {
        self.groups_by_id.get(&id).copied()
    }

    /// The accounts with this address, whatever its case.
    pub(crate) fn slots_by_email(&self, email: &str) -> impl Iterator<Item = u32> {
        let email: Box<str> = email.to_lowercase().into();
        self.emails.range((email.clone(), 0)..=(email, u32::MAX)).map(|(_, slot)| *slot)
    }

    /// The groups with this name, whatever its case.
    pub(crate) fn slots_by_group_name(&self, name: &str) -> impl Iterator<Item = u32> {
        let prefix = crate::account::sort_key(name, "");
        let from = (Bound::Included(&*prefix), Bound::Unbounded);
        let range = self.groups_in_order.range::<str, _>(from);
        range.take_while(move |(key, _)| key.starts_with(&*prefix)).map(|(_, slot)| *slot)
    }

    /// Adds an account that is in no group yet.
    pub(crate) fn insert_account(&mut self, mut account: Account) -> u32 {
        account.settle();
        let (id, key, email) = (Arc::clone(&account.id), Arc::clone(&account.sort_key), email_key(&account));
        self.journal.push(Change::AccountAdded(Arc::clone(&id)));
        let slot = self.accounts.insert(account);
        self.accounts_by_id.insert(id, slot);
        self.accounts_in_order.insert(key, slot);
        self.emails.extend(email.map(|email| (email, slot)));
        slot
    }

    /// Changes an account; its id and groups must stay. Leaves every group if it is in no directory any more.
    pub(crate) fn change_account(&mut self, slot: u32, change: impl FnOnce(&mut Account)) {
        let Some(account) = self.accounts.get_mut(slot) else { return };
        let (old_key, old_email) = (Arc::clone(&account.sort_key), email_key(account));
        let before = Before::of(account);
        change(account);
        account.settle();
        let aspects = before.aspects(account).into_iter();
        self.journal.extend(aspects.map(|aspect| Change::Account(Arc::clone(&account.id), aspect)));
        account.sort_key = account.computed_sort_key();
        let (key, email, directories) = (Arc::clone(&account.sort_key), email_key(account), account.directories);
        let groups = account.groups.clone();
        if key != old_key {
            self.accounts_in_order.remove(&old_key);
            self.accounts_in_order.insert(key, slot);
        }
        if email != old_email {
            self.emails.extend(email.map(|email| (email, slot)));
            if let Some(old_email) = old_email {
                self.emails.remove(&(old_email, slot));
            }
        }
        for group in groups {
            let stays = self.groups.get(group).is_some_and(|at| directories & (1 << at.directory) != 0);
            if !stays {
                self.leave(slot, group);
            }
        }
    }

    pub(crate) fn remove_account(&mut self, slot: u32) {
        let Some(account) = self.accounts.remove(slot) else { return };
        self.journal.push(Change::AccountRemoved(Arc::clone(&account.id)));
        self.accounts_by_id.remove(&account.id);
        self.accounts_in_order.remove(&account.sort_key);
        if let Some(email) = email_key(&account) {
            self.emails.remove(&(email, slot));
        }
        for group in &account.groups {
            if let Some(group) = self.groups.get_mut(*group) {
                take(&mut group.members, slot);
            }
        }
    }

    /// Adds a group without members.
    pub(crate) fn insert_group(&mut self, group: Group) -> u32 {
        let (id, key, grants) = (group.id, Arc::clone(&group.sort_key), !group.grants.is_empty());
        self.journal.push(Change::GroupAdded(id));
        let slot = self.groups.insert(group);
        self.groups_by_id.insert(id, slot);
        self.groups_in_order.insert(key, slot);
        if grants {
            self.granting.insert(slot);
        }
        slot
    }

    /// Changes a group; its id, directory and members must stay.
    pub(crate) fn change_group(&mut self, slot: u32, change: impl FnOnce(&mut Group)) {
        let Some(group) = self.groups.get_mut(slot) else { return };
        let old_key = Arc::clone(&group.sort_key);
        let (old_grants, old_description) = (group.grants.clone(), group.description.clone());
        change(group);
        group.grants.retain(|grant| !grant.roles.is_empty());
        group.grants.sort_by_key(|grant: &Grant| grant.resource);
        group.refresh();
        let key = Arc::clone(&group.sort_key);
        if group.grants != old_grants {
            self.journal.push(Change::GroupGrants(group.id));
        }
        if key != old_key || group.description != old_description {
            self.journal.push(Change::GroupProfile(group.id));
        }
        if group.grants.is_empty() {
            self.granting.remove(&slot);
        } else {
            self.granting.insert(slot);
        }
        if key != old_key {
            self.groups_in_order.remove(&old_key);
            self.groups_in_order.insert(key, slot);
        }
    }

    pub(crate) fn remove_group(&mut self, slot: u32) {
        let Some(group) = self.groups.remove(slot) else { return };
        self.journal.push(Change::GroupRemoved(group.id));
        self.groups_by_id.remove(&group.id);
        self.groups_in_order.remove(&group.sort_key);
        self.granting.remove(&slot);
        for member in &group.members {
            if let Some(account) = self.accounts.get_mut(*member) {
                take(&mut account.groups, slot);
            }
        }
    }

    /// Makes an account a member, and of the group's directory too if it was not in it. False if it was a member already.
    pub(crate) fn join(&mut self, account: u32, group: u32) -> bool {
        let (Some(member), Some(joined)) = (self.accounts.get_mut(account), self.groups.get_mut(group)) else { return false };
        let Err(at) = member.groups.binary_search(&group) else { return false };
        member.groups.insert(at, group);
        if member.directories & (1 << joined.directory) == 0 {
            self.journal.push(Change::Account(Arc::clone(&member.id), Aspect::AddedToDirectory));
        }
        member.directories |= 1 << joined.directory;
        if member.membership == Membership::None {
            member.membership = Membership::Active;
        }
        member.settle();
        if let Err(at) = joined.members.binary_search(&account) {
            joined.members.insert(at, account);
        }
        self.journal.push(Change::Joined(Arc::clone(&member.id), joined.id));
        true
    }

    /// Ends a membership. False if there was none.
    pub(crate) fn leave(&mut self, account: u32, group: u32) -> bool {
        let (Some(member), Some(left)) = (self.accounts.get_mut(account), self.groups.get_mut(group)) else { return false };
        let was_member = take(&mut left.members, account) && take(&mut member.groups, group);
        if was_member {
            self.journal.push(Change::Left(Arc::clone(&member.id), left.id));
        }
        was_member
    }
}

fn email_key(account: &Account) -> Option<Box<str>> {
    account.email.as_deref().map(|email| email.to_lowercase().into())
}

fn take(sorted: &mut Vec<u32>, slot: u32) -> bool {
    let Ok(at) = sorted.binary_search(&slot) else { return false };
    sorted.remove(at);
    true
}
