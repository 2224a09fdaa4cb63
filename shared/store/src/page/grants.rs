//! Jobs for what groups grant: their pages tell that they grant something, not what.

use orgmirror_domain::ids::RunKey;

use crate::StoreResult;
use crate::account::AccountFacts;
use crate::exception::Incomplete;
use crate::group::GroupFacts;
use crate::transaction::Tx;

/// Rows of which some grant roles to others.
pub(super) trait Grants: Sized {
    /// Registers a job for each row that grants something, or is incomplete and may: once for each run, although two chains may list it.
    async fn register_grants(tx: &mut Tx, run: RunKey, facts: &[&Self], incomplete: &[&Incomplete]) -> StoreResult<()>;
}

impl Grants for AccountFacts {
    async fn register_grants(_: &mut Tx, _: RunKey, _: &[&Self], _: &[&Incomplete]) -> StoreResult<()> {
        Ok(())
    }
}

impl Grants for GroupFacts {
    async fn register_grants(tx: &mut Tx, run: RunKey, facts: &[&Self], incomplete: &[&Incomplete]) -> StoreResult<()> {
        let may_grant = |group: &Self| match group.resource_count {
            Some(count) => count > 0,
            None => incomplete.iter().any(|row| row.key == group.group_key),
        };
        let granting = facts.iter().filter(|group| may_grant(group));
        let keys: Vec<i32> = granting.map(|group| group.group_key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            r#"-- page.register_grants
            INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, subjects, subject_keys)
            SELECT $1, 'group_grants', -k.group_key, false, -1, 0, 100, ARRAY[k.group_id::text], ARRAY[k.group_key]
            FROM group_key AS k WHERE k.group_key = ANY ($2)
            ON CONFLICT DO NOTHING"#,
            run.0,
            &keys,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}
