//! One change at a time.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::account::{Account, AccountStatus, Membership};
use crate::config::SimulatorConfig;
use crate::generate::{PeopleFactory, draw_activity_ns, draw_group, stream};
use crate::group::Group;
use crate::org::Org;
use crate::role::Role;
use crate::timestamp::TODAY_MS;

/// Groups larger than this are neither deleted nor touched as a whole: one mutation stays one mutation.
const SMALL_GROUP: usize = 50;
/// How often a row is drawn before a mutation gives up.
const TRIES: usize = 50;

/// One kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mutation {
    Join,
    Leave,
    RenameAccount,
    RenameGroup,
    Status,
    Profile,
    NewAccount,
    DeleteAccount,
    NewGroup,
    DeleteGroup,
    ProductAccess,
    LastActive,
}

impl Mutation {
    /// Every kind, the frequent ones more than once.
    pub(super) const MIX: [Self; 20] = [
        Self::Join,
        Self::Join,
        Self::Join,
        Self::Join,
        Self::Leave,
        Self::Leave,
        Self::Leave,
        Self::RenameAccount,
        Self::RenameAccount,
        Self::RenameGroup,
        Self::Status,
        Self::Status,
        Self::Profile,
        Self::NewAccount,
        Self::DeleteAccount,
        Self::NewGroup,
        Self::DeleteGroup,
        Self::ProductAccess,
        Self::LastActive,
        Self::LastActive,
    ];
}

/// Draws changes and makes them.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) rng: ChaCha8Rng,
    factory: PeopleFactory,
    made: u64,
}

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: stream(seed, 6), factory: PeopleFactory::new(), made: 0 }
    }

    /// An instant later than any that was drawn before.
    pub(super) fn next_instant_ns(&mut self) -> i64 {
        self.made += 1;
        let seconds = i64::try_from(self.made).unwrap_or_default();
        (TODAY_MS + seconds * 1_000) * 1_000_000 + self.rng.random_range(0..1_000_000_000)
    }

    /// Makes one change; false if there was nothing to change.
    pub(super) fn apply(&mut self, org: &mut Org, config: &SimulatorConfig, kind: Mutation) -> bool {
        match kind {
            Mutation::Join => self.join(org),
            Mutation::Leave => self.leave(org),
            Mutation::RenameAccount => self.rename_account(org),
            Mutation::RenameGroup => self.rename_group(org),
            Mutation::Status => self.change_status(org),
            Mutation::Profile => self.change_account(org, |account, rng| account.mfa_enabled = rng.random_bool(0.5)),
            Mutation::NewAccount => self.new_account(org, config),
            Mutation::DeleteAccount => self.account(org, |_| true).is_some_and(|slot| {
                org.remove_account(slot);
                true
            }),
            Mutation::NewGroup => self.new_group(org, config),
            Mutation::DeleteGroup => {
                self.group(org, |group| group.members.len() <= SMALL_GROUP && group.grants.is_empty()).is_some_and(|slot| {
                    org.remove_group(slot);
                    true
                })
            }
            Mutation::ProductAccess => self.change_product_access(org),
            Mutation::LastActive => self.be_active_once(org),
        }
    }

    fn account(&mut self, org: &Org, fits: impl Fn(&Account) -> bool) -> Option<u32> {
        let slots = org.accounts.slots();
        (0..TRIES).find_map(|_| {
            let slot = if slots == 0 { 0 } else { self.rng.random_range(0..slots) };
            org.accounts.get(slot).is_some_and(&fits).then_some(slot)
        })
    }

    fn group(&mut self, org: &Org, fits: impl Fn(&Group) -> bool) -> Option<u32> {
        let slots = org.groups.slots();
        (0..TRIES).find_map(|_| {
            let slot = if slots == 0 { 0 } else { self.rng.random_range(0..slots) };
            org.groups.get(slot).is_some_and(&fits).then_some(slot)
        })
    }

    fn join(&mut self, org: &mut Org) -> bool {
        let Some(account) = self.account(org, |account| account.directories != 0) else { return false };
        let directories = org.accounts.get(account).map_or(0, |account| account.directories);
        let Some(group) = self.group(org, |group| directories & (1 << group.directory) != 0) else { return false };
        org.join(account, group)
    }

    fn leave(&mut self, org: &mut Org) -> bool {
        let Some(account) = self.account(org, |account| !account.groups.is_empty()) else { return false };
        let Some(groups) = org.accounts.get(account).map(|account| &account.groups) else { return false };
        let group = groups[self.rng.random_range(0..groups.len())];
        org.leave(account, group)
    }

    fn rename_account(&mut self, org: &mut Org) -> bool {
        let number: u32 = self.rng.random();
        self.change_account(org, |account, rng| {
            account.name = format!("Renamed {number}").into();
            // The first letter decides where in the order the account goes.
            let letter = char::from(rng.random_range(b'a'..=b'z'));
            account.nickname = Some(format!("{letter}renamed {number}").into());
        })
    }

    fn rename_group(&mut self, org: &mut Org) -> bool {
        let Some(slot) = self.group(org, |_| true) else { return false };
        let letter = char::from(self.rng.random_range(b'a'..=b'z'));
        let number: u32 = self.rng.random();
        org.change_group(slot, |group| {
            group.name = format!("{letter}renamed-{number}").into();
            group.description = Some(format!("renamed to {number}").into());
        });
        true
    }

    /// Suspends and restores, takes out of the directories and back, deactivates and reactivates.
    fn change_status(&mut self, org: &mut Org) -> bool {
        let directories = org.catalog.directories.len();
        self.change_account(org, |account, rng| match (account.status, account.membership) {
            (AccountStatus::Active, Membership::Active) => match rng.random_range(0..10) {
                0..7 => account.membership = Membership::Suspended,
                7 => account.membership = Membership::None,
                _ => {
                    account.status = AccountStatus::Inactive;
                    account.deactivated_ms = Some(TODAY_MS + rng.random_range(0..1_000_000));
                }
            },
            (AccountStatus::Active, Membership::Suspended) => account.membership = Membership::Active,
            (AccountStatus::Active, Membership::None) => {
                account.membership = Membership::Active;
                account.directories = 1 << rng.random_range(0..directories);
            }
            (AccountStatus::Inactive | AccountStatus::Closed, _) => {
                account.status = AccountStatus::Active;
                account.deactivated_ms = None;
                account.for_deletion = false;
            }
        })
    }

    fn change_account(&mut self, org: &mut Org, change: impl FnOnce(&mut Account, &mut ChaCha8Rng)) -> bool {
        let Some(slot) = self.account(org, |_| true) else { return false };
        let rng = &mut self.rng;
        org.change_account(slot, |account| change(account, rng));
        true
    }

    fn new_account(&mut self, org: &mut Org, config: &SimulatorConfig) -> bool {
        self.made += 1;
        let number = config.users + usize::try_from(self.made).unwrap_or_default();
        let account = self.factory.draw(&mut self.rng, config, &org.catalog, number);
        if org.account_slot(&account.id).is_some() {
            return false;
        }
        let directories = account.directories;
        let slot = org.insert_account(account);
        for _ in 0..self.rng.random_range(0..6) {
            if let Some(group) = self.group(org, |group| directories & (1 << group.directory) != 0) {
                org.join(slot, group);
            }
        }
        true
    }

    fn new_group(&mut self, org: &mut Org, config: &SimulatorConfig) -> bool {
        self.made += 1;
        let number = config.groups + usize::try_from(self.made).unwrap_or_default();
        let group = draw_group(&mut self.rng, config, &org.catalog, number);
        let directory = group.directory;
        let slot = org.insert_group(group);
        for _ in 0..self.rng.random_range(0..10) {
            if let Some(account) = self.account(org, |account| account.directories & (1 << directory) != 0) {
                org.join(account, slot);
            }
        }
        true
    }

    fn change_product_access(&mut self, org: &mut Org) -> bool {
        let resources = u16::try_from(org.catalog.resources.len()).unwrap_or_default();
        let Some(slot) = self.account(org, |account| account.directories != 0) else { return false };
        let resource = self.rng.random_range(0..resources);
        let role = if self.rng.random_bool(0.8) { Role::User } else { Role::Guest };
        let at_ns = draw_activity_ns(&mut self.rng);
        org.change_account(slot, |account| {
            let had = account.direct_on(resource);
            if had.is_empty() {
                account.set_direct(resource, had.with(role));
                account.set_active_at(resource, at_ns);
            } else {
                account.set_direct(resource, crate::role::RoleSet::default());
            }
        });
        true
    }

    fn be_active_once(&mut self, org: &mut Org) -> bool {
        let Some(slot) = self.account(org, |account| !account.activity.is_empty()) else { return false };
        let at_ns = self.next_instant_ns();
        let at: u64 = self.rng.random();
        org.change_account(slot, |account| {
            let activities = account.activity.len();
            let at = usize::try_from(at).unwrap_or_default() % activities;
            account.activity[at].at_ns = at_ns;
        });
        true
    }
}
