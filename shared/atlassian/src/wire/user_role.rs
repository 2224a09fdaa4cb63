//! What a user may do, as `users/{accountId}/role-assignments` lists it.

use orgmirror_domain::ids::{DirectoryId, ResourceId};
use serde::Deserialize;

use crate::error::Flaw;
use crate::user_details::UserRoles;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireRoleAssignment {
    resource_id: Option<String>,
    resource_owner: Option<String>,
    directory_id: Option<String>,
    role_assignments: Option<Vec<Assigned>>,
    /// Deprecated, and all there is where `roleAssignments` is missing.
    roles: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assigned {
    role: Option<String>,
    role_assignment_methods: Option<Vec<String>>,
}

impl WireRoleAssignment {
    pub(crate) fn into_roles(self, row: usize) -> Result<UserRoles, Flaw> {
        let resource = self.resource_id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "resourceId" })?;
        let told = self.role_assignments.unwrap_or_default().into_iter();
        let mut roles: Vec<_> =
            told.filter_map(|assigned| Some((assigned.role?, assigned.role_assignment_methods.unwrap_or_default()))).collect();
        for role in self.roles.unwrap_or_default() {
            if roles.iter().all(|(has, _)| *has != role) {
                roles.push((role, Vec::new()));
            }
        }
        Ok(UserRoles {
            resource: ResourceId(resource),
            owner: self.resource_owner,
            directory: self.directory_id.map(DirectoryId),
            roles,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_direct_or_comes_by_a_group() {
        let body = r#"{"resourceId":"ari:cloud:jira-software::site/9c","directoryId":null,"roles":["atlassian/user","atlassian/guest"],
            "roleAssignments":[{"role":"atlassian/user","roleAssignmentMethods":["group_direct"]},{"role":"atlassian/admin","roleAssignmentMethods":["direct","inferred"]}]}"#;
        let roles = serde_json::from_str::<WireRoleAssignment>(body).unwrap().into_roles(0).unwrap();
        assert!(!roles.is_direct("atlassian/user") && roles.is_direct("atlassian/admin") && roles.is_direct("atlassian/guest"));
        let nameless = serde_json::from_str::<WireRoleAssignment>("{}").unwrap();
        assert_eq!(nameless.into_roles(2), Err(Flaw::UnreadableId { row: 2, field: "resourceId" }));
    }
}
