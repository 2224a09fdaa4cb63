//! What a bulk operation does to each account: how it is written, whether it is to be done, and by which call.
//!
//! The same decision is taken for the preview and, on fresh data, in the transaction that marks the attempt: what people are shown is
//! what would happen.

mod call;
mod decide;
mod text;

use serde::{Deserialize, Serialize};

pub use call::Call;
pub use decide::{AccountView, Decision, GroupView, ORG_ADMIN, Shown};
pub use text::ActionError;

use crate::ids::{DirectoryId, GroupId, ResourceId};

/// The change of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    /// Makes it a member of a group.
    AddToGroup {
        /// Which.
        group: GroupId,
    },
    /// Takes it out of a group.
    RemoveFromGroup {
        /// Which.
        group: GroupId,
    },
    /// Takes its access to all apps of a directory away; roles and groups are kept.
    Suspend {
        /// Of which directory.
        directory: DirectoryId,
    },
    /// Gives that back.
    Restore {
        /// Of which directory.
        directory: DirectoryId,
    },
    /// Removes it from a directory; roles and groups are lost.
    RemoveFromDirectory {
        /// From which.
        directory: DirectoryId,
    },
    /// Deactivates a managed account everywhere.
    Disable,
    /// Reactivates a managed account.
    Enable,
    /// Gives it a role on a resource.
    GrantRole {
        /// On which.
        resource: ResourceId,
        /// `atlassian/user` and the like.
        role: String,
    },
    /// Takes a role on a resource away.
    RevokeRole {
        /// On which.
        resource: ResourceId,
        /// `atlassian/user` and the like.
        role: String,
    },
}

impl Action {
    /// The words of all of them.
    pub const WORDS: [&'static str; 9] = [
        "add-to-group",
        "remove-from-group",
        "suspend",
        "restore",
        "remove-from-directory",
        "disable",
        "enable",
        "grant-role",
        "revoke-role",
    ];

    /// The word on the command line and on screen.
    pub fn word(&self) -> &'static str {
        match self {
            Self::AddToGroup { .. } => "add-to-group",
            Self::RemoveFromGroup { .. } => "remove-from-group",
            Self::Suspend { .. } => "suspend",
            Self::Restore { .. } => "restore",
            Self::RemoveFromDirectory { .. } => "remove-from-directory",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::GrantRole { .. } => "grant-role",
            Self::RevokeRole { .. } => "revoke-role",
        }
    }

    /// The group that it is about.
    pub fn group(&self) -> Option<GroupId> {
        match self {
            Self::AddToGroup { group } | Self::RemoveFromGroup { group } => Some(*group),
            _ => None,
        }
    }

    /// Whether making the call twice leaves what making it once does. All of these put an account into a state, whatever it was before.
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::AddToGroup { .. }
            | Self::RemoveFromGroup { .. }
            | Self::Suspend { .. }
            | Self::Restore { .. }
            | Self::RemoveFromDirectory { .. }
            | Self::Disable
            | Self::Enable
            | Self::GrantRole { .. }
            | Self::RevokeRole { .. } => true,
        }
    }
}
