//! Organisations, and which of their API keys is current.

use chrono::NaiveDate;
use orgmirror_domain::ids::{OrgId, OrgKey};

use crate::{Store, StoreResult};

impl Store {
    /// The organisation's row, made if it is not there.
    pub async fn ensure_org(&self, org: &OrgId) -> StoreResult<OrgKey> {
        sqlx::query!(
            r#"-- org.ensure
            INSERT INTO org (org_id) VALUES ($1) ON CONFLICT (org_id) DO NOTHING"#,
            org.as_str()
        )
        .execute(&self.pool)
        .await?;
        let key = sqlx::query_scalar!("SELECT org_key FROM org WHERE org_id = $1", org.as_str());
        Ok(OrgKey(key.fetch_one(&self.pool).await?))
    }

    /// The organisation's row, if it is there.
    pub async fn find_org(&self, org: &OrgId) -> StoreResult<Option<OrgKey>> {
        let key = sqlx::query_scalar!("SELECT org_key FROM org WHERE org_id = $1", org.as_str());
        Ok(key.fetch_optional(&self.pool).await?.map(OrgKey))
    }

    /// Says which API key is current, and its last day where somebody told it. Answers to any other key no longer hold a run.
    pub async fn set_current_key(&self, org: OrgKey, fingerprint: &str, expires_on: Option<NaiveDate>) -> StoreResult<()> {
        sqlx::query!(
            r#"-- org.set_current_key
            UPDATE org SET key_fingerprint = $2, key_expires_on = $3
            WHERE org_key = $1 AND (key_fingerprint IS DISTINCT FROM $2 OR key_expires_on IS DISTINCT FROM $3)"#,
            org.0,
            fingerprint,
            expires_on
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The fingerprint of the current API key, and its last day where somebody told it.
    pub async fn current_key(&self, org: OrgKey) -> StoreResult<(Option<String>, Option<NaiveDate>)> {
        let row = sqlx::query!("SELECT key_fingerprint, key_expires_on FROM org WHERE org_key = $1", org.0);
        let row = row.fetch_one(&self.pool).await?;
        Ok((row.key_fingerprint, row.key_expires_on))
    }
}
