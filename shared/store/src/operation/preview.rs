//! What an operation would do, as the mirror knows it now.

use std::collections::BTreeMap;

use orgmirror_domain::action::{Action, Call, Decision};
use orgmirror_domain::ids::{AccountId, OrgKey};
use orgmirror_domain::item::SkipReason;
use orgmirror_domain::operation::{Admitted, Limits};
use serde::Serialize;

pub use super::freed::FreedSeats;

use super::facts;
use super::freed::freed_seats;
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
    /// How long all these calls take at the rate that the API has shown to allow, in seconds; null while no limit was met.
    pub duration_s: Option<f64>,
    /// How many accounts have which outlook: calls first, then what is so, then each reason to skip.
    pub outcomes: Vec<Outcome>,
    /// Seats that would become free, by product and site.
    pub seats_freed: Vec<FreedSeats>,
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

/// Accounts with the same outlook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Outcome {
    /// `call`, `already_so` or `skipped`.
    pub outlook: &'static str,
    /// Why they would be skipped.
    pub reason: Option<SkipReason>,
    /// How many.
    pub accounts: usize,
}

impl Outlook {
    /// What stands for it in [`Outcome`], in the order in which people look: calls first.
    fn kind(&self) -> (u8, &'static str, Option<SkipReason>) {
        match self {
            Self::Call { .. } => (0, "call", None),
            Self::AlreadySo => (1, "already_so", None),
            Self::Skipped { reason } => (2, "skipped", Some(*reason)),
        }
    }
}

impl Preview {
    /// With the time that its calls take at so many a minute, if that is known.
    #[must_use]
    pub fn at_rate(mut self, per_minute: Option<f64>) -> Self {
        let calls = u32::try_from(self.reads_before + self.writes + self.reads_after).unwrap_or(u32::MAX);
        self.duration_s = per_minute.filter(|rate| *rate > 0.0).map(|rate| f64::from(calls) * 60.0 / rate);
        self
    }
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
        let (mut items, mut changed, mut several_directories) = (Vec::with_capacity(keys.len()), Vec::new(), false);
        let mut outcomes: BTreeMap<(u8, &'static str, Option<SkipReason>), usize> = BTreeMap::new();
        for key in &keys {
            let Some(state) = states.remove(key) else { continue };
            several_directories |= state.view.several_directories;
            let outlook = match action.decide(&state.id, &state.view, group_view) {
                Decision::Call(call) => {
                    changed.push(*key);
                    Outlook::Call { call }
                }
                Decision::AlreadySo => Outlook::AlreadySo,
                Decision::Skip(reason) => Outlook::Skipped { reason },
            };
            *outcomes.entry(outlook.kind()).or_default() += 1;
            items.push(PreviewItem { outlook, account_id: state.id, name: state.name, email: state.email });
        }
        let seats_freed = freed_seats(&mut connection, org, action, group_key, &changed, several_directories).await?;
        let writes = changed.len();
        let outcomes = outcomes.into_iter();
        let admitted = limits.admit(items.len());
        Ok(Preview {
            // Ten accounts a call; the group's own row with one more.
            reads_before: items.len().div_ceil(10) + usize::from(group.is_some()),
            reads_after: writes.div_ceil(10),
            duration_s: None,
            outcomes: outcomes.map(|((_, outlook, reason), accounts)| Outcome { outlook, reason, accounts }).collect(),
            seats_freed,
            group: group.and_then(|group| group.name),
            writes,
            needs_approval: admitted == Admitted::WithApproval,
            too_large: admitted == Admitted::TooMany,
            items,
        })
    }
}
