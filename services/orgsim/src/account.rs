//! An account as the simulator keeps it.

use std::sync::Arc;

use crate::role::RoleSet;

/// The lifecycle of the Atlassian account itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountStatus {
    Active,
    Inactive,
    Closed,
}

impl AccountStatus {
    pub(crate) const ALL: [Self; 3] = [Self::Active, Self::Inactive, Self::Closed];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Closed => "closed",
        }
    }
}

/// What the account is in the directories of the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    Active,
    Suspended,
    None,
}

impl Membership {
    pub(crate) const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::None];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::None => "no_membership",
        }
    }
}

/// How a managed account came into a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Invited,
    Synced,
}

impl Source {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Synced => "synced",
        }
    }
}

/// Fields of the profile, any of which may be hidden. The texts are shared by everyone who has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub(crate) job_title: Option<Arc<str>>,
    pub(crate) department: Option<Arc<str>>,
    pub(crate) organization: Option<Arc<str>>,
    pub(crate) location: Option<Arc<str>>,
    pub(crate) time_zone: Option<Arc<str>>,
}

/// Roles that an account holds by itself on a resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectRoles {
    pub(crate) resource: u16,
    pub(crate) roles: RoleSet,
}

/// When an account last used a resource, in nanoseconds since 1970. It outlives the access itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activity {
    pub(crate) resource: u16,
    pub(crate) at_ns: i64,
}

/// An account. `directories` is empty exactly if `membership` is none, and then `groups` is empty too.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: Arc<str>,
    /// Lower-cased nickname, a zero byte, the id: comparing it compares (sort key, id).
    pub(crate) sort_key: Arc<str>,
    pub(crate) name: Box<str>,
    pub(crate) nickname: Option<Box<str>>,
    pub(crate) email: Option<Box<str>>,
    pub(crate) email_verified: bool,
    pub(crate) status: AccountStatus,
    pub(crate) membership: Membership,
    pub(crate) for_deletion: bool,
    pub(crate) managed: bool,
    pub(crate) source: Option<Source>,
    pub(crate) mfa_enabled: bool,
    pub(crate) added_ms: i64,
    pub(crate) deactivated_ms: Option<i64>,
    pub(crate) profile: Profile,
    pub(crate) platform_roles: RoleSet,
    pub(crate) directories: u32,
    /// The directories among them in which it is suspended: all of them exactly if the membership is.
    pub(crate) suspended_in: u32,
    /// Sorted by resource.
    pub(crate) direct_roles: Vec<DirectRoles>,
    /// Sorted by resource.
    pub(crate) activity: Vec<Activity>,
    /// Slots of groups, sorted.
    pub(crate) groups: Vec<u32>,
}

impl Account {
    /// An active, managed account of that name in the first directory, with nothing else about it yet.
    pub(crate) fn invited(id: &str, name: &str, added_ms: i64) -> Self {
        Self {
            id: id.into(),
            sort_key: "".into(),
            name: name.into(),
            nickname: Some(name.into()),
            email: None,
            email_verified: true,
            status: AccountStatus::Active,
            membership: Membership::Active,
            for_deletion: false,
            managed: true,
            source: Some(Source::Invited),
            mfa_enabled: false,
            added_ms,
            deactivated_ms: None,
            profile: Profile::default(),
            platform_roles: RoleSet::default(),
            directories: 1,
            suspended_in: 0,
            direct_roles: Vec::new(),
            activity: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// The composite of account status and membership. The reference leaves closed accounts open; here they count as deactivated.
    pub(crate) fn composite(&self) -> &'static str {
        match (self.for_deletion, self.status, self.membership) {
            (true, _, _) => "for_deletion",
            (false, AccountStatus::Inactive | AccountStatus::Closed, _) => "deactivated",
            (false, AccountStatus::Active, Membership::Active) => "active",
            (false, AccountStatus::Active, Membership::Suspended) => "suspended",
            (false, AccountStatus::Active, Membership::None) => "not_invited",
        }
    }

    /// Makes directories, suspensions and membership agree after any of them was set; the membership counts most.
    pub(crate) fn settle(&mut self) {
        if self.membership == Membership::None {
            self.directories = 0;
        }
        self.suspended_in &= self.directories;
        match self.membership {
            Membership::Suspended => self.suspended_in = self.directories,
            Membership::Active if self.suspended_in == self.directories => self.suspended_in = 0,
            Membership::Active | Membership::None => {}
        }
    }

    /// Suspends or restores it in one of its directories. False if it already was.
    pub(crate) fn set_suspended(&mut self, directory: u8, suspended: bool) -> bool {
        let bit = 1 << directory;
        if (self.suspended_in & bit != 0) == suspended {
            return false;
        }
        self.suspended_in ^= bit;
        let everywhere = self.suspended_in == self.directories;
        self.membership = if everywhere { Membership::Suspended } else { Membership::Active };
        true
    }

    pub(crate) fn claim_word(&self) -> &'static str {
        if self.managed { "managed" } else { "unmanaged" }
    }

    /// The key that orders accounts by nickname: none sorts as an empty one.
    pub(crate) fn computed_sort_key(&self) -> Arc<str> {
        sort_key(self.nickname.as_deref().unwrap_or_default(), &self.id)
    }

    pub(crate) fn active_at(&self, resource: u16) -> Option<i64> {
        let at = self.activity.binary_search_by_key(&resource, |activity| activity.resource).ok()?;
        Some(self.activity[at].at_ns)
    }

    pub(crate) fn set_active_at(&mut self, resource: u16, at_ns: i64) {
        match self.activity.binary_search_by_key(&resource, |activity| activity.resource) {
            Ok(at) => self.activity[at].at_ns = at_ns,
            Err(at) => self.activity.insert(at, Activity { resource, at_ns }),
        }
    }

    pub(crate) fn direct_on(&self, resource: u16) -> RoleSet {
        self.direct_roles
            .binary_search_by_key(&resource, |direct| direct.resource)
            .map_or_else(|_| RoleSet::default(), |at| self.direct_roles[at].roles)
    }

    /// Sets the roles held directly on a resource; an empty set takes the resource away.
    pub(crate) fn set_direct(&mut self, resource: u16, roles: RoleSet) {
        match self.direct_roles.binary_search_by_key(&resource, |direct| direct.resource) {
            Ok(at) if roles.is_empty() => {
                self.direct_roles.remove(at);
            }
            Ok(at) => self.direct_roles[at].roles = roles,
            Err(_) if roles.is_empty() => {}
            Err(at) => self.direct_roles.insert(at, DirectRoles { resource, roles }),
        }
    }
}

/// A key that compares like (text without regard to case, id). The text itself can't hold the separator.
pub(crate) fn sort_key(text: &str, id: &str) -> Arc<str> {
    let mut key = text.to_lowercase();
    key.retain(|letter| letter != '\0');
    key.push('\0');
    key.push_str(id);
    key.into()
}
