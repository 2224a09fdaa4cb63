//! Filters over the mirror: names become keys, the tree becomes the condition of one statement, users come page by page.
//!
//! Invariants
//! - Every value is bound. The statement's text is made of literals of this crate alone ([`sql::Statement`] takes nothing else).
//! - Every condition is true or false, never null, so that a negation matches exactly the rest.
//! - Rows come in the order of their keys, which never change: a page continues after the last key of the one before, and costs no
//!   more than the part of the table that it looks through.
//!
//! The text is made at run time, so these statements are the only ones that the compiler cannot check; tests run each condition.

pub mod chosen;
mod condition;
mod names;
mod order;
pub mod saved;
mod sql;
mod users;

use chrono::{DateTime, Utc};
use orgmirror_domain::filter::{Condition, Filter};
use orgmirror_domain::ids::OrgKey;
use sqlx::PgConnection;

use crate::{Store, StoreResult};
use names::Names;
pub(crate) use names::grants;
pub use users::{User, UserPage};

/// A filter whose names have been found, and the moment that ages count back from.
#[derive(Debug)]
pub struct Selection {
    org: OrgKey,
    filter: Filter,
    names: Names,
    now: DateTime<Utc>,
}

/// What somebody should know before trusting an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caveat {
    /// Product roles that are held directly, and not by a group, are not known on all products.
    DirectRolesUnknown,
    /// With several directories, who is in one is known by groups alone.
    DirectoriesByGroups,
}

impl Caveat {
    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::DirectRolesUnknown => {
                "on some products roles are known through groups alone: who holds one directly there was not read by the newest full sync"
            }
            Self::DirectoriesByGroups => {
                "with several directories, who is in one is known by their groups: somebody without a group there is missed"
            }
        }
    }
}

impl Store {
    /// Looks up what the filter names. A group, product, site or directory that the mirror does not know is
    /// [`crate::StoreError::UnknownName`].
    pub async fn select(&self, org: OrgKey, filter: &Filter, now: DateTime<Utc>) -> StoreResult<Selection> {
        let mut connection = self.pool.acquire().await?;
        let mut selection = Selection::find(&mut connection, org, filter, now).await?;
        selection.names.find_grants(&mut connection, org).await?;
        Ok(selection)
    }
}

impl Selection {
    /// The same within a transaction, for whoever needs no seats.
    pub(crate) async fn find(
        connection: &mut PgConnection,
        org: OrgKey,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> StoreResult<Self> {
        let names = Names::find(connection, org, &filter.conditions()).await?;
        Ok(Self { org, filter: filter.clone(), names, now })
    }
}

impl Store {
    /// What limits statements about roles and seats.
    pub async fn role_caveat(&self, org: OrgKey) -> StoreResult<Option<Caveat>> {
        Ok((!names::direct_roles_known(&mut *self.pool.acquire().await?, org).await?).then_some(Caveat::DirectRolesUnknown))
    }
}

impl Selection {
    /// What limits this filter's answer.
    pub fn caveats(&self) -> Vec<Caveat> {
        let conditions = self.filter.conditions();
        let product_role = |condition: &&Condition| match condition {
            Condition::Role(roles) => roles.iter().any(|wanted| wanted.on.is_some() || !condition::is_platform(wanted.role)),
            Condition::Billable(_) => true,
            _ => false,
        };
        let roles =
            (conditions.iter().any(product_role) && !self.names.direct_roles_known()).then_some(Caveat::DirectRolesUnknown);
        let directories = conditions.iter().any(|condition| matches!(condition, Condition::Directory(_)));
        let directories = (directories && self.names.directory_count() > 1).then_some(Caveat::DirectoriesByGroups);
        roles.into_iter().chain(directories).collect()
    }
}
