//! Users as `users/search` lists them.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{AccountId, GroupId, ResourceId};
use orgmirror_domain::observation::{Account, ProductAccess};
use orgmirror_domain::query::Listed;
use serde::Deserialize;

use super::lenient;
use super::told::{Expected, Told, if_present, list, untold};
use crate::error::Flaw;

/// One user, all expanded.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct User {
    account_id: Option<String>,
    account_type: Told<String>,
    status: Told<String>,
    account_status: Told<String>,
    membership_status: Told<String>,
    claim_status: Told<String>,
    management_source: Told<String>,
    mfa_enabled: Told<bool>,
    email_verified: Told<bool>,
    added_to_org: Told<DateTime<Utc>>,
    name: Told<String>,
    nickname: Told<String>,
    email: Told<String>,
    picture: Told<String>,
    avatar: Told<String>,
    job_title: Told<String>,
    department: Told<String>,
    organization: Told<String>,
    location: Told<String>,
    time_zone: Told<String>,
    deactivated_on: Told<DateTime<Utc>>,
    for_deletion: Told<bool>,
    #[serde(deserialize_with = "if_present")]
    platform_roles: Option<Option<Vec<String>>>,
    #[serde(deserialize_with = "if_present")]
    product_access: Option<Option<Vec<Access>>>,
    /// Absent where groups were not expanded; null, like an empty list, says that there are none.
    #[serde(deserialize_with = "if_present")]
    groups: Option<Option<Vec<Membership>>>,
}

/// What a row should tell, in the order of [`User::told`]. A gate decides by the four statuses, and the lists were asked for. Groups are
/// not among them: a page without them is refused as a whole.
const PROPERTIES: [(&str, Expected); 23] = [
    ("accountType", Expected::OrNull),
    ("status", Expected::Always),
    ("accountStatus", Expected::Always),
    ("membershipStatus", Expected::Always),
    ("claimStatus", Expected::Always),
    ("managementSource", Expected::OrNull),
    ("mfaEnabled", Expected::OrNull),
    ("emailVerified", Expected::OrNull),
    ("addedToOrg", Expected::OrNull),
    ("name", Expected::OrNull),
    ("nickname", Expected::OrNull),
    ("email", Expected::OrHidden),
    ("picture", Expected::OrNull),
    ("avatar", Expected::OrNull),
    ("jobTitle", Expected::OrNull),
    ("department", Expected::OrNull),
    ("organization", Expected::OrNull),
    ("location", Expected::OrNull),
    ("timeZone", Expected::OrNull),
    ("deactivatedOn", Expected::OrNull),
    ("forDeletion", Expected::OrNull),
    ("platformRoles", Expected::Always),
    ("productAccess", Expected::Always),
];

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Access {
    id: Option<String>,
    key: Option<String>,
    last_active_timestamp: Told<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Membership {
    #[serde(default, deserialize_with = "lenient::group_id")]
    id: Option<GroupId>,
}

impl User {
    /// Whether the row says anything about groups.
    pub(crate) fn is_expanded(&self) -> bool {
        self.groups.is_some()
    }

    /// The accounts of a page, in order, each with a hash of the name it is sorted by and with what its row left out.
    pub(crate) fn into_listed(page: Vec<Self>) -> Result<Vec<Listed<Account>>, Flaw> {
        let untold = untold(&PROPERTIES, &page.iter().map(Self::told).collect::<Vec<_>>());
        let rows = page.into_iter().zip(untold).enumerate();
        rows.map(|(row, (user, untold))| {
            let row = user.into_account(row)?;
            let sort_hash = row.nickname.as_deref().map(super::sort_hash);
            Ok(Listed { row, sort_hash, untold })
        })
        .collect()
    }

    fn told(&self) -> [Told<()>; PROPERTIES.len()] {
        [
            self.account_type.whether(),
            self.status.whether(),
            self.account_status.whether(),
            self.membership_status.whether(),
            self.claim_status.whether(),
            self.management_source.whether(),
            self.mfa_enabled.whether(),
            self.email_verified.whether(),
            self.added_to_org.whether(),
            self.name.whether(),
            self.nickname.whether(),
            self.email.whether(),
            self.picture.whether(),
            self.avatar.whether(),
            self.job_title.whether(),
            self.department.whether(),
            self.organization.whether(),
            self.location.whether(),
            self.time_zone.whether(),
            self.deactivated_on.whether(),
            self.for_deletion.whether(),
            list(&self.platform_roles),
            list(&self.product_access),
        ]
    }

    /// The account of row `row` of its page.
    pub(crate) fn into_account(self, row: usize) -> Result<Account, Flaw> {
        let unreadable = |field| Flaw::UnreadableId { row, field };
        let account_id = self.account_id.filter(|id| !id.is_empty()).ok_or(unreadable("accountId"))?;
        let access =
            self.product_access.flatten().unwrap_or_default().into_iter().map(Access::into_access).collect::<Option<_>>();
        let groups = self.groups.flatten().unwrap_or_default().into_iter().map(|group| group.id).collect::<Option<_>>();
        let account = Account {
            account_id: AccountId(account_id),
            account_type: self.account_type.value(),
            status: self.status.value(),
            account_status: self.account_status.value(),
            membership_status: self.membership_status.value(),
            claim_status: self.claim_status.value(),
            management_source: self.management_source.value(),
            mfa_enabled: self.mfa_enabled.value(),
            email_verified: self.email_verified.value(),
            added_to_org_at: self.added_to_org.value(),
            name: self.name.value(),
            nickname: self.nickname.value(),
            email: self.email.value(),
            picture: self.picture.value(),
            avatar: self.avatar.value(),
            job_title: self.job_title.value(),
            department: self.department.value(),
            organization: self.organization.value(),
            location: self.location.value(),
            time_zone: self.time_zone.value(),
            deactivated_at: self.deactivated_on.value(),
            for_deletion: self.for_deletion.value(),
            platform_roles: self.platform_roles.flatten().unwrap_or_default(),
            access: access.ok_or(unreadable("productAccess[].id"))?,
            groups: groups.ok_or(unreadable("groups[].id"))?,
        };
        Ok(account.normalized())
    }
}

impl Access {
    fn into_access(self) -> Option<ProductAccess> {
        let resource = self.id.filter(|id| !id.is_empty())?;
        // Nothing is required, so the key may be missing: then the ARI's owner is the product.
        let product = self.key.or_else(|| resource.split(':').nth(2).map(str::to_owned)).unwrap_or_default();
        Some(ProductAccess { resource: ResourceId(resource), product, last_active_at: self.last_active_timestamp.value() })
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
