//! What changed, for people: one row per entity and write.

use orgmirror_domain::ids::{OrgKey, RunKey};
use serde_json::{Map, Value};

use crate::transaction::Tx;
use crate::{StoreResult, array};

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Changed,
    Returned,
}

impl Change {
    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Returned => "returned",
        }
    }
}

/// A row of the log, before it has a time.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: i32,
    pub(crate) change: Change,
    pub(crate) fields: Map<String, Value>,
    pub(crate) joined: Vec<i32>,
    pub(crate) departed: Vec<i32>,
}

/// Appends entries of one kind (`account` or `group`).
pub(crate) async fn append(tx: &mut Tx, org: OrgKey, run: RunKey, kind: &str, entries: &[Entry]) -> StoreResult<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let keys: Vec<i32> = entries.iter().map(|entry| entry.key).collect();
    let changes: Vec<&str> = entries.iter().map(|entry| entry.change.as_str()).collect();
    let fields: Vec<Value> = entries.iter().map(|entry| Value::Object(entry.fields.clone())).collect();
    let joined: Vec<String> = entries.iter().map(|entry| array::literal(entry.joined.iter().copied().map(Some))).collect();
    let departed: Vec<String> = entries.iter().map(|entry| array::literal(entry.departed.iter().copied().map(Some))).collect();
    sqlx::query!(
        r#"-- change_log.append
        INSERT INTO change_log (org_key, run_key, kind, entity_key, change, fields, joined, departed)
        SELECT $1, $2, $3, e.entity_key, e.change, e.fields, e.joined::integer[], e.departed::integer[]
        FROM unnest($4::integer[], $5::text[], $6::jsonb[], $7::text[], $8::text[]) AS e (entity_key, change, fields, joined, departed)"#,
        org.0,
        run.0,
        kind,
        &keys,
        &changes as &[&str],
        &fields,
        &joined,
        &departed,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
