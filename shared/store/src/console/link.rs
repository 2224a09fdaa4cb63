//! One-time links: the first administrator's, and those by which a person chooses a password.

use std::time::Duration;

use orgmirror_domain::access::Role;
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{OrgKey, PersonKey};
use serde_json::json;

use super::SecretHash;
use crate::audit;
use crate::transaction::transact;
use crate::{Store, StoreError, StoreResult};

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFor {
    /// Makes the organisation's first administrator.
    FirstAdmin,
    /// Sets the password of the person of this name.
    Password(String),
}

impl Store {
    /// Keeps the link that makes the first administrator.
    pub async fn save_first_link(&self, org: OrgKey, code: SecretHash, life: Duration) -> StoreResult<()> {
        sqlx::query!(
            r#"-- link.save_first
            INSERT INTO console_link (code_hash, org_key, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))"#,
            code.0.as_slice(),
            org.0,
            life.as_secs_f64()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps a link by which the person of that name chooses a password.
    pub async fn save_link(&self, org: OrgKey, code: SecretHash, name: &str, life: Duration, by: &Actor) -> StoreResult<()> {
        transact!(self, |tx| {
            let saved = sqlx::query!(
                r#"-- link.save
                INSERT INTO console_link (code_hash, org_key, person_key, expires_at)
                SELECT $1, $2, person_key, now() + make_interval(secs => $4)
                FROM console_person WHERE org_key = $2 AND lower(name) = lower($3)"#,
                code.0.as_slice(),
                org.0,
                name,
                life.as_secs_f64()
            );
            if saved.execute(&mut **tx).await?.rows_affected() == 0 {
                return Err(StoreError::NotFound { what: "person", id: name.to_owned() });
            }
            audit::append(tx, org, by, Event::LinkMade, name, &json!({})).await
        })
    }

    /// What a link is for; `None` if it was used, replaced or is too old.
    pub async fn link(&self, org: OrgKey, code: SecretHash) -> StoreResult<Option<LinkFor>> {
        let row = sqlx::query!(
            r#"-- link.find
            SELECT person.name AS "name?"
            FROM console_link AS link LEFT JOIN console_person AS person USING (person_key)
            WHERE link.code_hash = $1 AND link.org_key = $2 AND link.expires_at > now()"#,
            code.0.as_slice(),
            org.0
        );
        let row = row.fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.name.map_or(LinkFor::FirstAdmin, LinkFor::Password)))
    }

    /// Makes the first administrator, once. `None` if the link is no good, or somebody else was first.
    pub async fn make_first_admin(
        &self,
        org: OrgKey,
        code: SecretHash,
        name: &str,
        password_hash: &str,
    ) -> StoreResult<Option<PersonKey>> {
        transact!(self, |tx| {
            sqlx::query!("SELECT org_key FROM org WHERE org_key = $1 FOR NO KEY UPDATE", org.0).fetch_one(&mut **tx).await?;
            let used = sqlx::query!(
                r#"-- link.use_first
                DELETE FROM console_link WHERE code_hash = $1 AND org_key = $2 AND person_key IS NULL AND expires_at > now()"#,
                code.0.as_slice(),
                org.0
            );
            if used.execute(&mut **tx).await?.rows_affected() == 0 {
                return Ok(None);
            }
            let made = sqlx::query_scalar!(
                r#"-- link.first_admin
                INSERT INTO console_person (org_key, name, password_hash, role)
                SELECT $1, $2, $3, 'admin'
                WHERE NOT EXISTS (
                    SELECT FROM console_person WHERE org_key = $1 AND role = 'admin' AND site_ids IS NULL AND disabled_at IS NULL
                )
                ON CONFLICT (org_key, lower(name)) DO NOTHING
                RETURNING person_key"#,
                org.0,
                name,
                password_hash
            );
            let made = made.fetch_optional(&mut **tx).await?.map(PersonKey);
            // Other consoles printed links of their own.
            sqlx::query!("DELETE FROM console_link WHERE org_key = $1 AND person_key IS NULL", org.0).execute(&mut **tx).await?;
            if made.is_some() {
                let detail = json!({ "role": Role::Admin, "first": true });
                audit::append(tx, org, &Actor::person(name), Event::PersonAdded, name, &detail).await?;
            }
            Ok(made)
        })
    }

    /// Sets a person's password by their link, once, and ends their sessions. `None` if the link is no good.
    pub async fn set_password(&self, org: OrgKey, code: SecretHash, password_hash: &str) -> StoreResult<Option<PersonKey>> {
        transact!(self, |tx| {
            let used = sqlx::query_scalar!(
                r#"-- link.use
                DELETE FROM console_link
                WHERE code_hash = $1 AND org_key = $2 AND person_key IS NOT NULL AND expires_at > now()
                RETURNING person_key AS "person_key!""#,
                code.0.as_slice(),
                org.0
            );
            let Some(person) = used.fetch_optional(&mut **tx).await? else { return Ok(None) };
            let name = sqlx::query_scalar!(
                "UPDATE console_person SET password_hash = $2 WHERE person_key = $1 RETURNING name",
                person,
                password_hash
            );
            let name = name.fetch_one(&mut **tx).await?;
            sqlx::query!("DELETE FROM console_link WHERE person_key = $1", person).execute(&mut **tx).await?;
            sqlx::query!("DELETE FROM console_session WHERE person_key = $1", person).execute(&mut **tx).await?;
            audit::append(tx, org, &Actor::person(&name), Event::PasswordChosen, &name, &json!({})).await?;
            Ok(Some(PersonKey(person)))
        })
    }
}
