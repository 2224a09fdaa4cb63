//! The roles of the API, and sets of them.
//!
//! A set is a bit mask, so that a filter over every account compares numbers and never words.

/// One role id of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Role {
    User,
    Admin,
    Guest,
    Customer,
    Contributor,
    Basic,
    Stakeholder,
    UserAccessAdmin,
    OrgAdmin,
    SiteAdmin,
    AiAccess,
    Viewer,
}

impl Role {
    /// Every role, in the order in which answers list them.
    pub(crate) const ALL: [Self; 12] = [
        Self::User,
        Self::Admin,
        Self::Guest,
        Self::Customer,
        Self::Contributor,
        Self::Basic,
        Self::Stakeholder,
        Self::UserAccessAdmin,
        Self::OrgAdmin,
        Self::SiteAdmin,
        Self::AiAccess,
        Self::Viewer,
    ];

    /// The id as the API writes it.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::User => "atlassian/user",
            Self::Admin => "atlassian/admin",
            Self::Guest => "atlassian/guest",
            Self::Customer => "atlassian/customer",
            Self::Contributor => "atlassian/contributor",
            Self::Basic => "atlassian/basic",
            Self::Stakeholder => "atlassian/stakeholder",
            Self::UserAccessAdmin => "atlassian/user-access-admin",
            Self::OrgAdmin => "atlassian/org-admin",
            Self::SiteAdmin => "atlassian/site-admin",
            Self::AiAccess => "atlassian/ai-access",
            Self::Viewer => "atlassian/viewer",
        }
    }

    /// The role with this id, if there is one.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RoleSet(u16);

impl RoleSet {
    /// The roles that the API calls platform roles.
    pub(crate) const PLATFORM: Self = Self(
        1 << Role::OrgAdmin as u16 | 1 << Role::SiteAdmin as u16 | 1 << Role::UserAccessAdmin as u16 | 1 << Role::AiAccess as u16,
    );
    /// The roles that use up a seat.
    pub(crate) const SEATS: Self = Self(1 << Role::User as u16 | 1 << Role::Admin as u16);

    pub(crate) fn of(role: Role) -> Self {
        Self(1 << role as u16)
    }

    pub(crate) fn with(self, role: Role) -> Self {
        self.union(Self::of(role))
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn contains(self, role: Role) -> bool {
        self.meets(Self::of(role))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}
