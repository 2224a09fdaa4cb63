//! Whom a selection has, whole and in an order; how many several selections have, in one look.

use orgmirror_domain::listing::UserSort;

use super::Selection;
use super::sql::Statement;
use crate::{Store, StoreResult};

impl Selection {
    /// Keys of the product that the filter is about, on each of its sites; empty for any product.
    pub(crate) fn keys_in_view(&self) -> Vec<i32> {
        self.filter.product_in_view().map(|access| self.names.keys_of_access(access)).unwrap_or_default()
    }

    /// Writes what rows of `account AS a` are ordered by, the least first.
    fn write_order(&self, sql: &mut Statement, sort: UserSort) {
        match sort {
            UserSort::Name => sql.text("a.name COLLATE \"und-x-icu\""),
            UserSort::Email => sql.text("lower(a.email) COLLATE \"C\""),
            UserSort::Status => sql.text("a.status"),
            UserSort::Added => sql.text("a.added_to_org_at NULLS FIRST"),
            UserSort::Groups => sql.text("cardinality(a.group_keys)"),
            UserSort::LastActive => {
                let keys = self.keys_in_view();
                if keys.is_empty() {
                    sql.text("(SELECT max(at) FROM unnest(a.access_active_at) AS at)");
                } else {
                    sql.text("greatest(");
                    sql.joined(keys, ", ", |sql, key| {
                        sql.text("a.access_active_at[array_position(a.access_keys, ").bind(key).text(")]");
                    });
                    sql.text(")");
                }
                sql.text(" NULLS FIRST")
            }
        };
    }
}

impl Store {
    /// Keys of all users of a selection, the least first. At full size a tenth to a third of a second: for lists that are kept.
    pub(crate) async fn ordered_accounts(&self, selection: &Selection, sort: UserSort) -> StoreResult<Vec<i32>> {
        let mut sql = Statement::new("-- filter.ordered\nSELECT coalesce(array_agg(listed.key), '{}') FROM (");
        sql.text("\n    SELECT a.account_key AS key FROM account AS a\n    WHERE");
        selection.write_condition(&mut sql);
        sql.text("\n    ORDER BY ");
        selection.write_order(&mut sql, sort);
        sql.text(", a.account_key\n) AS listed");
        Ok(sql.0.build_query_scalar().persistent(false).fetch_one(&self.pool).await?)
    }

    /// How many users each selection has, in one look at the accounts, so that the numbers are of the same moment. All are of one
    /// organisation; none of none.
    pub(crate) async fn count_each(&self, selections: &[Selection]) -> StoreResult<Vec<i64>> {
        let Some(first) = selections.first() else { return Ok(Vec::new()) };
        let mut sql = Statement::new("-- filter.count_each\nSELECT ARRAY[");
        sql.joined(selections, ",", |sql, selection| {
            sql.text("\n    count(*) FILTER (WHERE");
            selection.write_condition(sql);
            sql.text(")");
        });
        sql.text("\n] FROM account AS a WHERE a.known_alive AND a.hidden_at IS NULL AND a.org_key = ").bind(first.org.0);
        Ok(sql.0.build_query_scalar().persistent(false).fetch_one(&self.pool).await?)
    }
}
