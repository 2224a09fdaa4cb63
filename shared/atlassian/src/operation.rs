//! Which call, in whose favour, and the right to make it once.

use std::fmt;

use crate::budget::Flight;

/// A call of the API: each operation of the Organization API and of the account-lifecycle API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the method of Client with the same name")]
pub enum Operation {
    Orgs,
    Org,
    ManagedAccounts,
    Domains,
    Domain,
    Policies,
    Policy,
    Events,
    EventStream,
    Event,
    EventActions,
    LastActive,
    Directories,
    Workspaces,
    UsersList,
    UsersPage,
    UsersCount,
    UsersStats,
    User,
    UserRoleAssignments,
    GroupsList,
    GroupsPage,
    GroupsCount,
    GroupsStats,
    Group,
    GroupRoleAssignments,
    Manageability,
    Profile,
    AssignRole,
    RevokeRole,
    AssignOrgRole,
    RevokeOrgRole,
    SuspendUser,
    RestoreUser,
    RemoveUser,
    CreateGroup,
    DeleteGroup,
    AddMember,
    RemoveMember,
    AssignGroupRole,
    RevokeGroupRole,
    Invite,
    DisableAccount,
    EnableAccount,
    DeleteAccount,
    CancelDeletion,
}

impl Operation {
    /// All of them, for metrics that are to be there from the start.
    pub const ALL: [Self; 46] = [
        Self::Orgs,
        Self::Org,
        Self::ManagedAccounts,
        Self::Domains,
        Self::Domain,
        Self::Policies,
        Self::Policy,
        Self::Events,
        Self::EventStream,
        Self::Event,
        Self::EventActions,
        Self::LastActive,
        Self::Directories,
        Self::Workspaces,
        Self::UsersList,
        Self::UsersPage,
        Self::UsersCount,
        Self::UsersStats,
        Self::User,
        Self::UserRoleAssignments,
        Self::GroupsList,
        Self::GroupsPage,
        Self::GroupsCount,
        Self::GroupsStats,
        Self::Group,
        Self::GroupRoleAssignments,
        Self::Manageability,
        Self::Profile,
        Self::AssignRole,
        Self::RevokeRole,
        Self::AssignOrgRole,
        Self::RevokeOrgRole,
        Self::SuspendUser,
        Self::RestoreUser,
        Self::RemoveUser,
        Self::CreateGroup,
        Self::DeleteGroup,
        Self::AddMember,
        Self::RemoveMember,
        Self::AssignGroupRole,
        Self::RevokeGroupRole,
        Self::Invite,
        Self::DisableAccount,
        Self::EnableAccount,
        Self::DeleteAccount,
        Self::CancelDeletion,
    ];

    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        self.words().0
    }

    /// What it does, to go after "could not" in a message to people.
    pub fn deed(self) -> &'static str {
        self.words().1
    }

    /// Word and deed.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Orgs => ("orgs", "list the key's organisations"),
            Self::Org => ("org", "read the organisation"),
            Self::ManagedAccounts => ("managed_accounts", "list managed accounts"),
            Self::Domains => ("domains", "list domains"),
            Self::Domain => ("domain", "read a domain"),
            Self::Policies => ("policies", "list policies"),
            Self::Policy => ("policy", "read a policy"),
            Self::Events => ("events", "list audit events"),
            Self::EventStream => ("event_stream", "follow audit events"),
            Self::Event => ("event", "read an audit event"),
            Self::EventActions => ("event_actions", "list the kinds of audit events"),
            Self::LastActive => ("last_active", "read when a user was last active"),
            Self::Directories => ("directories", "list directories"),
            Self::Workspaces => ("workspaces", "list workspaces"),
            Self::UsersList => ("users_list", "list users the old way"),
            Self::UsersPage => ("users_page", "list users"),
            Self::UsersCount => ("users_count", "count users"),
            Self::UsersStats => ("users_stats", "read the statistics of users"),
            Self::User => ("user", "read a user"),
            Self::UserRoleAssignments => ("user_role_assignments", "read the roles of a user"),
            Self::GroupsList => ("groups_list", "list groups the old way"),
            Self::GroupsPage => ("groups_page", "list groups"),
            Self::GroupsCount => ("groups_count", "count groups"),
            Self::GroupsStats => ("groups_stats", "read the statistics of groups"),
            Self::Group => ("group", "read a group"),
            Self::GroupRoleAssignments => ("group_role_assignments", "read the roles of a group"),
            Self::Manageability => ("manageability", "read what the key may do with an account"),
            Self::Profile => ("profile", "read the profile of an account"),
            Self::AssignRole => ("assign_role", "give a user a role"),
            Self::RevokeRole => ("revoke_role", "take a role from a user"),
            Self::AssignOrgRole => ("assign_org_role", "give a user a role in the organisation"),
            Self::RevokeOrgRole => ("revoke_org_role", "take a role in the organisation from a user"),
            Self::SuspendUser => ("suspend_user", "suspend a user"),
            Self::RestoreUser => ("restore_user", "restore a user"),
            Self::RemoveUser => ("remove_user", "remove a user from a directory"),
            Self::CreateGroup => ("create_group", "create a group"),
            Self::DeleteGroup => ("delete_group", "delete a group"),
            Self::AddMember => ("add_member", "add a user to a group"),
            Self::RemoveMember => ("remove_member", "remove a user from a group"),
            Self::AssignGroupRole => ("assign_group_role", "give a group a role"),
            Self::RevokeGroupRole => ("revoke_group_role", "take a role from a group"),
            Self::Invite => ("invite", "invite users"),
            Self::DisableAccount => ("disable_account", "deactivate a managed account"),
            Self::EnableAccount => ("enable_account", "reactivate a managed account"),
            Self::DeleteAccount => ("delete_account", "delete a managed account"),
            Self::CancelDeletion => ("cancel_deletion", "cancel the deletion of a managed account"),
        }
    }

    /// The scope that a scoped key must have. Where Atlassian documents none for a read, the scope of the nearest documented call;
    /// for writes and account lifecycle `manage:org`, which the API itself names when it refuses a scoped key (reference, section 1).
    pub fn scope(self) -> &'static str {
        match self {
            Self::Orgs | Self::Org => "read:orgs:admin",
            Self::ManagedAccounts => "read:accounts:admin",
            Self::Domains | Self::Domain => "read:domains:admin",
            Self::Policies | Self::Policy => "read:policies:admin",
            Self::Events | Self::EventStream | Self::Event | Self::EventActions => "read:events:admin",
            Self::LastActive
            | Self::Directories
            | Self::UsersList
            | Self::UsersPage
            | Self::UsersCount
            | Self::UsersStats
            | Self::User
            | Self::UserRoleAssignments => "read:directories:admin",
            Self::Workspaces => "read:workspaces:admin",
            Self::GroupsList
            | Self::GroupsPage
            | Self::GroupsCount
            | Self::GroupsStats
            | Self::Group
            | Self::GroupRoleAssignments => "read:groups:admin",
            Self::Manageability
            | Self::Profile
            | Self::AssignRole
            | Self::RevokeRole
            | Self::AssignOrgRole
            | Self::RevokeOrgRole
            | Self::SuspendUser
            | Self::RestoreUser
            | Self::RemoveUser
            | Self::CreateGroup
            | Self::DeleteGroup
            | Self::AddMember
            | Self::RemoveMember
            | Self::AssignGroupRole
            | Self::RevokeGroupRole
            | Self::Invite
            | Self::DisableAccount
            | Self::EnableAccount
            | Self::DeleteAccount
            | Self::CancelDeletion => "manage:org",
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
    flight: Flight,
}

impl Permit {
    pub(crate) fn new(lane: Lane, operation: Operation, flight: Flight) -> Self {
        Self { operation, lane, flight }
    }

    pub(crate) fn flight(&self) -> &Flight {
        &self.flight
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
