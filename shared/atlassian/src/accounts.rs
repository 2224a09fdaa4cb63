//! Managed accounts: their old list, what the key may do with one, and its profile.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::AccountId;

use crate::client::Client;
use crate::error::ApiError;
use crate::operation::{Operation, Permit};
use crate::organisation::ListPage;
use crate::transport::{Call, malformed};
use crate::wire::account::{Managed, ProfileBody, Rule};

/// A managed account as v1 lists it. An organisation without a verified domain has none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the API's own, named in its reference")]
pub struct ManagedAccount {
    pub account_id: AccountId,
    pub account_type: Option<String>,
    pub account_status: Option<String>,
    pub name: Option<String>,
    /// Absent where the account hides it.
    pub email: Option<String>,
    pub access_billable: Option<bool>,
    pub last_active_at: Option<DateTime<Utc>>,
}

/// Whether the key may do a thing with an account, or the API's reason why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// It may.
    Yes,
    /// It may not: `externalDirectory.scim`, `managedAccount`, ...
    No(Option<String>),
}

impl Client {
    /// A page of managed accounts.
    pub async fn managed_accounts(&self, permit: Permit, cursor: Option<&str>) -> Result<ListPage<ManagedAccount>, ApiError> {
        self.v1_list(permit, Operation::ManagedAccounts, &["users"], &[], cursor, Managed::into_account).await
    }

    /// What the key may do with an account, by privilege, such as `lifecycle.enablement`; `profile.name` for a part of one.
    pub async fn manageability(&self, permit: Permit, account: &AccountId) -> Result<BTreeMap<String, Allowed>, ApiError> {
        let (operation, url) = (Operation::Manageability, self.account_url(account, &[]));
        let rules: BTreeMap<String, Rule> = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        Ok(Rule::flatten(rules))
    }

    /// The profile of a managed account.
    pub async fn profile(&self, permit: Permit, account: &AccountId) -> Result<ManagedAccount, ApiError> {
        let (operation, url) = (Operation::Profile, self.account_url(account, &["profile"]));
        let body: ProfileBody = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        body.account.into_account(0).map_err(malformed(operation))
    }
}
