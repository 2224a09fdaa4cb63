//! What one call of the API said about one account or group, whole.
//!
//! An account comes with all memberships, product access and platform roles: that is the unit of truth and of writing. Words
//! (statuses, roles, products) stay as the API sends them, since their sets are open.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, DirectoryId, GroupId, ResourceId};

/// An account with everything that `users/search` tells when all is expanded.
///
/// Invariant, kept by [`Account::normalized`]: `platform_roles`, `access` and `groups` are sorted and without repeats, so two
/// observations of the same state are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's own, named in its reference")]
pub struct Account {
    pub account_id: AccountId,
    pub account_type: Option<String>,
    pub status: Option<String>,
    pub account_status: Option<String>,
    pub membership_status: Option<String>,
    pub claim_status: Option<String>,
    pub management_source: Option<String>,
    pub mfa_enabled: Option<bool>,
    pub email_verified: Option<bool>,
    pub added_to_org_at: Option<DateTime<Utc>>,
    pub name: Option<String>,
    pub nickname: Option<String>,
    pub email: Option<String>,
    pub picture: Option<String>,
    pub avatar: Option<String>,
    pub job_title: Option<String>,
    pub department: Option<String>,
    pub organization: Option<String>,
    pub location: Option<String>,
    pub time_zone: Option<String>,
    pub deactivated_at: Option<DateTime<Utc>>,
    pub for_deletion: Option<bool>,
    pub platform_roles: Vec<String>,
    pub access: Vec<ProductAccess>,
    pub groups: Vec<GroupId>,
}

/// That an account may use a product on a site, and when it last did.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProductAccess {
    /// The resource's ARI.
    pub resource: ResourceId,
    /// The product's key as sent with the access: `confluence`, `jira-software`.
    pub product: String,
    /// Last activity, in microseconds (the API sends nanoseconds, Postgres keeps microseconds).
    pub last_active_at: Option<DateTime<Utc>>,
}

impl Account {
    /// Sorts what is a set, and drops repeats.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        self.platform_roles.sort_unstable();
        self.platform_roles.dedup();
        self.access.sort_unstable();
        self.access.dedup_by(|later, kept| later.resource == kept.resource && later.product == kept.product);
        self.groups.sort_unstable();
        self.groups.dedup();
        self
    }
}

/// A group with its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's own, named in its reference")]
pub struct Group {
    pub group_id: GroupId,
    pub name: Option<String>,
    pub description: Option<String>,
    pub directory_id: Option<DirectoryId>,
    pub external_synced: Option<bool>,
    pub managed_by: Option<String>,
    pub deletable: Option<bool>,
    pub modifiable: Option<bool>,
    pub readable: Option<bool>,
    /// `counts.users`.
    pub member_count: Option<i32>,
    /// `counts.resources`: on how many resources the group grants a role.
    pub resource_count: Option<i32>,
}

/// What a group grants on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The resource's ARI.
    pub resource: ResourceId,
    /// `resourceOwner`: the product, or `platform`.
    pub owner: Option<String>,
    /// Roles granted, sorted.
    pub roles: Vec<String>,
    /// The role that new users of the product get by this group.
    pub default_role: Option<String>,
}

/// A directory of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Its id.
    pub directory_id: DirectoryId,
    /// Its name.
    pub name: Option<String>,
}

/// A product on a site, with its seats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's own, named in its reference")]
pub struct Workspace {
    pub resource: ResourceId,
    /// The machine key (`attributes.typeKey`, else `attributes.type`): `jira-software`.
    pub product: String,
    pub name: Option<String>,
    pub host_url: Option<String>,
    pub status: Option<String>,
    pub capacity: Option<i64>,
    pub usage: Option<i64>,
}
