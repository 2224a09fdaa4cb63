//! Tokens by which programs use the HTTP API.

use std::time::Duration;

use chrono::{DateTime, Utc};
use orgmirror_domain::access::{Rights, Role};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{OrgKey, PersonKey};
use serde::Serialize;
use serde_json::json;

use super::SecretHash;
use super::session::Bearer;
use crate::audit;
use crate::transaction::transact;
use crate::{Store, StoreError, StoreResult};

/// A token as people see it. What it is cannot be shown again.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Token {
    /// Its number, by which it is revoked.
    #[serde(rename = "id")]
    pub token: i32,
    /// What it is for.
    pub name: String,
    /// Whose rights bound it; null if it was made at the command line.
    pub person: Option<String>,
    /// What it may do at most.
    pub role: Role,
    /// Where; null for all sites.
    pub site_ids: Option<Vec<String>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Last use, to the minute.
    pub used_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// What it is for.
    pub name: &'a str,
    /// Whose rights bound it.
    pub person: Option<PersonKey>,
    /// What it may do at most.
    pub rights: &'a Rights,
    /// How long it works.
    pub life: Duration,
}

impl Store {
    /// Keeps a token; returns its number.
    pub async fn add_token(&self, org: OrgKey, secret: SecretHash, token: &NewToken<'_>, by: &Actor) -> StoreResult<i32> {
        transact!(self, |tx| {
            let key = sqlx::query_scalar!(
                r#"-- token.add
                INSERT INTO console_token (org_key, person_key, name, token_hash, role, site_ids, expires_at)
                VALUES ($1, $2, $3, $4, $5::text::console_role, $6, now() + make_interval(secs => $7))
                RETURNING token_key"#,
                org.0,
                token.person.map(|person| person.0),
                token.name,
                secret.0.as_slice(),
                token.rights.role.as_str(),
                token.rights.sites.ids(),
                token.life.as_secs_f64()
            );
            let key = key.fetch_one(&mut **tx).await?;
            let detail = json!({ "for": token.name, "role": token.rights.role, "site_ids": token.rights.sites.ids() });
            audit::append(tx, org, by, Event::TokenMade, key, &detail).await?;
            Ok(key)
        })
    }

    /// Whose token it is, if it is good and its person may sign in. Its rights are never more than that person's are now.
    pub async fn token(&self, org: OrgKey, secret: SecretHash) -> StoreResult<Option<Bearer>> {
        let row = sqlx::query!(
            r#"-- token.find
            WITH found AS (
                SELECT
                    token.token_key, token.used_at, token.name, token.role, token.site_ids, person.person_key,
                    person.role AS person_role, person.site_ids AS person_site_ids
                FROM console_token AS token LEFT JOIN console_person AS person ON person.person_key = token.person_key
                WHERE token.token_hash = $1
                    AND token.org_key = $2
                    AND token.expires_at > now()
                    AND token.revoked_at IS NULL
                    AND person.disabled_at IS NULL
            ), used AS (
                UPDATE console_token AS token SET used_at = now() FROM found
                WHERE token.token_key = found.token_key AND coalesce(found.used_at < now() - interval '1 minute', true)
            )
            SELECT
                name AS "name!", role::text AS "role!", site_ids, person_key AS "person_key?", person_role::text AS "person_role?",
                person_site_ids AS "person_site_ids?"
            FROM found"#,
            secret.0.as_slice(),
            org.0
        );
        let row = row.fetch_optional(&self.pool).await?;
        row.map(|row| {
            let own = Rights { role: row.role.parse()?, sites: row.site_ids.into() };
            let rights = match row.person_role {
                Some(role) => own.bounded_by(&Rights { role: role.parse()?, sites: row.person_site_ids.into() }),
                None => own,
            };
            Ok(Bearer { person: row.person_key.map(PersonKey), name: row.name, rights })
        })
        .transpose()
    }

    /// All tokens that were not revoked or used up, newest first.
    pub async fn tokens(&self, org: OrgKey) -> StoreResult<Vec<Token>> {
        let rows = sqlx::query!(
            r#"-- token.list
            SELECT
                token.token_key, token.name, person.name AS "person?", token.role::text AS "role!", token.site_ids,
                token.created_at, token.expires_at, token.used_at, token.revoked_at
            FROM console_token AS token LEFT JOIN console_person AS person ON person.person_key = token.person_key
            WHERE token.org_key = $1 AND token.revoked_at IS NULL AND token.expires_at > now()
            ORDER BY token.token_key DESC"#,
            org.0
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                Ok(Token {
                    token: row.token_key,
                    name: row.name,
                    person: row.person,
                    role: row.role.parse()?,
                    site_ids: row.site_ids,
                    created_at: row.created_at,
                    expires_at: row.expires_at,
                    used_at: row.used_at,
                    revoked_at: row.revoked_at,
                })
            })
            .collect()
    }

    /// Refuses a token from now on.
    pub async fn revoke_token(&self, org: OrgKey, token: i32, by: &Actor) -> StoreResult<()> {
        transact!(self, |tx| {
            let revoked = sqlx::query!(
                r#"-- token.revoke
                UPDATE console_token SET revoked_at = coalesce(revoked_at, now()) WHERE org_key = $1 AND token_key = $2"#,
                org.0,
                token
            );
            if revoked.execute(&mut **tx).await?.rows_affected() == 0 {
                return Err(StoreError::NotFound { what: "token", id: token.to_string() });
            }
            audit::append(tx, org, by, Event::TokenRevoked, token, &json!({})).await
        })
    }
}
