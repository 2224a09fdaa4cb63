//! Reads that stay behind writes, as with a service whose search index follows later.
//!
//! While nothing is hidden there is one organisation and no cost. While something is, reads see a copy that shares its unchanged rows with the
//! truth. A row is brought up to the truth when its time has come, so two hidden changes of the same row become visible with the first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::journal::Change;
use crate::org::Org;

/// How long what a write changed stays hidden from reads, in milliseconds for each kind of write. The truth shows it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lag {
    /// Groups that were created or deleted.
    pub group_ms: u64,
    /// Members that were added or removed.
    pub membership_ms: u64,
    /// Roles of groups and users on resources.
    pub role_ms: u64,
    /// Roles on the organisation.
    pub org_role_ms: u64,
    /// Suspended and restored accounts.
    pub suspend_ms: u64,
    /// Accounts that were removed from a directory.
    pub removal_ms: u64,
    /// Invited accounts.
    pub invite_ms: u64,
    /// Disabled, enabled and deleted accounts.
    pub lifecycle_ms: u64,
    /// When an account last used a product, whoever says so.
    pub activity_ms: u64,
    /// Audit events, of any change.
    pub event_ms: u64,
}

impl Lag {
    /// What was measured or is documented of the real service (section 7 of the reference).
    #[must_use]
    pub fn measured() -> Self {
        Self {
            group_ms: 2_000,
            membership_ms: 1_000,
            role_ms: 35_000,
            org_role_ms: 30_000,
            suspend_ms: 2_000,
            removal_ms: 10_000,
            invite_ms: 2_000,
            lifecycle_ms: 2_000,
            activity_ms: 24 * 3_600_000,
            event_ms: 1_000,
        }
    }
}

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
    }

    /// What reads see; `None` is the truth.
    pub(crate) fn at(&mut self, truth: &Org, now: Instant) -> Option<&Org> {
        self.catch_up(truth, now);
        self.copy.as_ref()
    }

    /// Shows what is due, and gives the copy up once nothing is hidden.
    pub(crate) fn catch_up(&mut self, truth: &Org, now: Instant) {
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

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::config::SimulatorConfig;
    use crate::generate::{draw_group, organisation, stream};

    /// Whatever is hidden for how long, what reads see is a whole organisation, and in the end it is the truth.
    #[test]
    fn what_reads_see_is_whole_and_catches_up() {
        let config = SimulatorConfig { users: 60, groups: 25, directories: 2, ..SimulatorConfig::default() };
        let (mut truth, mut shown, mut rng) = (organisation(&config), Shown::default(), stream(5, 77));
        let start = Instant::now();
        let mut seen_behind = 0;
        for step in 0..1_500_u32 {
            let now = start + Duration::from_millis(step.into());
            let lag = Duration::from_millis(rng.random_range(0..40));
            if !lag.is_zero() {
                shown.freeze(&truth);
            }
            let (account, group) = (rng.random_range(0..60), rng.random_range(0..truth.groups.slots()));
            match rng.random_range(0..8) {
                0..3 => {
                    truth.join(account, group);
                }
                3..5 => {
                    truth.leave(account, group);
                }
                5 => {
                    let row = draw_group(&mut rng, &config, &truth.catalog, 1_000 + step as usize);
                    truth.insert_group(row);
                }
                6 if rng.random_bool(0.3) => truth.remove_group(group),
                _ => truth.change_account(account, |account| {
                    account.nickname = Some(format!("step {step}").into());
                    if account.directories != 0 {
                        account.directories = 1 + step % 3;
                        account.set_suspended((account.directories.trailing_zeros()) as u8, step % 2 == 0);
                    }
                }),
            }
            let changes = std::mem::take(&mut truth.journal);
            truth.check();
            shown.after_change(&truth, changes, lag, now);
            if let Some(copy) = shown.at(&truth, now) {
                seen_behind += 1;
                copy.check();
            }
        }
        assert!(seen_behind > 1_000);
        while let Some(((due, _), _)) = shown.hidden.first_key_value() {
            let due = *due;
            let last = shown.hidden.len() == 1;
            if last {
                // The copy is given up with the last hidden change, so that one is shown by hand.
                for change in shown.hidden.pop_first().unwrap().1 {
                    show(shown.copy.as_mut().unwrap(), &truth, &change);
                }
            } else {
                shown.catch_up(&truth, due);
            }
        }
        let digest = |org: &Org| serde_json::to_string(&crate::truth::Snapshot::of(org).digest()).unwrap();
        assert_eq!(digest(shown.copy.as_ref().unwrap()), digest(&truth));
    }
}
