//! Which call, in whose favour, and the right to make it once.

use std::fmt;

/// A call of the API that a sync makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the method of Client with the same name")]
pub enum Operation {
    Org,
    Directories,
    Workspaces,
    UsersPage,
    UsersCount,
    UsersStats,
    GroupsPage,
    GroupsCount,
    GroupsStats,
    GroupRoleAssignments,
}

impl Operation {
    /// All of them, for metrics that are to be there from the start.
    pub const ALL: [Self; 10] = [
        Self::Org,
        Self::Directories,
        Self::Workspaces,
        Self::UsersPage,
        Self::UsersCount,
        Self::UsersStats,
        Self::GroupsPage,
        Self::GroupsCount,
        Self::GroupsStats,
        Self::GroupRoleAssignments,
    ];

    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Directories => "directories",
            Self::Workspaces => "workspaces",
            Self::UsersPage => "users_page",
            Self::UsersCount => "users_count",
            Self::UsersStats => "users_stats",
            Self::GroupsPage => "groups_page",
            Self::GroupsCount => "groups_count",
            Self::GroupsStats => "groups_stats",
            Self::GroupRoleAssignments => "group_role_assignments",
        }
    }

    /// What it does, to go after "could not" in a message to people.
    pub fn deed(self) -> &'static str {
        match self {
            Self::Org => "read the organisation",
            Self::Directories => "list directories",
            Self::Workspaces => "list workspaces",
            Self::UsersPage => "list users",
            Self::UsersCount => "count users",
            Self::UsersStats => "read the statistics of users",
            Self::GroupsPage => "list groups",
            Self::GroupsCount => "count groups",
            Self::GroupsStats => "read the statistics of groups",
            Self::GroupRoleAssignments => "read the roles of a group",
        }
    }

    /// The scope that a scoped key must have. Where Atlassian documents none, the scope of the nearest documented call.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Org => "read:orgs:admin",
            Self::Workspaces => "read:workspaces:admin",
            Self::Directories | Self::UsersPage | Self::UsersCount | Self::UsersStats => "read:directories:admin",
            Self::GroupsPage | Self::GroupsCount | Self::GroupsStats | Self::GroupRoleAssignments => "read:groups:admin",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose work a call is. Interactive calls find a reserve that bulk calls leave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A person or a gated operation waits for it.
    Interactive,
    /// Full syncs and other long walks.
    Bulk,
}

impl Lane {
    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The right to make one call now. Spent by moving it into the call; dropping it unused only wastes a little budget.
#[derive(Debug)]
#[must_use = "a permit has been taken from the budget of all workers"]
pub struct Permit {
    operation: Operation,
    lane: Lane,
}

impl Permit {
    pub(crate) fn new(lane: Lane, operation: Operation) -> Self {
        Self { operation, lane }
    }

    /// The call it was granted for.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// In whose favour it was granted.
    pub fn lane(&self) -> Lane {
        self.lane
    }
}
