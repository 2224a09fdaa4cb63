//! What an exact change of an account may say, and what that does to its row.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::Problem;
use crate::account::{Account, AccountStatus, Membership, Source};
use crate::org::Org;
use crate::role::RoleSet;

/// What to change; absent stays, null clears.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(super) struct Patch {
    name: Option<String>,
    #[serde(deserialize_with = "present")]
    nickname: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    email: Option<Option<String>>,
    email_verified: Option<bool>,
    status: Option<String>,
    account_status: Option<String>,
    membership_status: Option<String>,
    claim_status: Option<String>,
    #[serde(deserialize_with = "present")]
    management_source: Option<Option<String>>,
    mfa_enabled: Option<bool>,
    for_deletion: Option<bool>,
    added_to_org: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "present")]
    deactivated_on: Option<Option<DateTime<Utc>>>,
    #[serde(deserialize_with = "present")]
    job_title: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    department: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    organization: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    location: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    time_zone: Option<Option<String>>,
    platform_roles: Option<Vec<String>>,
    directory_ids: Option<Vec<String>>,
    pub(super) groups: Option<Vec<String>>,
}

/// Tells null from absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Patch {
    pub(super) fn change(&self, org: &Org, account: &mut Account) -> Result<(), Problem> {
        if let Some(name) = &self.name {
            account.name = name.as_str().into();
        }
        set_text(&mut account.nickname, &self.nickname);
        set_text(&mut account.email, &self.email);
        set_shared(&mut account.profile.job_title, &self.job_title);
        set_shared(&mut account.profile.department, &self.department);
        set_shared(&mut account.profile.organization, &self.organization);
        set_shared(&mut account.profile.location, &self.location);
        set_shared(&mut account.profile.time_zone, &self.time_zone);
        account.email_verified = self.email_verified.unwrap_or(account.email_verified);
        account.mfa_enabled = self.mfa_enabled.unwrap_or(account.mfa_enabled);
        account.added_ms = self.added_to_org.map_or(account.added_ms, |at| at.timestamp_millis());
        account.managed = match self.claim_status.as_deref() {
            None => account.managed,
            Some("managed") => true,
            Some("unmanaged") => false,
            Some(word) => return Err(unknown("claimStatus", word)),
        };
        account.source = match self.management_source.as_ref().map(Option::as_deref) {
            None => account.source,
            Some(None) => None,
            Some(Some("invited")) => Some(Source::Invited),
            Some(Some("synced")) => Some(Source::Synced),
            Some(Some(word)) => return Err(unknown("managementSource", word)),
        };
        if let Some(ids) = &self.platform_roles {
            let roles = ids.iter().map(|id| super::groups::role(id)).collect::<Result<Vec<_>, _>>()?;
            account.platform_roles = roles.into_iter().fold(RoleSet::default(), RoleSet::with);
            if !account.platform_roles.minus(RoleSet::PLATFORM).is_empty() {
                return Err(Problem::wrong("platformRoles holds a role that is no platform role"));
            }
        }
        self.change_status(account)?;
        self.change_place(org, account)
    }

    fn change_status(&self, account: &mut Account) -> Result<(), Problem> {
        if let Some(word) = &self.status {
            account.for_deletion = word == "for_deletion";
            (account.status, account.membership) = match word.as_str() {
                "active" => (AccountStatus::Active, Membership::Active),
                "suspended" => (AccountStatus::Active, Membership::Suspended),
                "not_invited" => (AccountStatus::Active, Membership::None),
                "deactivated" => (AccountStatus::Inactive, account.membership),
                "for_deletion" => (account.status, account.membership),
                word => return Err(unknown("status", word)),
            };
        }
        if let Some(word) = &self.account_status {
            let known = AccountStatus::ALL.into_iter().find(|status| status.word() == word);
            account.status = known.ok_or_else(|| unknown("accountStatus", word))?;
        }
        if let Some(word) = &self.membership_status {
            let known = Membership::ALL.into_iter().find(|status| status.word() == word);
            account.membership = known.ok_or_else(|| unknown("membershipStatus", word))?;
        }
        account.for_deletion = self.for_deletion.unwrap_or(account.for_deletion);
        if let Some(at) = self.deactivated_on {
            account.deactivated_ms = at.map(|at| at.timestamp_millis());
        }
        Ok(())
    }

    /// Membership and directories go together: one without the other can't be.
    fn change_place(&self, org: &Org, account: &mut Account) -> Result<(), Problem> {
        if let Some(ids) = &self.directory_ids {
            account.directories = 0;
            for id in ids {
                let found =
                    org.catalog.directory_by_id(id).ok_or_else(|| Problem::missing(format!("there is no directory {id}")))?;
                account.directories |= 1 << found;
            }
            if ids.is_empty() {
                account.membership = Membership::None;
            }
        }
        if account.membership == Membership::None {
            account.directories = 0;
        } else if account.directories == 0 {
            account.directories = 1;
        }
        Ok(())
    }
}

fn unknown(field: &str, word: &str) -> Problem {
    Problem::wrong(format!("{field} can't be `{word}`"))
}

fn set_text(field: &mut Option<Box<str>>, wanted: &Option<Option<String>>) {
    if let Some(wanted) = wanted {
        *field = wanted.as_deref().map(Into::into);
    }
}

fn set_shared(field: &mut Option<Arc<str>>, wanted: &Option<Option<String>>) {
    if let Some(wanted) = wanted {
        *field = wanted.as_deref().map(Into::into);
    }
}
