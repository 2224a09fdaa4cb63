//! Signing in with a password: what is compared, and how often it failed.

use std::time::Duration;

use orgmirror_domain::ids::{OrgKey, PersonKey};

use crate::{Store, StoreResult};

/// What a password is compared with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub person: PersonKey,
    /// An argon2id hash with its parameters.
    pub password_hash: String,
}

impl Store {
    /// The password's hash of a person who may sign in with one.
    pub async fn credentials(&self, org: OrgKey, name: &str) -> StoreResult<Option<Credentials>> {
        let row = sqlx::query!(
            r#"-- sign_in.credentials
            SELECT person_key, password_hash AS "password_hash!"
            FROM console_person
            WHERE org_key = $1 AND lower(name) = lower($2) AND password_hash IS NOT NULL AND disabled_at IS NULL"#,
            org.0,
            name
        );
        let row = row.fetch_optional(&self.pool).await?;
        Ok(row.map(|row| Credentials { person: PersonKey(row.person_key), password_hash: row.password_hash }))
    }

    /// Counts an attempt of each source before its password is looked at, and returns the counts in that order: attempts that come
    /// together cannot all pass as the first. A count is forgotten `window` after its first attempt.
    pub async fn count_attempt(&self, org: OrgKey, sources: &[String], window: Duration) -> StoreResult<Vec<i32>> {
        let mut counts = Vec::with_capacity(sources.len());
        // Two at most, in a fixed order.
        for source in sources {
            let count = sqlx::query_scalar!(
                r#"-- sign_in.count
                INSERT INTO console_sign_in_failure AS failure (org_key, source, failures, since) VALUES ($1, $2, 1, now())
                ON CONFLICT (org_key, source) DO UPDATE SET
                    failures = CASE WHEN failure.since < now() - make_interval(secs => $3) THEN 1 ELSE failure.failures + 1 END,
                    since = CASE WHEN failure.since < now() - make_interval(secs => $3) THEN now() ELSE failure.since END
                RETURNING failures"#,
                org.0,
                source,
                window.as_secs_f64()
            );
            counts.push(count.fetch_one(&self.pool).await?);
        }
        Ok(counts)
    }

    /// Forgets the attempts of these sources, after one that succeeded.
    pub async fn forget_attempts(&self, org: OrgKey, sources: &[String]) -> StoreResult<()> {
        sqlx::query!("DELETE FROM console_sign_in_failure WHERE org_key = $1 AND source = ANY ($2)", org.0, sources)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
