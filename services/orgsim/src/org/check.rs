//! The invariants of the organisation, spelled out for tests.

use std::sync::Arc;

use super::{Org, email_key};
use crate::account::Membership;

impl Org {
    /// Panics at the first invariant that doesn't hold.
    pub(crate) fn check(&self) {
        let accounts = self.accounts.iter().count();
        let groups = self.groups.iter().count();
        assert_eq!((self.accounts_by_id.len(), self.accounts_in_order.len()), (accounts, accounts));
        assert_eq!((self.groups_by_id.len(), self.groups_in_order.len()), (groups, groups));
        assert_eq!(self.emails.len(), self.accounts.iter().filter(|(_, account)| account.email.is_some()).count());
        for (slot, account) in self.accounts.iter() {
            assert_eq!(self.accounts_by_id.get(&account.id), Some(&slot));
            assert_eq!(account.sort_key, account.computed_sort_key());
            assert_eq!(self.accounts_in_order.get(&account.sort_key), Some(&slot));
            assert!(email_key(account).is_none_or(|email| self.emails.contains(&(email, slot))));
            assert_eq!(account.directories == 0, account.membership == Membership::None, "{}", account.id);
            assert_eq!(account.suspended_in & !account.directories, 0, "{}", account.id);
            let suspended = account.directories != 0 && account.suspended_in == account.directories;
            assert_eq!(suspended, account.membership == Membership::Suspended, "{}", account.id);
            assert!(account.groups.is_sorted() && account.activity.is_sorted_by_key(|activity| activity.resource));
            for group in &account.groups {
                let group = self.groups.get(*group).unwrap();
                assert!(group.members.binary_search(&slot).is_ok());
                assert_ne!(account.directories & (1 << group.directory), 0);
            }
        }
        for (slot, group) in self.groups.iter() {
            assert_eq!(self.groups_by_id.get(&group.id), Some(&slot));
            assert_eq!(self.groups_in_order.get(&group.sort_key), Some(&slot));
            assert_eq!(self.granting.contains(&slot), !group.grants.is_empty());
            assert!(group.members.is_sorted());
            for member in &group.members {
                assert!(self.accounts.get(*member).unwrap().groups.binary_search(&slot).is_ok());
            }
            let mut fresh = group.clone();
            fresh.refresh();
            assert_eq!((fresh.fragment, Arc::clone(&fresh.sort_key)), (group.fragment.clone(), Arc::clone(&group.sort_key)));
        }
    }
}
