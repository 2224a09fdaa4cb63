//! Reads that stay behind writes, as with a service whose search index follows later.
//!
//! While nothing is hidden there is one organisation and no cost. While something is, reads see a copy that shares its unchanged rows with the
//! truth. A row is brought up to the truth when its time has come, so two hidden changes of the same row become visible with the first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::journal::Change;
use crate::org::Org;

/// What is hidden from reads, and until when.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    copy: Option<Org>,
    hidden: BTreeMap<(Instant, u64), Vec<Change>>,
    number: u64,
}

impl Shown {
    /// Whether reads must see something else than the truth.
    pub(crate) fn is_behind(&self) -> bool {
        self.copy.is_some()
    }

    /// Keeps the present as what reads see. To be called before a change that is to be hidden.
    pub(crate) fn freeze(&mut self, truth: &Org) {
        if self.copy.is_none() {
            self.copy = Some(truth.clone());
        }
    }

    /// Hides what was just changed, or shows it at once if it is not to lag.
    pub(crate) fn after_change(&mut self, truth: &Org, changes: Vec<Change>, lag: Duration, now: Instant) {
        if !lag.is_zero() && !changes.is_empty() {
            self.number += 1;
            self.hidden.insert((now + lag, self.number), changes);
        } else if let Some(copy) = &mut self.copy {
            for change in &changes {
                show(copy, truth, change);
            }
        }
        self.catch_up(truth, now);
    }

    /// What reads see; `None` is the truth.
    pub(crate) fn at(&mut self, truth: &Org, now: Instant) -> Option<&Org> {
        self.catch_up(truth, now);
        self.copy.as_ref()
    }

    fn catch_up(&mut self, truth: &Org, now: Instant) {
        while let Some(due) = self.hidden.first_entry().filter(|first| first.key().0 <= now) {
            let changes = due.remove();
            for change in &changes {
                if let Some(copy) = &mut self.copy {
                    show(copy, truth, change);
                }
            }
        }
        if self.hidden.is_empty() {
            self.copy = None;
        }
    }
}

/// Brings the row of a change up to the truth.
fn show(copy: &mut Org, truth: &Org, change: &Change) {
    match change {
        Change::AccountAdded(id) | Change::AccountRemoved(id) | Change::Account(id, _) => show_account(copy, truth, id),
        Change::GroupAdded(id) | Change::GroupRemoved(id) | Change::GroupProfile(id) | Change::GroupGrants(id) => {
            show_group(copy, truth, *id);
        }
        Change::Joined(account, group) | Change::Left(account, group) => show_membership(copy, truth, account, *group),
    }
    copy.journal.clear();
}

fn show_account(copy: &mut Org, truth: &Org, id: &str) {
    let row = truth.account_slot(id).and_then(|slot| truth.accounts.get(slot));
    match (row, copy.account_slot(id)) {
        (None, None) => {}
        (None, Some(slot)) => copy.remove_account(slot),
        (Some(row), Some(slot)) => {
            let row = row.clone();
            copy.change_account(slot, |shown| {
                *shown = crate::account::Account { groups: std::mem::take(&mut shown.groups), ..row }
            });
        }
        (Some(row), None) => {
            copy.insert_account(crate::account::Account { groups: Vec::new(), ..row.clone() });
            let groups: Vec<_> = row.groups.iter().filter_map(|slot| truth.groups.get(*slot)).map(|group| group.id).collect();
            for group in groups {
                show_membership(copy, truth, id, group);
            }
        }
    }
}

fn show_group(copy: &mut Org, truth: &Org, id: uuid::Uuid) {
    let row = truth.group_slot(id).and_then(|slot| truth.groups.get(slot));
    match (row, copy.group_slot(id)) {
        (None, None) => {}
        (None, Some(slot)) => copy.remove_group(slot),
        (Some(row), Some(slot)) => copy.change_group(slot, |shown| {
            (shown.name, shown.description) = (row.name.clone(), row.description.clone());
            (shown.grants, shown.managed_by) = (row.grants.clone(), row.managed_by);
        }),
        (Some(row), None) => {
            copy.insert_group(crate::group::Group { members: Vec::new(), ..row.clone() });
            let members: Vec<_> =
                row.members.iter().filter_map(|slot| truth.accounts.get(*slot)).map(|account| &account.id).collect();
            for member in members {
                show_membership(copy, truth, member, id);
            }
        }
    }
}

fn show_membership(copy: &mut Org, truth: &Org, account: &str, group: uuid::Uuid) {
    let (Some(member), Some(joined)) = (copy.account_slot(account), copy.group_slot(group)) else { return };
    let is_member = truth.account_slot(account).zip(truth.group_slot(group)).is_some_and(|(account, group)| {
        truth.accounts.get(account).is_some_and(|account| account.groups.binary_search(&group).is_ok())
    });
    if is_member {
        copy.join(member, joined);
    } else {
        copy.leave(member, joined);
    }
}
