//! Exceptions of a run: accounts and groups that it could not read at all, or not whole. They are named, not made fresh by the run, and
//! nothing of them is removed.

use orgmirror_domain::ids::RunKey;
use serde::Serialize;

use crate::transaction::Tx;
use crate::{Store, StoreResult};

/// An account or group that a run could not read, as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// `account` or `group`.
    pub kind: String,
    /// The API's id.
    pub id: String,
    /// What happened, for people.
    pub reason: String,
    /// The row was read, and its answer left something out: what the reason names is missing in the mirror.
    pub incomplete: bool,
}

/// A row that was read without something that others of its answer had.
#[derive(Clone, Debug)]
pub(crate) struct Incomplete {
    pub(crate) key: i32,
    reason: String,
}

impl Incomplete {
    /// What a row did not tell; `None` for a whole one.
    pub(crate) fn of(key: i32, untold: &[&str]) -> Option<Self> {
        let reason = || format!("its answer came without {}", untold.join(", "));
        (!untold.is_empty()).then(|| Self { key, reason: reason() })
    }
}

/// Names accounts or groups that could not be read at all, whatever has been said of them before.
pub(crate) async fn name_unreadable(tx: &mut Tx, run: RunKey, kind: &str, keys: &[i32], reason: &str) -> StoreResult<()> {
    sqlx::query!(
        r#"-- exception.unreadable
        INSERT INTO run_exception (run_key, kind, entity_key, reason)
        SELECT $1, $2, key, $4 FROM unnest($3::integer[]) AS key
        ON CONFLICT (run_key, kind, entity_key) DO UPDATE SET reason = excluded.reason, incomplete = false"#,
        run.0,
        kind,
        keys,
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Names rows that were read in part, if there are any.
pub(crate) async fn name_incomplete(tx: &mut Tx, run: RunKey, kind: &str, mut rows: Vec<&Incomplete>) -> StoreResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    // In one order, so that concurrent batches wait for each other in no circle; a row may be on two pages.
    rows.sort_by_key(|row| row.key);
    rows.dedup_by_key(|row| row.key);
    let (keys, reasons): (Vec<i32>, Vec<String>) = rows.into_iter().map(|row| (row.key, row.reason.clone())).unzip();
    sqlx::query!(
        r#"-- exception.incomplete
        INSERT INTO run_exception AS e (run_key, kind, entity_key, reason, incomplete)
        SELECT $1, $2, key, reason, true FROM unnest($3::integer[], $4::text[]) AS lacking (key, reason)
        ON CONFLICT (run_key, kind, entity_key) DO UPDATE SET reason = excluded.reason WHERE e.incomplete"#,
        run.0,
        kind,
        &keys,
        &reasons
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes back that these rows were read in part only: a look-up has told them whole.
pub(crate) async fn take_back(tx: &mut Tx, run: RunKey, kind: &str, keys: &[i32]) -> StoreResult<()> {
    sqlx::query!(
        r#"-- exception.take_back
        DELETE FROM run_exception WHERE run_key = $1 AND kind = $2 AND entity_key = ANY ($3) AND incomplete"#,
        run.0,
        kind,
        keys
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// What a run could not read, by kind and id; at most `limit`.
    pub async fn exceptions(&self, run: RunKey, limit: i64) -> StoreResult<Vec<Exception>> {
        let rows = sqlx::query_as!(
            Exception,
            r#"-- exception.list
            SELECT e.kind, coalesce(a.account_id, g.group_id::text) AS "id!", e.reason, e.incomplete
            FROM run_exception AS e
            LEFT JOIN account_key AS a ON e.kind = 'account' AND a.account_key = e.entity_key
            LEFT JOIN group_key AS g ON e.kind = 'group' AND g.group_key = e.entity_key
            WHERE e.run_key = $1
            ORDER BY e.kind, 2
            LIMIT $2"#,
            run.0,
            limit
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
