//! Managed accounts, in snake case, and what may be done with them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::AccountId;
use serde::Deserialize;

use super::time;
use crate::accounts::{Allowed, ManagedAccount};
use crate::error::Flaw;

#[derive(Deserialize)]
pub(crate) struct Managed {
    account_id: Option<String>,
    account_type: Option<String>,
    account_status: Option<String>,
    name: Option<String>,
    email: Option<String>,
    access_billable: Option<bool>,
    #[serde(default, deserialize_with = "time::lenient")]
    last_active: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(crate) struct ProfileBody {
    pub(crate) account: Managed,
}

impl Managed {
    pub(crate) fn into_account(self, row: usize) -> Result<ManagedAccount, Flaw> {
        let id = self.account_id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "account_id" })?;
        Ok(ManagedAccount {
            account_id: AccountId(id),
            account_type: self.account_type,
            account_status: self.account_status,
            name: self.name,
            email: self.email,
            access_billable: self.access_billable,
            last_active_at: self.last_active,
        })
    }
}

/// Allowed or not, or such rules by name; whatever else tells nothing.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Rule {
    Plain { allowed: bool, reason: Option<Reason> },
    Parts(BTreeMap<String, Rule>),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
pub(crate) struct Reason {
    key: Option<String>,
}

impl Rule {
    /// Parts get their whole's name in front, with a dot.
    pub(crate) fn flatten(rules: BTreeMap<String, Self>) -> BTreeMap<String, Allowed> {
        let mut flat = BTreeMap::new();
        for (name, rule) in rules {
            match rule {
                Self::Plain { allowed: true, .. } => {
                    flat.insert(name, Allowed::Yes);
                }
                Self::Plain { allowed: false, reason } => {
                    flat.insert(name, Allowed::No(reason.and_then(|reason| reason.key)));
                }
                Self::Parts(parts) => {
                    flat.extend(Self::flatten(parts).into_iter().map(|(part, allowed)| (format!("{name}.{part}"), allowed)));
                }
                Self::Other(_) => {}
            }
        }
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_in_every_depth() {
        let body = r#"{"lifecycle.enablement":{"allowed":true},"email.set":{"allowed":false,"reason":{"key":"externalDirectory.scim"}},
            "profile":{"name":{"allowed":false,"reason":null},"later":7}}"#;
        let flat = Rule::flatten(serde_json::from_str(body).unwrap());
        assert_eq!(flat["lifecycle.enablement"], Allowed::Yes);
        assert_eq!(flat["email.set"], Allowed::No(Some("externalDirectory.scim".into())));
        assert_eq!((&flat["profile.name"], flat.len()), (&Allowed::No(None), 3));
    }
}
