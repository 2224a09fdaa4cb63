//! The calls that change something.

use serde::Serialize;

use crate::ids::{AccountId, DirectoryId, GroupId, ResourceId};

/// A call that changes something, with all that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "each is the operation of the Organization API with that name; the fields are its parameters")]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    AddMember { directory: DirectoryId, group: GroupId, account: AccountId },
    RemoveMember { directory: DirectoryId, group: GroupId, account: AccountId },
    SuspendUser { directory: DirectoryId, account: AccountId },
    RestoreUser { directory: DirectoryId, account: AccountId },
    RemoveUser { directory: DirectoryId, account: AccountId },
    DisableAccount { account: AccountId },
    EnableAccount { account: AccountId },
    AssignRole { account: AccountId, resource: ResourceId, role: String },
    RevokeRole { account: AccountId, resource: ResourceId, role: String },
}

impl Call {
    /// Method and path as the API's reference writes them, for people.
    pub fn in_words(&self) -> String {
        match self {
            Self::AddMember { directory, group, account } => {
                format!(
                    "POST /v2/orgs/{{org}}/directories/{directory}/groups/{group}/memberships {{\"accountId\":\"{account}\"}}"
                )
            }
            Self::RemoveMember { directory, group, account } => {
                format!("DELETE /v2/orgs/{{org}}/directories/{directory}/groups/{group}/memberships/{account}")
            }
            Self::SuspendUser { directory, account } => {
                format!("POST /v2/orgs/{{org}}/directories/{directory}/users/{account}/suspend")
            }
            Self::RestoreUser { directory, account } => {
                format!("POST /v2/orgs/{{org}}/directories/{directory}/users/{account}/restore")
            }
            Self::RemoveUser { directory, account } => format!("DELETE /v2/orgs/{{org}}/directories/{directory}/users/{account}"),
            Self::DisableAccount { account } => format!("POST /users/{account}/manage/lifecycle/disable"),
            Self::EnableAccount { account } => format!("POST /users/{account}/manage/lifecycle/enable"),
            Self::AssignRole { account, resource, role } => {
                format!("POST /v1/orgs/{{org}}/users/{account}/roles/assign {{\"role\":\"{role}\",\"resource\":\"{resource}\"}}")
            }
            Self::RevokeRole { account, resource, role } => {
                format!("POST /v1/orgs/{{org}}/users/{account}/roles/revoke {{\"role\":\"{role}\",\"resource\":\"{resource}\"}}")
            }
        }
    }
}
