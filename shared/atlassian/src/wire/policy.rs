//! Domains and policies as v1 lists them.

use serde::Deserialize;
use serde_json::Value;

use crate::error::Flaw;
use crate::policies::{Domain, Policy};

#[derive(Deserialize)]
pub(crate) struct WireDomain {
    id: Option<String>,
    attributes: Option<DomainAttributes>,
}

#[derive(Default, Deserialize)]
struct DomainAttributes {
    name: Option<String>,
    claim: Option<Claim>,
}

#[derive(Default, Deserialize)]
struct Claim {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct WirePolicy {
    id: Option<String>,
    attributes: Option<PolicyAttributes>,
}

#[derive(Default, Deserialize)]
struct PolicyAttributes {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    status: Option<String>,
    rule: Option<Value>,
}

fn id(id: Option<String>, row: usize) -> Result<String, Flaw> {
    id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "id" })
}

impl WireDomain {
    pub(crate) fn into_domain(self, row: usize) -> Result<Domain, Flaw> {
        let attributes = self.attributes.unwrap_or_default();
        let claim = attributes.claim.unwrap_or_default();
        Ok(Domain { domain_id: id(self.id, row)?, name: attributes.name, claim: claim.kind, status: claim.status })
    }
}

impl WirePolicy {
    pub(crate) fn into_policy(self, row: usize) -> Result<Policy, Flaw> {
        let PolicyAttributes { kind, name, status, rule } = self.attributes.unwrap_or_default();
        Ok(Policy { policy_id: id(self.id, row)?, kind, name, status, rule })
    }
}
