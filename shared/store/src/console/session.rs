//! Sessions of people who have signed in.

use std::time::Duration;

use orgmirror_domain::access::Rights;
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::ids::{OrgKey, PersonKey};
use serde_json::json;

use super::SecretHash;
use crate::audit;
use crate::transaction::transact;
use crate::{Store, StoreResult};

/// Whoever a session or token belongs to.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The person; `None` for a token that was made at the command line.
    pub person: Option<PersonKey>,
    /// Their name, or the token's.
    pub name: String,
    /// What they may do now.
    pub rights: Rights,
}

impl Store {
    /// Opens a session that ends after `life`, however much it is used.
    pub async fn open_session(&self, org: OrgKey, person: PersonKey, session: SecretHash, life: Duration) -> StoreResult<()> {
        transact!(self, |tx| {
            let name = sqlx::query_scalar!(
                r#"-- session.open
                WITH opened AS (
                    INSERT INTO console_session (session_hash, person_key, expires_at)
                    VALUES ($2, $1, now() + make_interval(secs => $3))
                )
                UPDATE console_person SET signed_in_at = now() WHERE person_key = $1 RETURNING name"#,
                person.0,
                session.0.as_slice(),
                life.as_secs_f64()
            );
            let name = name.fetch_one(&mut **tx).await?;
            // Whoever comes again and again leaves sessions behind.
            sqlx::query!("DELETE FROM console_session WHERE person_key = $1 AND expires_at < now()", person.0)
                .execute(&mut **tx)
                .await?;
            audit::append(tx, org, &Actor::person(&name), Event::SignedIn, &name, &json!({})).await
        })
    }

    /// Whose session it is, if it has not ended, was used within `idle`, and its person may sign in.
    pub async fn session(&self, org: OrgKey, session: SecretHash, idle: Duration) -> StoreResult<Option<Bearer>> {
        let row = sqlx::query!(
            r#"-- session.find
            WITH found AS (
                SELECT session.session_hash, session.seen_at, person.person_key, person.name, person.role, person.site_ids
                FROM console_session AS session INNER JOIN console_person AS person USING (person_key)
                WHERE session.session_hash = $1
                    AND person.org_key = $2
                    AND person.disabled_at IS NULL
                    AND session.expires_at > now()
                    AND session.seen_at > now() - make_interval(secs => $3)
            ), seen AS (
                -- To the minute: a write for each request would be more than the request.
                UPDATE console_session AS session SET seen_at = now() FROM found
                WHERE session.session_hash = found.session_hash AND found.seen_at < now() - interval '1 minute'
            )
            SELECT person_key, name, role::text AS "role!", site_ids FROM found"#,
            session.0.as_slice(),
            org.0,
            idle.as_secs_f64()
        );
        let row = row.fetch_optional(&self.pool).await?;
        row.map(|row| {
            let rights = Rights { role: row.role.parse()?, sites: row.site_ids.into() };
            Ok(Bearer { person: Some(PersonKey(row.person_key)), name: row.name, rights })
        })
        .transpose()
    }

    /// Ends a session.
    pub async fn close_session(&self, session: SecretHash) -> StoreResult<()> {
        sqlx::query!("DELETE FROM console_session WHERE session_hash = $1", session.0.as_slice()).execute(&self.pool).await?;
        Ok(())
    }
}
