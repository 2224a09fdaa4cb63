//! The list of users: any filter, any order, a page of it with all that a row shows.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::{AccountId, OrgKey};
use orgmirror_domain::listing::{Direction, UserSort};
use serde::Serialize;

use super::remembered::{Answer, Weight};
use super::{Place, Window, window};
use crate::filter::Caveat;
use crate::{Store, StoreResult};

/// Which users, in which order.
#[derive(Clone, Debug)]
pub struct UserQuery {
    /// Who.
    pub filter: Filter,
    /// By what.
    pub sort: UserSort,
    /// From which end.
    pub direction: Direction,
}

/// A user with what a row shows.
#[derive(Clone, Debug, Serialize)]
pub struct UserRow {
    /// The API's id.
    pub account_id: String,
    /// As shown; null where the API hides it.
    pub name: Option<String>,
    /// Null where the API hides it.
    pub email: Option<String>,
    /// Composite status, in the API's word.
    pub status: Option<String>,
    /// `managed` or `unmanaged`.
    pub claim_status: Option<String>,
    /// Newest activity: on the product in view, or on any. Null for never, or not known.
    pub last_active_at: Option<DateTime<Utc>>,
    /// On which product that was.
    pub last_active_on: Option<String>,
    /// First added to the organisation.
    pub added_to_org_at: Option<DateTime<Utc>>,
    /// Products that it may use, each once.
    pub products: Vec<String>,
    /// Sites on which it may use a product: names, or ids where a site has none.
    pub sites: Vec<String>,
    /// How many groups it is a member of.
    pub groups: i32,
    /// Roles on the organisation, in the API's words.
    pub platform_roles: Vec<String>,
    /// The row was true at this time or later.
    pub fresh_as_of: DateTime<Utc>,
}

/// Part of a list of users.
#[derive(Clone, Debug)]
pub struct UserList {
    /// In the list's order.
    pub users: Vec<UserRow>,
    /// Which part it is.
    pub window: Window,
    /// What limits the answer to this filter.
    pub caveats: Vec<Caveat>,
}

/// A list as it is remembered, the least first.
#[derive(Debug)]
pub(super) struct Listed {
    keys: Vec<i32>,
    /// Keys of the product that activity is shown for; empty for any.
    in_view: Vec<i32>,
    caveats: Vec<Caveat>,
}

impl Weight for Listed {
    fn weight(&self) -> usize {
        self.keys.weight()
    }
}

impl Store {
    /// A page of at most `limit` users.
    pub async fn user_list(&self, org: OrgKey, query: &UserQuery, place: &Place, limit: usize) -> StoreResult<UserList> {
        let list = self.listed(org, query).await?;
        let anchor = match place {
            Place::After { id, .. } | Place::Before { id, .. } => self.known_account(org, id).await?,
            Place::Start | Place::At(_) => None,
        };
        let (window, part) = window(&list.value.keys, query.direction, place, anchor, limit, list.as_of);
        let users = self.user_rows(&part, &list.value.in_view).await?;
        Ok(UserList { users, window, caveats: list.value.caveats.clone() })
    }

    /// How many users a filter has: the number that its list shows.
    pub async fn user_count(&self, org: OrgKey, filter: &Filter) -> StoreResult<usize> {
        let query = UserQuery { filter: filter.clone(), sort: UserSort::Name, direction: Direction::Ascending };
        Ok(self.listed(org, &query).await?.value.keys.len())
    }

    /// Ids of all users of a list, in its order; `None` if there are more than `limit`.
    pub async fn user_ids(&self, org: OrgKey, query: &UserQuery, limit: usize) -> StoreResult<Option<Vec<AccountId>>> {
        let list = self.listed(org, query).await?;
        if list.value.keys.len() > limit {
            return Ok(None);
        }
        let ids = sqlx::query_scalar!(
            r#"-- browse.user_ids
            SELECT k.account_id FROM unnest($1::integer[]) WITH ORDINALITY AS listed (key, position)
            INNER JOIN account_key AS k ON k.account_key = listed.key
            ORDER BY listed.position"#,
            &list.value.keys
        );
        let mut ids: Vec<AccountId> = ids.fetch_all(&self.pool).await?.into_iter().map(AccountId::from).collect();
        if query.direction == Direction::Descending {
            ids.reverse();
        }
        Ok(Some(ids))
    }

    async fn listed(&self, org: OrgKey, query: &UserQuery) -> StoreResult<Arc<Answer<Listed>>> {
        let question = format!("users {} {}", query.sort, query.filter);
        let (filter, sort) = (query.filter.clone(), query.sort);
        let make = move |store: Store| async move {
            let selection = store.select(org, &filter, Utc::now()).await?;
            let keys = store.ordered_accounts(&selection, sort).await?;
            Ok(Listed { keys, in_view: selection.keys_in_view(), caveats: selection.caveats() })
        };
        self.memory.users.get(self, org, question, make).await
    }

    async fn known_account(&self, org: OrgKey, id: &str) -> StoreResult<Option<i32>> {
        let key = sqlx::query_scalar!("SELECT account_key FROM account_key WHERE org_key = $1 AND account_id = $2", org.0, id);
        Ok(key.fetch_optional(&self.pool).await?)
    }

    /// Rows of these keys, in their order, without those that left the mirror meanwhile. Activity is that on `in_view`, unless it is empty.
    async fn user_rows(&self, keys: &[i32], in_view: &[i32]) -> StoreResult<Vec<UserRow>> {
        let rows = sqlx::query_as!(
            UserRow,
            r#"-- browse.user_rows
            SELECT
                k.account_id, a.name, a.email, a.status, a.claim_status, a.added_to_org_at, a.platform_roles,
                cardinality(a.group_keys) AS "groups!", newest.active_at AS last_active_at, newest.product AS "last_active_on?",
                ARRAY (SELECT DISTINCT p.product FROM access_key AS p WHERE p.access_key = ANY (a.access_keys) ORDER BY 1) AS "products!",
                ARRAY (
                    SELECT DISTINCT coalesce(s.name, regexp_replace(p.resource_id, '^.*site/', ''))
                    FROM access_key AS p
                    LEFT JOIN workspace AS s ON s.org_key = p.org_key AND s.resource_id = p.resource_id AND s.product = p.product
                    WHERE p.access_key = ANY (a.access_keys) ORDER BY 1
                ) AS "sites!",
                CASE
                    WHEN o.watermark > a.observed AND NOT EXISTS (
                        SELECT FROM run_exception AS e
                        WHERE e.run_key = o.watermark_run_key AND e.kind = 'account' AND e.entity_key = a.account_key
                    ) THEN o.watermark_at
                    ELSE a.observed_at
                END AS "fresh_as_of!"
            FROM unnest($1::integer[]) WITH ORDINALITY AS listed (key, position)
            INNER JOIN account AS a ON a.account_key = listed.key AND a.known_alive AND a.hidden_at IS NULL
            INNER JOIN account_key AS k ON k.account_key = a.account_key
            INNER JOIN org AS o ON o.org_key = a.org_key
            LEFT JOIN LATERAL (
                SELECT access.active_at, p.product
                FROM unnest(a.access_keys, a.access_active_at) AS access (access_key, active_at)
                INNER JOIN access_key AS p ON p.access_key = access.access_key
                WHERE access.active_at IS NOT NULL AND ($2::integer[] = '{}' OR access.access_key = ANY ($2))
                ORDER BY access.active_at DESC, p.product LIMIT 1
            ) AS newest ON true
            ORDER BY listed.position"#,
            keys,
            in_view
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
