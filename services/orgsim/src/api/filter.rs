//! What the filters of users, groups and roles have in common.

use serde_json::{Map, Value};

use super::Context;
use super::refusal::Refusal;
use crate::catalog::Catalog;
use crate::role::{Role, RoleSet};
use crate::switches::SearchTerm;

/// The role ids that a filter may name.
pub(super) const ROLE_WORDS: &[&str] = &[
    "atlassian/user",
    "atlassian/admin",
    "atlassian/guest",
    "atlassian/customer",
    "atlassian/user-access-admin",
    "atlassian/contributor",
    "atlassian/basic",
    "atlassian/stakeholder",
    "atlassian/org-admin",
    "atlassian/site-admin",
    "atlassian/ai-access",
];

/// The strings of a list, if the filter has it.
pub(super) fn texts<'a>(filter: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    filter.get(name)?.as_array().map(|items| items.iter().filter_map(Value::as_str).collect())
}

/// The string, if the filter has it.
pub(super) fn text<'a>(filter: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    filter.get(name)?.as_str()
}

/// What somebody searches for in names and addresses.
#[derive(Debug)]
pub(super) struct Term {
    lower_case: String,
    kind: SearchTerm,
}

impl Term {
    pub(super) fn new(context: &Context<'_>, filter: &Map<String, Value>) -> Option<Self> {
        let lower_case = text(filter, "searchTerm")?.to_lowercase();
        Some(Self { lower_case, kind: context.faults.switches.search_term })
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        match self.kind {
            SearchTerm::Substring => text.contains(&self.lower_case),
            SearchTerm::Word => text.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == self.lower_case),
        }
    }
}

/// Which assignments of roles a filter asks for: those that meet all of its parts at once.
#[derive(Debug, Default)]
pub(super) struct RoleFilter {
    resources: Option<u32>,
    roles: Option<RoleSet>,
}

impl RoleFilter {
    pub(super) fn new(filter: &Map<String, Value>, catalog: &Catalog) -> Self {
        let by_id = texts(filter, "resourceIds").map(|ids| mask(ids.into_iter().filter_map(|id| catalog.resource_by_id(id))));
        let by_owner = texts(filter, "resourceOwners").map(|owners| {
            let owned = (0..).zip(&catalog.resources).filter(|(_, resource)| owners.contains(&resource.owner));
            mask(owned.map(|(resource, _)| resource))
        });
        let resources = match (by_id, by_owner) {
            (Some(by_id), Some(by_owner)) => Some(by_id & by_owner),
            (by_id, by_owner) => by_id.or(by_owner),
        };
        let roles =
            texts(filter, "roleIds").map(|ids| ids.into_iter().filter_map(Role::parse).fold(RoleSet::default(), RoleSet::with));
        Self { resources, roles }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_none() && self.roles.is_none()
    }

    /// Whether roles on a resource are asked for.
    pub(super) fn accepts(&self, resource: u16, roles: RoleSet) -> bool {
        self.resources.is_none_or(|resources| resources & (1 << resource) != 0)
            && self.roles.is_none_or(|wanted| wanted.meets(roles))
    }

    /// Whether roles that are on no resource are asked for.
    pub(super) fn accepts_platform(&self, roles: RoleSet) -> bool {
        self.resources.is_none() && self.roles.is_none_or(|wanted| wanted.meets(roles))
    }

    /// The roles among these that are asked for.
    pub(super) fn wanted(&self, roles: RoleSet) -> RoleSet {
        self.roles.map_or(roles, |wanted| roles.minus(roles.minus(wanted)))
    }
}

fn mask(resources: impl Iterator<Item = u16>) -> u32 {
    resources.fold(0, |mask, resource| mask | 1 << resource)
}

/// The directories that a call is about, as a mask; `None` is all of them and none.
pub(super) fn directories(context: &Context<'_>, filter: &Map<String, Value>) -> Result<Option<u32>, Refusal> {
    let catalog = &context.org.catalog;
    let of_path = context
        .request
        .directory_id
        .as_ref()
        .map(|id| catalog.directory_by_id(id).map(|directory| 1_u32 << directory).ok_or_else(|| Refusal::no_directory(id)));
    let of_path = of_path.transpose()?;
    let of_filter = texts(filter, "directoryIds")
        .map(|ids| ids.into_iter().filter_map(|id| catalog.directory_by_id(id)).fold(0, |mask, directory| mask | 1 << directory));
    Ok(match (of_path, of_filter) {
        (Some(path), Some(filter)) => Some(path & filter),
        (path, filter) => path.or(filter),
    })
}
