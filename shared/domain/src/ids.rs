//! Names of things: the API's own ids, and the small keys that stand for them in the database.
//!
//! A newtype each, so that no two of them can be mixed up. Keys never leave the process and the database; what people, files
//! and the queue see are ids.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as the API writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    };
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident($of:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $of);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id! {
    /// An organisation, a UUID in practice; kept as sent.
    OrgId
}
text_id! {
    /// An account: opaque, `[a-zA-Z0-9_|:-]{1,128}`.
    AccountId
}
text_id! {
    /// A directory of an organisation.
    DirectoryId
}
text_id! {
    /// A resource, by its ARI: `ari:cloud:confluence::site/<cloudId>`.
    ResourceId
}

impl ResourceId {
    /// The site that the resource belongs to: what follows `site/` in its ARI, or the whole id where it is no such ARI.
    pub fn site(&self) -> &str {
        self.0.rsplit_once("site/").map_or(self.as_str(), |(_, site)| site)
    }
}

/// A group, always the bare UUID; the API also writes it as `ari:cloud:identity::group/<uuid>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct GroupId(pub Uuid);

impl GroupId {
    /// Reads a bare UUID or a group ARI; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.rsplit_once('/').map_or(text, |(_, bare)| bare);
        Uuid::parse_str(bare).ok().map(Self)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A sync run, as people and interfaces name it. Version 7, so runs sort by when they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A bulk operation, as people and interfaces name it. Version 7, so operations sort by when they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct OperationId(pub Uuid);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run of a task, as people and interfaces name it. Version 7, so runs sort by when they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct TaskRunId(pub Uuid);

impl fmt::Display for TaskRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

key! {
    /// An organisation's row.
    OrgKey(i32)
}
key! {
    /// An account's row; stands for one account id of one organisation for ever.
    AccountKey(i32)
}
key! {
    /// A group's row; stands for one group id of one organisation for ever.
    GroupKey(i32)
}
key! {
    /// A pair of resource and product, as product access names them.
    AccessKey(i32)
}
key! {
    /// A run's row, and its advisory lock.
    RunKey(i64)
}
key! {
    /// A job's row in the ledger.
    JobKey(i64)
}
key! {
    /// A bulk operation's row.
    OperationKey(i64)
}
key! {
    /// The row of one account of a bulk operation.
    ItemKey(i64)
}
key! {
    /// The row of one attempt to make an item's call.
    AttemptKey(i64)
}
key! {
    /// The row of a person who may use the console.
    PersonKey(i32)
}
key! {
    /// A task's row.
    TaskKey(i64)
}
key! {
    /// The row of a run of a task.
    TaskRunKey(i64)
}
key! {
    /// A number from the one sequence `instant`: the only notion of before and after.
    Instant(i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_the_same_as_uuid_and_as_ari() {
        let bare = "6a1e0b2c-0000-4000-8000-000000000001";
        assert_eq!(GroupId::parse(bare), GroupId::parse(&format!("ari:cloud:identity::group/{bare}")));
        assert_eq!(GroupId::parse("not a group"), None);
    }

    #[test]
    fn a_resource_knows_its_site() {
        assert_eq!(ResourceId::from("ari:cloud:confluence::site/9c").site(), "9c");
        assert_eq!(ResourceId::from("9c").site(), "9c");
    }
}
