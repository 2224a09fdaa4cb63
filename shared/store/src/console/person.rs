//! People who may use the console.

use chrono::{DateTime, Utc};
use orgmirror_domain::access::{Rights, Role, Sites};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{OrgKey, PersonKey};
use serde::Serialize;
use serde_json::json;

use crate::audit;
use crate::transaction::transact;
use crate::{Store, StoreError, StoreResult};

/// A person as administrators see them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Person {
    /// Their key.
    #[serde(skip)]
    pub person: PersonKey,
    /// As they sign in.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where; null for all sites.
    pub site_ids: Option<Vec<String>>,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// Whether they sign in at an identity provider.
    pub has_subject: bool,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub signed_in_at: Option<DateTime<Utc>>,
    /// Since when they may not.
    pub disabled_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Whether somebody can administer the organisation's console.
    pub async fn has_admin(&self, org: OrgKey) -> StoreResult<bool> {
        let there = sqlx::query_scalar!(
            r#"-- person.has_admin
            SELECT EXISTS (
                SELECT FROM console_person WHERE org_key = $1 AND role = 'admin' AND site_ids IS NULL AND disabled_at IS NULL
            ) AS "there!""#,
            org.0
        );
        Ok(there.fetch_one(&self.pool).await?)
    }

    /// Everybody, by name.
    pub async fn people(&self, org: OrgKey) -> StoreResult<Vec<Person>> {
        let rows = sqlx::query!(
            r#"-- person.list
            SELECT
                person_key, name, role::text AS "role!", site_ids, password_hash IS NOT NULL AS "has_password!",
                subject IS NOT NULL AS "has_subject!", created_at, signed_in_at, disabled_at
            FROM console_person WHERE org_key = $1 ORDER BY lower(name)"#,
            org.0
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|row| {
                Ok(Person {
                    person: PersonKey(row.person_key),
                    name: row.name,
                    role: row.role.parse()?,
                    site_ids: row.site_ids,
                    has_password: row.has_password,
                    has_subject: row.has_subject,
                    created_at: row.created_at,
                    signed_in_at: row.signed_in_at,
                    disabled_at: row.disabled_at,
                })
            })
            .collect()
    }

    /// Adds a person, who chooses a password by a link. [`StoreError::Taken`] if the name is taken.
    pub async fn add_person(&self, org: OrgKey, name: &str, rights: &Rights, by: &Actor) -> StoreResult<PersonKey> {
        transact!(self, |tx| {
            let added = sqlx::query_scalar!(
                r#"-- person.add
                INSERT INTO console_person (org_key, name, role, site_ids) VALUES ($1, $2, $3::text::console_role, $4)
                ON CONFLICT (org_key, lower(name)) DO NOTHING
                RETURNING person_key"#,
                org.0,
                name,
                rights.role.as_str(),
                rights.sites.ids()
            );
            let added = added.fetch_optional(&mut **tx).await?;
            let person = added.ok_or_else(|| StoreError::Taken { what: "person", name: name.to_owned() })?;
            let detail = json!({ "role": rights.role, "site_ids": rights.sites.ids() });
            audit::append(tx, org, by, Event::PersonAdded, name, &detail).await?;
            Ok(PersonKey(person))
        })
    }

    /// Changes what a person may do. [`StoreError::LastAdmin`] if nobody could administer the console after it.
    pub async fn set_rights(&self, org: OrgKey, name: &str, rights: &Rights, enabled: bool, by: &Actor) -> StoreResult<()> {
        transact!(self, |tx| {
            // Two administrators who demote each other at once would both find the other: one waits here.
            sqlx::query!("SELECT org_key FROM org WHERE org_key = $1 FOR NO KEY UPDATE", org.0).fetch_one(&mut **tx).await?;
            let changed = sqlx::query_scalar!(
                r#"-- person.set_rights
                UPDATE console_person
                SET role = $3::text::console_role, site_ids = $4, disabled_at = CASE WHEN $5 THEN NULL ELSE coalesce(disabled_at, now()) END
                WHERE org_key = $1 AND lower(name) = lower($2)
                RETURNING person_key"#,
                org.0,
                name,
                rights.role.as_str(),
                rights.sites.ids(),
                enabled
            );
            if changed.fetch_optional(&mut **tx).await?.is_none() {
                return Err(StoreError::NotFound { what: "person", id: name.to_owned() });
            }
            let admin = sqlx::query_scalar!(
                r#"-- person.admin_left
                SELECT EXISTS (
                    SELECT FROM console_person WHERE org_key = $1 AND role = 'admin' AND site_ids IS NULL AND disabled_at IS NULL
                ) AS "there!""#,
                org.0
            );
            if !admin.fetch_one(&mut **tx).await? {
                return Err(StoreError::LastAdmin);
            }
            let detail = json!({ "role": rights.role, "site_ids": rights.sites.ids(), "may_sign_in": enabled });
            audit::append(tx, org, by, Event::PersonChanged, name, &detail).await
        })
    }

    /// The person of that name.
    pub async fn person(&self, org: OrgKey, name: &str) -> StoreResult<Person> {
        let all = self.people(org).await?;
        let found = all.into_iter().find(|person| person.name.to_lowercase() == name.to_lowercase());
        found.ok_or_else(|| StoreError::NotFound { what: "person", id: name.to_owned() })
    }
}

impl Person {
    /// What they may do, and where.
    pub fn rights(&self) -> Rights {
        Rights { role: self.role, sites: Sites::from(self.site_ids.clone()) }
    }
}
