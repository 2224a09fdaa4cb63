//! Users as `users/search` lists them.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{AccountId, GroupId, ResourceId};
use orgmirror_domain::observation::{Account, ProductAccess};
use orgmirror_domain::query::Listed;
use serde::{Deserialize, Deserializer};

use super::{lenient, time};
use crate::error::Flaw;

/// One user, all expanded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    account_id: Option<String>,
    account_type: Option<String>,
    status: Option<String>,
    account_status: Option<String>,
    membership_status: Option<String>,
    claim_status: Option<String>,
    management_source: Option<String>,
    mfa_enabled: Option<bool>,
    email_verified: Option<bool>,
    #[serde(default, deserialize_with = "time::lenient")]
    added_to_org: Option<DateTime<Utc>>,
    name: Option<String>,
    nickname: Option<String>,
    email: Option<String>,
    picture: Option<String>,
    avatar: Option<String>,
    job_title: Option<String>,
    department: Option<String>,
    organization: Option<String>,
    location: Option<String>,
    time_zone: Option<String>,
    #[serde(default, deserialize_with = "time::lenient")]
    deactivated_on: Option<DateTime<Utc>>,
    for_deletion: Option<bool>,
    platform_roles: Option<Vec<String>>,
    product_access: Option<Vec<Access>>,
    /// Absent where groups were not expanded; null, like an empty list, says that there are none.
    #[serde(default, deserialize_with = "if_present")]
    groups: Option<Option<Vec<Membership>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    id: Option<String>,
    key: Option<String>,
    #[serde(default, deserialize_with = "time::lenient")]
    last_active_timestamp: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Membership {
    #[serde(default, deserialize_with = "lenient::group_id")]
    id: Option<GroupId>,
}

fn if_present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl User {
    /// Whether the row says anything about groups.
    pub(crate) fn is_expanded(&self) -> bool {
        self.groups.is_some()
    }

    /// The account, with a hash of the name it is sorted by.
    pub(crate) fn into_listed(self, row: usize) -> Result<Listed<Account>, Flaw> {
        let unreadable = |field| Flaw::UnreadableId { row, field };
        let account_id = self.account_id.filter(|id| !id.is_empty()).ok_or(unreadable("accountId"))?;
        let access = self.product_access.unwrap_or_default().into_iter().map(Access::into_access).collect::<Option<_>>();
        let groups = self.groups.flatten().unwrap_or_default().into_iter().map(|group| group.id).collect::<Option<_>>();
        let account = Account {
            account_id: AccountId(account_id),
            account_type: self.account_type,
            status: self.status,
            account_status: self.account_status,
            membership_status: self.membership_status,
            claim_status: self.claim_status,
            management_source: self.management_source,
            mfa_enabled: self.mfa_enabled,
            email_verified: self.email_verified,
            added_to_org_at: self.added_to_org,
            name: self.name,
            nickname: self.nickname,
            email: self.email,
            picture: self.picture,
            avatar: self.avatar,
            job_title: self.job_title,
            department: self.department,
            organization: self.organization,
            location: self.location,
            time_zone: self.time_zone,
            deactivated_at: self.deactivated_on,
            for_deletion: self.for_deletion,
            platform_roles: self.platform_roles.unwrap_or_default(),
            access: access.ok_or(unreadable("productAccess[].id"))?,
            groups: groups.ok_or(unreadable("groups[].id"))?,
        };
        let sort_hash = account.nickname.as_deref().map(super::sort_hash);
        Ok(Listed { row: account.normalized(), sort_hash })
    }
}

impl Access {
    fn into_access(self) -> Option<ProductAccess> {
        let resource = self.id.filter(|id| !id.is_empty())?;
        // Nothing is required, so the key may be missing: then the ARI's owner is the product.
        let product = self.key.or_else(|| resource.split(':').nth(2).map(str::to_owned)).unwrap_or_default();
        Some(ProductAccess { resource: ResourceId(resource), product, last_active_at: self.last_active_timestamp })
    }
}

/// `users/stats`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    #[serde(default)]
    pub(crate) account_status: Vec<StatusCount>,
    #[serde(default)]
    pub(crate) roles: Vec<RoleCount>,
}

#[derive(Deserialize)]
pub(crate) struct StatusCount {
    pub(crate) status: String,
    pub(crate) count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleCount {
    pub(crate) role_id: String,
    pub(crate) count: u64,
}
