//! Which groups a call asks for.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Context;
use super::filter::{RoleFilter, directories, text, texts};
use super::input::{Rule, Rules};
use super::paging::Rows;
use super::refusal::Refusal;
use crate::group::{Group, parse_group_id};
use crate::org::Org;

/// The parts of the filter.
pub(super) const RULES: Rules = &[
    ("accountIds", Rule::Texts(10)),
    ("directoryIds", Rule::Texts(10)),
    ("roleIds", Rule::Words(10, super::filter::ROLE_WORDS)),
    ("resourceOwners", Rule::Texts(10)),
    ("resourceIds", Rule::Texts(20)),
    ("groupIds", Rule::Texts(10)),
    ("searchTerm", Rule::Text),
    ("groupNames", Rule::Texts(100)),
];

/// The parts that a query may have: all but the last, names.
pub(super) const LIST_RULES: Rules = RULES.split_at(RULES.len() - 1).0;

/// The filter, with every name resolved.
#[derive(Debug)]
pub(super) struct GroupFilter {
    directories: Option<u32>,
    groups: Option<BTreeSet<u32>>,
    with_names: Option<BTreeSet<u32>>,
    of_accounts: Option<BTreeSet<u32>>,
    search_term: Option<String>,
    roles: RoleFilter,
}

impl GroupFilter {
    pub(super) fn new(context: &Context<'_>, filter: &Map<String, Value>) -> Result<Self, Refusal> {
        let org = context.org;
        let account_ids = texts(filter, "accountIds");
        let group_ids = texts(filter, "groupIds").map(|ids| ids.into_iter().filter_map(parse_group_id).collect::<Vec<_>>());
        for id in account_ids.iter().flatten() {
            context.touch(id)?;
        }
        for id in group_ids.iter().flatten() {
            context.touch(&id.to_string())?;
        }
        let groups_of =
            |id: &str| org.account_slot(id).and_then(|slot| org.accounts.get(slot)).map(|account| account.groups.as_slice());
        Ok(Self {
            directories: directories(context, filter)?,
            groups: group_ids.map(|ids| ids.into_iter().filter_map(|id| org.group_slot(id)).collect()),
            with_names: texts(filter, "groupNames")
                .map(|names| names.into_iter().flat_map(|name| org.slots_by_group_name(name)).collect()),
            of_accounts: account_ids.map(|ids| ids.into_iter().filter_map(groups_of).flatten().copied().collect()),
            search_term: text(filter, "searchTerm").map(str::to_lowercase),
            roles: RoleFilter::new(filter, &org.catalog),
        })
    }

    /// The rows that the indexes leave to look at.
    pub(super) fn rows(&self, org: &Org) -> Rows {
        let listed = self.groups.as_ref().or(self.with_names.as_ref()).or(self.of_accounts.as_ref());
        match listed {
            Some(slots) => Rows::Few(slots.iter().copied().collect()),
            None if !self.roles.is_empty() => Rows::Few(org.granting.iter().copied().collect()),
            None => Rows::Everything,
        }
    }

    pub(super) fn passes(&self, slot: u32, group: &Group) -> bool {
        self.directories.is_none_or(|mask| mask & (1 << group.directory) != 0)
            && self.groups.as_ref().is_none_or(|slots| slots.contains(&slot))
            && self.with_names.as_ref().is_none_or(|slots| slots.contains(&slot))
            && self.of_accounts.as_ref().is_none_or(|slots| slots.contains(&slot))
            && self.search_term.as_ref().is_none_or(|term| group.name.to_lowercase().contains(term))
            && (self.roles.is_empty() || group.grants.iter().any(|grant| self.roles.accepts(grant.resource, grant.roles)))
    }
}
