//! Accounts that a filter chooses, to be acted on: which, whether they still match, and who else does.

use orgmirror_domain::ids::{AccountId, AccountKey};
use sqlx::PgConnection;

use super::Selection;
use super::sql::Statement;
use crate::{Store, StoreResult};

impl Store {
    /// The accounts of a selection in the order of their keys, at most `limit`: ask for one more than may be used, to know of too many.
    pub async fn chosen(&self, selection: &Selection, limit: usize) -> StoreResult<Vec<(AccountKey, AccountId)>> {
        selection.chosen(&mut *self.pool.acquire().await?, limit).await
    }
}

impl Selection {
    /// The same within a transaction.
    pub(crate) async fn chosen(&self, connection: &mut PgConnection, limit: usize) -> StoreResult<Vec<(AccountKey, AccountId)>> {
        let mut sql = Statement::new(
            "-- filter.chosen\nSELECT a.account_key, k.account_id FROM account AS a INNER JOIN account_key AS k USING (account_key)\nWHERE",
        );
        self.write_condition(&mut sql);
        sql.text("\nORDER BY a.account_key LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<(i32, String)> = sql.0.build_query_as().persistent(false).fetch_all(connection).await?;
        Ok(rows.into_iter().map(|(key, id)| (AccountKey(key), AccountId::from(id))).collect())
    }

    /// Which of these accounts match. One that the API has said to be gone does not, even while the mirror still shows it.
    pub(crate) async fn matching(&self, connection: &mut PgConnection, accounts: &[i32]) -> StoreResult<Vec<i32>> {
        let mut sql = Statement::new("-- filter.matching\nSELECT a.account_key FROM account AS a\nWHERE");
        self.write_condition(&mut sql);
        sql.text(" AND NOT a.missing AND a.account_key = ANY (").bind(accounts).text(")\nORDER BY a.account_key");
        Ok(sql.0.build_query_scalar().persistent(false).fetch_all(connection).await?)
    }

    /// Who matches beside these accounts: at most `limit` of them, and how many there are.
    pub(crate) async fn others(
        &self,
        connection: &mut PgConnection,
        accounts: &[i32],
        limit: i64,
    ) -> StoreResult<(Vec<i32>, i64)> {
        // Counted and cut by one statement, so that both speak of the same moment.
        let mut sql = Statement::new(
            "-- filter.others\nWITH other AS MATERIALIZED (\n    SELECT a.account_key FROM account AS a\n    WHERE",
        );
        self.write_condition(&mut sql);
        sql.text(" AND NOT a.missing AND NOT a.account_key = ANY (")
            .bind(accounts)
            .text(")\n)\nSELECT ARRAY (")
            .text("SELECT account_key FROM other ORDER BY account_key LIMIT ")
            .bind(limit)
            .text("), (SELECT count(*) FROM other)");
        Ok(sql.0.build_query_as().persistent(false).fetch_one(connection).await?)
    }
}
