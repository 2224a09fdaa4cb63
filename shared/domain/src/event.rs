//! What an event of the audit log makes stale. Pure.
//!
//! The set of actions is open, so what an event names counts and not its word: whoever is named is read again. Only for a group alone
//! the word matters, since reading what its members may do means reading them all.

use std::collections::BTreeSet;

use crate::ids::{AccountId, GroupId};

/// Parts of the words of actions that change what the members of a group may do.
const ABOUT_ACCESS: [&str; 5] = ["role", "access", "product", "grant", "permission"];

/// A thing that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user.
    Account(AccountId),
    /// A group.
    Group(GroupId),
}

impl Subject {
    /// Reads the API's kind and id; `None` for what no sync reads.
    pub fn parse(kind: Option<&str>, id: &str) -> Option<Self> {
        match kind?.to_ascii_lowercase().as_str() {
            "users" | "user" => {
                // Also as `ari:cloud:identity::user/<id>`; an account id has no slash.
                let id = id.rsplit_once('/').map_or(id, |(_, id)| id);
                (!id.is_empty()).then(|| Self::Account(AccountId::from(id)))
            }
            "groups" | "group" => GroupId::parse(id).map(Self::Group),
            _ => None,
        }
    }
}

/// What is to be read again, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Accounts, whole.
    pub accounts: BTreeSet<AccountId>,
    /// Groups, their own rows.
    pub groups: BTreeSet<GroupId>,
    /// Of these, groups whose grants are read too.
    pub granting: BTreeSet<GroupId>,
    /// Groups with all their members, whose access has changed.
    pub with_members: BTreeSet<GroupId>,
    /// Events that name neither a user nor a group.
    pub unknown: u64,
}

impl Touched {
    /// Adds what an event makes stale.
    pub fn add(&mut self, action: Option<&str>, subjects: impl IntoIterator<Item = Subject>) {
        let (mut accounts, mut groups) = (Vec::new(), Vec::new());
        for subject in subjects {
            match subject {
                Subject::Account(account) => accounts.push(account),
                Subject::Group(group) => groups.push(group),
            }
        }
        if accounts.is_empty() && groups.is_empty() {
            self.unknown += 1;
        } else if accounts.is_empty() {
            let action = action.unwrap_or_default().to_ascii_lowercase();
            if ABOUT_ACCESS.iter().any(|word| action.contains(word)) {
                self.with_members.extend(groups.iter().copied());
            }
            self.granting.extend(groups.iter().copied());
        }
        self.accounts.extend(accounts);
        self.groups.extend(groups);
    }

    /// Whether there is anything to read.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "6a1e0b2c-0000-4000-8000-000000000001";

    fn touched(events: &[(&str, &[(&str, &str)])]) -> Touched {
        let mut touched = Touched::default();
        for (action, subjects) in events {
            touched.add(Some(action), subjects.iter().filter_map(|(kind, id)| Subject::parse(Some(kind), id)));
        }
        touched
    }

    #[test]
    fn a_membership_is_its_account_and_the_groups_own_row() {
        let joined = touched(&[("user_added_to_group", &[("users", "712020:a"), ("groups", GROUP)])]);
        assert_eq!((joined.accounts.len(), joined.groups.len(), joined.granting.len(), joined.with_members.len()), (1, 1, 0, 0));
    }

    #[test]
    fn a_group_alone_is_read_with_its_members_if_their_access_changed() {
        let renamed = touched(&[("group_updated", &[("groups", GROUP)])]);
        assert_eq!((renamed.groups.len(), renamed.granting.len(), renamed.with_members.len()), (1, 1, 0));
        let granted = touched(&[("group_roles_changed", &[("groups", &format!("ari:cloud:identity::group/{GROUP}"))])]);
        assert_eq!((granted.groups, granted.with_members.len()), (renamed.groups, 1));
    }

    #[test]
    fn many_events_about_one_account_are_one_reading() {
        let often = touched(&[
            ("a", &[("users", "x")]),
            ("b", &[("users", "ari:cloud:identity::user/x")]),
            ("c", &[("users", "x"), ("orgs", "o")]),
        ]);
        assert_eq!((often.accounts.len(), often.unknown), (1, 0));
    }

    #[test]
    fn what_names_nobody_is_counted() {
        let nothing = touched(&[("login", &[]), ("policy_changed", &[("policies", "p")]), ("odd", &[("groups", "no uuid")])]);
        assert_eq!((nothing.is_empty(), nothing.unknown), (true, 3));
    }
}
