//! The operations that are simulated, by their ids in the OpenAPI documents, with what the reference says of each as a whole.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! operations {
    ($($variant:ident => $id:literal),* $(,)?) => {
        /// One operation of the API; `Unknown` is a path or method that no operation has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Operation {
            $($variant,)*
            Unknown,
        }

        impl Operation {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $id),)* (Self::Unknown, "unknown")];
        }
    };
}

operations! {
    Orgs => "getOrgs",
    OrgById => "getOrgById",
    ManagedAccounts => "getUsers",
    Domains => "getDomains",
    Domain => "getDomainById",
    Policies => "getPolicies",
    Policy => "getPolicyById",
    Events => "getEvents",
    EventsStream => "pollEvents",
    Event => "getEventById",
    EventActions => "getEventActions",
    LastActiveDates => "getUserLastActiveDates",
    AssignUserRole => "assignRole",
    RevokeUserRole => "revokeRole",
    AssignOrgRole => "assignOrganizationLevelRole",
    RevokeOrgRole => "revokeOrganizationLevelRole",
    Directories => "getDirectoriesForOrg",
    Workspaces => "queryWorkspacesV2",
    Invite => "inviteUsers",
    Users => "getDirectoryUsers",
    UsersSearch => "searchDirectoryUsers",
    UsersCount => "getDirectoryUsersCount",
    UsersStats => "getUserStats",
    User => "getDirectoryUserDetails",
    RemoveUser => "removeUserFromDirectory",
    SuspendUser => "suspendUserInDirectory",
    RestoreUser => "restoreUserInDirectory",
    UserRoles => "getUserRoleAssignments",
    Groups => "getGroups",
    CreateGroup => "createGroup",
    GroupsSearch => "searchDirectoryGroups",
    GroupsCount => "getGroupsCount",
    GroupsStats => "getGroupsStats",
    Group => "getGroup",
    DeleteGroup => "deleteGroup",
    AddMember => "addUserToGroup",
    RemoveMember => "removeUserFromGroup",
    GroupRoles => "getGroupRoleAssignments",
    AssignGroupRole => "assignGroupRole",
    RevokeGroupRole => "revokeGroupRole",
    ManagePermissions => "getManagementPermissions",
    ManagedProfile => "getProfile",
    DisableAccount => "disableUser",
    EnableAccount => "enableUser",
    DeleteAccount => "deleteUser",
    CancelDeletion => "cancelDeleteUser",
}

/// Operations that share a limit on calls (section 6 of the reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// events, one event, event-actions.
    Events,
    EventsStream,
    LastActive,
    /// Everything else: no number is published.
    Rest,
}

/// In which words an operation says no (section 5 of the reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// Reads of v1: `errors[]`, and a ProxyError from the gateway.
    V1,
    /// Reads of v2: `errors[]`, from the gateway as well.
    V2,
    /// Writes of v2: no body in the documents, `errors[]` in reality.
    V2Write,
    /// Workspaces: a bare error, and a ProxyError from the gateway.
    Bare,
    /// The account lifecycle: `{"key":..}`.
    Lifecycle,
}

impl Operation {
    /// The operationId.
    pub(crate) fn id(self) -> &'static str {
        Self::ALL.iter().find(|(operation, _)| *operation == self).map_or("unknown", |(_, id)| id)
    }

    /// Whether it changes the organisation.
    pub(crate) fn is_write(self) -> bool {
        use Operation as O;
        match self {
            O::AssignUserRole | O::RevokeUserRole | O::AssignOrgRole | O::RevokeOrgRole | O::Invite => true,
            _ => {
                self.error_form() == ErrorForm::V2Write
                    || (self.is_lifecycle() && !matches!(self, O::ManagePermissions | O::ManagedProfile))
            }
        }
    }

    /// Whether it belongs to the account lifecycle API.
    pub(crate) fn is_lifecycle(self) -> bool {
        self.error_form() == ErrorForm::Lifecycle
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Events | Self::Event | Self::EventActions => Family::Events,
            Self::EventsStream => Family::EventsStream,
            Self::LastActiveDates => Family::LastActive,
            _ => Family::Rest,
        }
    }

    /// The scope that a key with scopes needs (section 1); `None` where no document names one.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Self::OrgById => Some("read:orgs:admin"),
            Self::ManagedAccounts => Some("read:accounts:admin"),
            Self::Directories | Self::Users | Self::UsersStats | Self::UserRoles => Some("read:directories:admin"),
            Self::Groups | Self::GroupRoles | Self::Group | Self::GroupsCount | Self::GroupsStats => Some("read:groups:admin"),
            Self::Domains | Self::Domain => Some("read:domains:admin"),
            Self::Events | Self::EventsStream | Self::Event | Self::EventActions => Some("read:events:admin"),
            Self::Policies | Self::Policy => Some("read:policies:admin"),
            Self::Workspaces => Some("read:workspaces:admin"),
            _ => None,
        }
    }

    pub(crate) fn error_form(self) -> ErrorForm {
        use Operation as O;
        match self {
            O::Orgs | O::OrgById | O::ManagedAccounts | O::Domains | O::Domain | O::Policies | O::Policy => ErrorForm::V1,
            O::Events | O::EventsStream | O::Event | O::EventActions | O::LastActiveDates => ErrorForm::V1,
            O::AssignUserRole | O::RevokeUserRole | O::AssignOrgRole | O::RevokeOrgRole => ErrorForm::V1,
            O::Workspaces => ErrorForm::Bare,
            O::ManagePermissions | O::ManagedProfile => ErrorForm::Lifecycle,
            O::DisableAccount | O::EnableAccount | O::DeleteAccount | O::CancelDeletion => ErrorForm::Lifecycle,
            O::RemoveUser | O::SuspendUser | O::RestoreUser | O::CreateGroup | O::DeleteGroup => ErrorForm::V2Write,
            O::AddMember | O::RemoveMember | O::AssignGroupRole | O::RevokeGroupRole => ErrorForm::V2Write,
            _ => ErrorForm::V2,
        }
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let found = Self::ALL.iter().find(|(_, known)| *known == id);
        found.map(|(operation, _)| *operation).ok_or_else(|| D::Error::custom(format!("unknown operation `{id}`")))
    }
}
