//! Domains and policies of the organisation.

use serde_json::Value;

use crate::client::Client;
use crate::error::ApiError;
use crate::operation::{Operation, Permit};
use crate::organisation::ListPage;
use crate::transport::{Call, malformed};
use crate::wire::organisation::Single;
use crate::wire::policy::{WireDomain, WirePolicy};

/// A domain that the organisation has claimed, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its id.
    pub domain_id: String,
    /// `example.com`.
    pub name: Option<String>,
    /// How it was claimed: http or dns.
    pub claim: Option<String>,
    /// `verified` and others.
    pub status: Option<String>,
}

/// A policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its id.
    pub policy_id: String,
    /// `ip-allowlist`, `data-residency`, `data-security`.
    pub kind: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// `enabled` or `disabled`.
    pub status: Option<String>,
    /// What it says, in the API's own form, which differs by type.
    pub rule: Option<Value>,
}

impl Client {
    /// A page of domains.
    pub async fn domains(&self, permit: Permit, cursor: Option<&str>) -> Result<ListPage<Domain>, ApiError> {
        self.v1_list(permit, Operation::Domains, &["domains"], &[], cursor, WireDomain::into_domain).await
    }

    /// One domain.
    pub async fn domain(&self, permit: Permit, domain_id: &str) -> Result<Domain, ApiError> {
        let (operation, url) = (Operation::Domain, self.url("v1", &["domains", domain_id]));
        let Single::<WireDomain> { data } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        data.into_domain(0).map_err(malformed(operation))
    }

    /// A page of policies, of one type or of all.
    pub async fn policies(&self, permit: Permit, kind: Option<&str>, cursor: Option<&str>) -> Result<ListPage<Policy>, ApiError> {
        let query: Vec<_> = kind.map(|kind| ("type", kind)).into_iter().collect();
        self.v1_list(permit, Operation::Policies, &["policies"], &query, cursor, WirePolicy::into_policy).await
    }

    /// One policy.
    pub async fn policy(&self, permit: Permit, policy_id: &str) -> Result<Policy, ApiError> {
        let (operation, url) = (Operation::Policy, self.url("v1", &["policies", policy_id]));
        let Single::<WirePolicy> { data } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        data.into_policy(0).map_err(malformed(operation))
    }
}
