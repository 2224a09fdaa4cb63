//! Every change that the API can be asked for, but invitations, which answer more than a status.

use orgmirror_domain::ids::{AccountId, DirectoryId, GroupId, ResourceId};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::client::Client;
use crate::operation::Operation;

/// A change of one thing. Directories are real ones: `-` is not documented for writes (reference, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the API's own, named in its reference")]
pub enum Change {
    /// Gives a user a role on a resource.
    AssignRole { account: AccountId, role: String, resource: ResourceId },
    /// Takes a role that the user has directly.
    RevokeRole { account: AccountId, role: String, resource: ResourceId },
    /// Gives a role in the organisation, such as `atlassian/org-admin`. Seen after up to 30 s.
    AssignOrgRole { account: AccountId, role: String },
    /// Takes a role in the organisation.
    RevokeOrgRole { account: AccountId, role: String },
    /// Suspends a user in a directory: no product, on no site.
    SuspendUser { directory: DirectoryId, account: AccountId },
    /// Gives a suspended user back what was there before.
    RestoreUser { directory: DirectoryId, account: AccountId },
    /// Takes a user out of a directory, with all roles and groups. Seen after a while.
    RemoveUser { directory: DirectoryId, account: AccountId },
    /// Creates a group; its id is found by name, after a second or two.
    CreateGroup { directory: DirectoryId, name: String, description: Option<String> },
    /// Deletes a group.
    DeleteGroup { directory: DirectoryId, group: GroupId },
    /// Adds a user to a group.
    AddMember { directory: DirectoryId, group: GroupId, account: AccountId },
    /// Removes a user from a group.
    RemoveMember { directory: DirectoryId, group: GroupId, account: AccountId },
    /// Gives a group a role on a resource. Seen after up to 35 s.
    AssignGroupRole { directory: DirectoryId, group: GroupId, resource: ResourceId, role: String },
    /// Takes a role from a group.
    RevokeGroupRole { directory: DirectoryId, group: GroupId, resource: ResourceId, role: String },
    /// Deactivates a managed account everywhere. Needs a key without scopes, as do the following.
    DisableAccount { account: AccountId, message: Option<String> },
    /// Reactivates it.
    EnableAccount { account: AccountId },
    /// Marks a managed account for deletion in 14 days.
    DeleteAccount { account: AccountId },
    /// Takes the mark away.
    CancelDeletion { account: AccountId },
}

impl Change {
    /// The call that makes it, for which the permit is to be taken.
    pub fn operation(&self) -> Operation {
        match self {
            Self::AssignRole { .. } => Operation::AssignRole,
            Self::RevokeRole { .. } => Operation::RevokeRole,
            Self::AssignOrgRole { .. } => Operation::AssignOrgRole,
            Self::RevokeOrgRole { .. } => Operation::RevokeOrgRole,
            Self::SuspendUser { .. } => Operation::SuspendUser,
            Self::RestoreUser { .. } => Operation::RestoreUser,
            Self::RemoveUser { .. } => Operation::RemoveUser,
            Self::CreateGroup { .. } => Operation::CreateGroup,
            Self::DeleteGroup { .. } => Operation::DeleteGroup,
            Self::AddMember { .. } => Operation::AddMember,
            Self::RemoveMember { .. } => Operation::RemoveMember,
            Self::AssignGroupRole { .. } => Operation::AssignGroupRole,
            Self::RevokeGroupRole { .. } => Operation::RevokeGroupRole,
            Self::DisableAccount { .. } => Operation::DisableAccount,
            Self::EnableAccount { .. } => Operation::EnableAccount,
            Self::DeleteAccount { .. } => Operation::DeleteAccount,
            Self::CancelDeletion { .. } => Operation::CancelDeletion,
        }
    }

    /// How it is asked for.
    pub(super) fn request(&self, client: &Client) -> (Method, Url, Option<Value>) {
        let post = |url, body| (Method::POST, url, body);
        let v1 = |segments: &[&str]| client.url("v1", segments);
        let v2 = |directory: &DirectoryId, segments: &[&str]| {
            client.url("v2", &[&["directories", directory.as_str()][..], segments].concat())
        };
        let lifecycle = |account: &AccountId, step| client.account_url(account, &["lifecycle", step]);
        match self {
            Self::AssignRole { account, role, resource } => post(
                v1(&["users", account.as_str(), "roles", "assign"]),
                Some(json!({ "role": role, "resource": resource.as_str() })),
            ),
            Self::RevokeRole { account, role, resource } => post(
                v1(&["users", account.as_str(), "roles", "revoke"]),
                Some(json!({ "role": role, "resource": resource.as_str() })),
            ),
            Self::AssignOrgRole { account, role } => {
                post(v1(&["users", account.as_str(), "role-assignments", "assign"]), Some(json!({ "role": role })))
            }
            Self::RevokeOrgRole { account, role } => {
                post(v1(&["users", account.as_str(), "role-assignments", "revoke"]), Some(json!({ "role": role })))
            }
            Self::SuspendUser { directory, account } => post(v2(directory, &["users", account.as_str(), "suspend"]), None),
            Self::RestoreUser { directory, account } => post(v2(directory, &["users", account.as_str(), "restore"]), None),
            Self::RemoveUser { directory, account } => (Method::DELETE, v2(directory, &["users", account.as_str()]), None),
            Self::CreateGroup { directory, name, description } => {
                let mut body = json!({ "name": name });
                if let Some(description) = description {
                    body["description"] = json!(description);
                }
                post(v2(directory, &["groups"]), Some(body))
            }
            Self::DeleteGroup { directory, group } => (Method::DELETE, v2(directory, &["groups", &group.to_string()]), None),
            Self::AddMember { directory, group, account } => {
                let url = v2(directory, &["groups", &group.to_string(), "memberships"]);
                post(url, Some(json!({ "accountId": account.as_str() })))
            }
            Self::RemoveMember { directory, group, account } => {
                (Method::DELETE, v2(directory, &["groups", &group.to_string(), "memberships", account.as_str()]), None)
            }
            Self::AssignGroupRole { directory, group, resource, role } => {
                let url = v2(directory, &["groups", &group.to_string(), "role-assignments", "assign"]);
                post(url, Some(json!({ "resourceId": resource.as_str(), "roleId": role })))
            }
            Self::RevokeGroupRole { directory, group, resource, role } => {
                let url = v2(directory, &["groups", &group.to_string(), "role-assignments", "revoke"]);
                post(url, Some(json!({ "resourceId": resource.as_str(), "roleId": role })))
            }
            // The body is an object, also without a message.
            Self::DisableAccount { account, message } => {
                let body = message.as_ref().map_or_else(|| json!({}), |message| json!({ "message": message }));
                post(lifecycle(account, "disable"), Some(body))
            }
            Self::EnableAccount { account } => post(lifecycle(account, "enable"), None),
            Self::DeleteAccount { account } => post(lifecycle(account, "delete"), None),
            Self::CancelDeletion { account } => post(lifecycle(account, "cancel-delete"), None),
        }
    }
}
