//! The operations that are simulated, by their ids in the OpenAPI document.

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
    Directories => "getDirectoriesForOrg",
    Workspaces => "queryWorkspacesV2",
    UsersSearch => "searchDirectoryUsers",
    UsersCount => "getDirectoryUsersCount",
    UsersStats => "getUserStats",
    User => "getDirectoryUserDetails",
    UserRoles => "getUserRoleAssignments",
    GroupsSearch => "searchDirectoryGroups",
    GroupsCount => "getGroupsCount",
    GroupsStats => "getGroupsStats",
    Group => "getGroup",
    GroupRoles => "getGroupRoleAssignments",
}

impl Operation {
    /// The operationId.
    pub(crate) fn id(self) -> &'static str {
        Self::ALL.iter().find(|(operation, _)| *operation == self).map_or("unknown", |(_, id)| id)
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
