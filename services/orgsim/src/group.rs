//! A group as the simulator keeps it.

use std::sync::Arc;

use uuid::Uuid;

use crate::account::sort_key;
use crate::json;
use crate::role::{Role, RoleSet};

/// Who decides about a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManagedBy {
    External,
    Admins,
    TeamMembers,
    Open,
}

impl ManagedBy {
    pub(crate) const ALL: [Self; 4] = [Self::External, Self::Admins, Self::TeamMembers, Self::Open];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Admins => "admins",
            Self::TeamMembers => "team-members",
            Self::Open => "open",
        }
    }
}

/// Roles that every member of a group gets on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) resource: u16,
    pub(crate) roles: RoleSet,
    pub(crate) default_role: Option<Role>,
}

/// A group. A group made by SCIM is external and can't be modified.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: Uuid,
    /// Lower-cased name, a zero byte, the id.
    pub(crate) sort_key: Arc<str>,
    pub(crate) name: Box<str>,
    pub(crate) description: Option<Box<str>>,
    /// The object that stands for this group inside a user, ready to copy: a page of users holds a thousand of them.
    pub(crate) fragment: Box<str>,
    pub(crate) directory: u8,
    pub(crate) managed_by: ManagedBy,
    /// Sorted by resource.
    pub(crate) grants: Vec<Grant>,
    /// Slots of accounts, sorted.
    pub(crate) members: Vec<u32>,
}

impl Group {
    pub(crate) fn new(id: Uuid, name: &str, description: Option<&str>, directory: u8, managed_by: ManagedBy) -> Self {
        let mut group = Self {
            id,
            sort_key: Arc::from(""),
            name: name.into(),
            description: description.map(Into::into),
            fragment: Box::default(),
            directory,
            managed_by,
            grants: Vec::new(),
            members: Vec::new(),
        };
        group.refresh();
        group
    }

    /// Brings what is derived from name and description up to date.
    pub(crate) fn refresh(&mut self) {
        self.sort_key = sort_key(&self.name, &self.id.to_string());
        let mut text = String::with_capacity(200);
        text.push_str("{\"id\":\"ari:cloud:identity::group/");
        json::push_uuid(&mut text, self.id);
        text.push_str("\",\"name\":");
        json::push_text(&mut text, &self.name);
        text.push_str(",\"description\":");
        json::push_optional(&mut text, self.description.as_deref());
        text.push('}');
        self.fragment = text.into_boxed_str();
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.managed_by == ManagedBy::External
    }

    pub(crate) fn granted_on(&self, resource: u16) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.resource == resource)
    }
}

/// The id of a group in either form: the bare UUID or the ARI.
pub(crate) fn parse_group_id(text: &str) -> Option<Uuid> {
    let bare = text.strip_prefix("ari:cloud:identity::group/").unwrap_or(text);
    Uuid::try_parse(bare).ok()
}
