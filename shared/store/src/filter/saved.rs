//! Filters that people keep under a name.

use chrono::{DateTime, Utc};
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_domain::filter::{Filter, nearest};
use orgmirror_domain::ids::OrgKey;
use serde::Serialize;
use serde_json::json;

use crate::transaction::transact;
use crate::{Store, StoreError, StoreResult, audit};

/// A filter with its name.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SavedFilter {
    /// Its name.
    pub name: String,
    /// Its canonical text. As text: a later version may have written what this one cannot read.
    pub expression: String,
    /// When it was last saved.
    pub saved_at: DateTime<Utc>,
}

impl Store {
    /// All of an organisation, by name.
    pub async fn saved_filters(&self, org: OrgKey) -> StoreResult<Vec<SavedFilter>> {
        let rows = sqlx::query_as!(
            SavedFilter,
            r#"-- filter.saved
            SELECT name, expression, saved_at FROM saved_filter WHERE org_key = $1 ORDER BY name"#,
            org.0
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// The one of that name; [`StoreError::UnknownName`] if there is none.
    pub async fn saved_filter(&self, org: OrgKey, name: &str) -> StoreResult<SavedFilter> {
        let all = self.saved_filters(org).await?;
        let unknown = unknown(name, &all);
        all.into_iter().find(|saved| saved.name == name).ok_or(unknown)
    }

    /// Keeps a filter under a name; says whether the name had another one before.
    pub async fn save_filter(&self, org: OrgKey, name: &str, filter: &Filter, by: &Actor) -> StoreResult<bool> {
        transact!(self, |tx| {
            let replaced = sqlx::query_scalar!(
                r#"-- filter.save
                INSERT INTO saved_filter (org_key, name, expression) VALUES ($1, $2, $3)
                ON CONFLICT (org_key, name) DO UPDATE SET expression = excluded.expression, saved_at = now()
                RETURNING xmax <> 0 AS "replaced!""#,
                org.0,
                name,
                filter.to_string()
            );
            let replaced = replaced.fetch_one(&mut **tx).await?;
            let detail = json!({ "filter": filter, "replaced": replaced });
            audit::append(tx, org, by, Event::FilterSaved, name, &detail).await?;
            Ok(replaced)
        })
    }

    /// Forgets the one of that name; [`StoreError::UnknownName`] if there is none.
    pub async fn delete_filter(&self, org: OrgKey, name: &str, by: &Actor) -> StoreResult<()> {
        let deleted = transact!(self, |tx| {
            let deleted = sqlx::query_scalar!(
                r#"-- filter.delete
                DELETE FROM saved_filter WHERE org_key = $1 AND name = $2
                RETURNING expression"#,
                org.0,
                name
            );
            let deleted = deleted.fetch_optional(&mut **tx).await?;
            if let Some(filter) = &deleted {
                audit::append(tx, org, by, Event::FilterDeleted, name, &json!({ "filter": filter })).await?;
            }
            Ok(deleted)
        })?;
        match deleted {
            Some(_) => Ok(()),
            None => Err(unknown(name, &self.saved_filters(org).await?)),
        }
    }
}

fn unknown(name: &str, all: &[SavedFilter]) -> StoreError {
    let near = nearest(name, all.iter().map(|saved| saved.name.as_str())).map(str::to_owned);
    StoreError::UnknownName { what: "saved filter", name: name.to_owned(), near }
}
