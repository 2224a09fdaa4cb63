//! What an operation would do, as the mirror knows it now.

use orgmirror_domain::action::{Action, Call, Decision};
use orgmirror_domain::ids::{AccountId, OrgKey};
use orgmirror_domain::item::SkipReason;
use orgmirror_domain::operation::{Admitted, Limits};
use serde::Serialize;

use super::facts;
use crate::{Store, StoreResult};

/// A list of what would happen, with what it would cost.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// An entry for each account, in the order given.
    pub items: Vec<PreviewItem>,
    /// Name of the action's group, where the mirror has it.
    pub group: Option<String>,
    /// Calls that would change something.
    pub writes: usize,
    /// Calls that read the accounts and the group anew before anything is changed.
    pub reads_before: usize,
    /// Calls that look whether the API shows the result; more while it is behind.
    pub reads_after: usize,
    /// Whether a second person has to approve.
    pub needs_approval: bool,
    /// Whether it is larger than an operation may be.
    pub too_large: bool,
}

/// What would happen to an account.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PreviewItem {
    /// Which.
    pub account_id: AccountId,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub email: Option<String>,
    /// What would be done.
    pub outlook: Outlook,
}

/// What would be done for an account.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "outlook", rename_all = "snake_case")]
pub enum Outlook {
    /// This call.
    Call {
        /// With its parameters.
        #[serde(flatten)]
        call: Call,
    },
    /// Nothing: it is so.
    AlreadySo,
    /// Nothing, for a reason.
    Skipped {
        /// The reason.
        reason: SkipReason,
    },
}

impl Store {
    /// Shows what an operation would do if what the mirror knows is still true. Asks nobody and changes nothing.
    pub async fn preview_operation(
        &self,
        org: OrgKey,
        action: &Action,
        accounts: &[AccountId],
        limits: &Limits,
    ) -> StoreResult<Preview> {
        let mut met = std::collections::HashSet::new();
        let ids: Vec<&AccountId> = accounts.iter().filter(|id| met.insert(*id)).collect();
        let keys = self.account_keys(org, &ids).await?;
        let group_key = match action.group() {
            Some(group) => self.group_keys(org, &[group]).await?.get(&group).copied(),
            None => None,
        };
        let mut connection = self.pool.acquire().await?;
        let mut states = facts::accounts(&mut connection, &keys, group_key, &limits.protected_accounts).await?;
        let group = match group_key {
            Some(key) => Some(facts::group(&mut connection, key, &limits.protected_groups).await?),
            None => None,
        };
        let group_view = group.as_ref().map(|group| &group.view);
        let items: Vec<PreviewItem> = keys
            .iter()
            .filter_map(|key| states.remove(key))
            .map(|state| PreviewItem {
                outlook: match action.decide(&state.id, &state.view, group_view) {
                    Decision::Call(call) => Outlook::Call { call },
                    Decision::AlreadySo => Outlook::AlreadySo,
                    Decision::Skip(reason) => Outlook::Skipped { reason },
                },
                account_id: state.id,
                name: state.name,
                email: state.email,
            })
            .collect();
        let writes = items.iter().filter(|item| matches!(item.outlook, Outlook::Call { .. })).count();
        let admitted = limits.admit(items.len());
        Ok(Preview {
            // Ten accounts a call; the group's own row with one more.
            reads_before: items.len().div_ceil(10) + usize::from(group.is_some()),
            reads_after: writes.div_ceil(10),
            group: group.and_then(|group| group.name),
            writes,
            needs_approval: admitted == Admitted::WithApproval,
            too_large: admitted == Admitted::TooMany,
            items,
        })
    }
}
