//! Users that a filter selects: how many, and who, page by page.

use chrono::{DateTime, Utc};
use orgmirror_domain::filter::Billable;
use orgmirror_domain::ids::AccountKey;
use orgmirror_domain::licence::{self, SEAT_ROLES, Seat};
use serde::Serialize;
use sqlx::FromRow;

use super::Selection;
use super::sql::Statement;
use crate::{Store, StoreResult};

/// A user with what a person looks at first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct User {
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
    /// Newest activity over all products; null for never, or not known.
    pub last_active_at: Option<DateTime<Utc>>,
    /// First added to the organisation.
    pub added_to_org_at: Option<DateTime<Utc>>,
    /// Whether it takes a paid seat.
    pub billable: Billable,
    /// Products that it may use, as `product@site`.
    pub products: Vec<String>,
    /// How many groups it is a member of.
    pub groups: i32,
    /// Roles on the organisation, in the API's words.
    pub platform_roles: Vec<String>,
    /// The row was true at this time or later.
    pub fresh_as_of: DateTime<Utc>,
}

/// Part of a list.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// In the list's order.
    pub users: Vec<User>,
    /// What the next page follows; `None` at the end.
    pub next: Option<AccountKey>,
}

#[derive(FromRow)]
struct Row {
    account_key: i32,
    account_id: String,
    name: Option<String>,
    email: Option<String>,
    status: Option<String>,
    claim_status: Option<String>,
    last_active_at: Option<DateTime<Utc>>,
    added_to_org_at: Option<DateTime<Utc>>,
    has_access: bool,
    seat_held: bool,
    roles_known: bool,
    products: Vec<String>,
    groups: i32,
    platform_roles: Vec<String>,
    fresh_as_of: DateTime<Utc>,
}

impl Store {
    /// How many users a selection has.
    pub async fn count_users(&self, selection: &Selection) -> StoreResult<i64> {
        // Not persistent, here and below: each text is another, and a plan that does not know the bound lists is a slow one.
        let mut sql = Statement::new("-- filter.count\nSELECT count(*) FROM account AS a\nWHERE");
        selection.write_condition(&mut sql);
        Ok(sql.0.build_query_scalar().persistent(false).fetch_one(&self.pool).await?)
    }

    /// At most `limit` users of a selection, those after `after`, in a stable order.
    pub async fn users(&self, selection: &Selection, after: Option<AccountKey>, limit: u16) -> StoreResult<UserPage> {
        let mut sql = Statement::new("-- filter.users\nWITH page AS (\n    SELECT * FROM account AS a\n    WHERE");
        selection.write_condition(&mut sql);
        sql.text(" AND a.account_key > ").bind(after.map_or(0, |key| key.0));
        sql.text("\n    ORDER BY a.account_key LIMIT ").bind(i64::from(limit));
        sql.text("\n)\nSELECT page.account_key, k.account_id, page.name, page.email, page.status, page.claim_status, page.added_to_org_at,")
            .text("\n    (SELECT max(at) FROM unnest(page.access_active_at) AS at) AS last_active_at,")
            .text("\n    page.access_keys <> '{}' AS has_access, ")
            .bind(selection.names.groups_granting_seats())
            .text(" && page.group_keys OR EXISTS (SELECT FROM direct_role AS d")
            .text(" WHERE d.account_key = page.account_key AND d.access_key = ANY (page.access_keys) AND d.roles && ")
            .bind(SEAT_ROLES.map(str::to_owned).to_vec())
            .text(") AS seat_held,")
            .text("\n    cardinality(page.access_keys) = (SELECT count(*) FROM direct_role AS d")
            .text(" WHERE d.account_key = page.account_key AND d.access_key = ANY (page.access_keys) AND d.certain) AS roles_known,")
            .text("\n    ARRAY (SELECT p.product || '@' || coalesce(w.name, regexp_replace(p.resource_id, '^.*site/', ''))")
            .text(" FROM access_key AS p LEFT JOIN workspace AS w")
            .text(" ON w.org_key = p.org_key AND w.resource_id = p.resource_id AND w.product = p.product")
            .text(" WHERE p.access_key = ANY (page.access_keys) ORDER BY 1) AS products,")
            .text("\n    cardinality(page.group_keys) AS groups, page.platform_roles,")
            .text("\n    CASE WHEN o.watermark > page.observed AND NOT EXISTS (SELECT FROM run_exception AS e")
            .text(" WHERE e.run_key = o.watermark_run_key AND e.kind = 'account' AND e.entity_key = page.account_key)")
            .text(" THEN o.watermark_at ELSE page.observed_at END AS fresh_as_of")
            .text("\nFROM page INNER JOIN account_key AS k USING (account_key) INNER JOIN org AS o ON o.org_key = page.org_key")
            .text("\nORDER BY page.account_key");
        let rows: Vec<Row> = sql.0.build_query_as().persistent(false).fetch_all(&self.pool).await?;
        let full = rows.len() == usize::from(limit);
        let next = rows.last().filter(|_| full).map(|row| AccountKey(row.account_key));
        Ok(UserPage { users: rows.into_iter().map(User::from).collect(), next })
    }
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        Self {
            billable: licence::billable(row.status.as_deref(), row.has_access, Seat::of(row.seat_held, row.roles_known)),
            account_id: row.account_id,
            name: row.name,
            email: row.email,
            status: row.status,
            claim_status: row.claim_status,
            last_active_at: row.last_active_at,
            added_to_org_at: row.added_to_org_at,
            products: row.products,
            groups: row.groups,
            platform_roles: row.platform_roles,
            fresh_as_of: row.fresh_as_of,
        }
    }
}
