//! Groups as people list them.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{GroupKey, OrgKey};
use serde::Serialize;

use crate::{Store, StoreResult};

/// A group with what a person looks at first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Group {
    /// Its key.
    #[serde(skip)]
    pub group_key: i32,
    /// The bare UUID.
    pub group_id: String,
    /// Names repeat across directories.
    pub name: Option<String>,
    /// As shown.
    pub description: Option<String>,
    /// Name of its directory, or the id where that has no name.
    pub directory: Option<String>,
    /// Made and kept by the identity provider: read-only here.
    pub scim_managed: bool,
    /// Members, as the API reports them.
    pub members: Option<i32>,
    /// On how many resources it grants a role.
    pub resources: Option<i32>,
    /// The row was true at this time or later.
    pub fresh_as_of: DateTime<Utc>,
}

impl Store {
    /// At most `limit` groups whose name contains `name`, those after `after`, in a stable order.
    pub async fn groups(&self, org: OrgKey, name: Option<&str>, after: Option<GroupKey>, limit: u16) -> StoreResult<Vec<Group>> {
        let rows = sqlx::query_as!(
            Group,
            r#"-- groups.list
            SELECT
                g.group_key, k.group_id::text AS "group_id!", g.name, g.description, coalesce(d.name, g.directory_id) AS directory,
                coalesce(g.external_synced, false) AS "scim_managed!", g.member_count AS members, g.resource_count AS resources,
                CASE
                    WHEN o.watermark > g.observed AND NOT EXISTS (
                        SELECT FROM run_exception AS e
                        WHERE e.run_key = o.watermark_run_key AND e.kind = 'group' AND e.entity_key = g.group_key
                    ) THEN o.watermark_at
                    ELSE g.observed_at
                END AS "fresh_as_of!"
            FROM org_group AS g
            INNER JOIN group_key AS k ON k.group_key = g.group_key
            INNER JOIN org AS o ON o.org_key = g.org_key
            LEFT JOIN directory AS d ON d.org_key = g.org_key AND d.directory_id = g.directory_id
            WHERE g.org_key = $1 AND g.known_alive AND g.hidden_at IS NULL
                AND g.group_key > $3
                AND ($2::text IS NULL OR position(lower($2) IN lower(g.name)) > 0)
            ORDER BY g.group_key
            LIMIT $4"#,
            org.0,
            name,
            after.map_or(0, |key| key.0),
            i64::from(limit)
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// How many groups have this in their name.
    pub async fn count_groups(&self, org: OrgKey, name: Option<&str>) -> StoreResult<i64> {
        let count = sqlx::query_scalar!(
            r#"-- groups.count
            SELECT count(*) AS "count!" FROM org_group AS g
            WHERE g.org_key = $1 AND g.known_alive AND g.hidden_at IS NULL
                AND ($2::text IS NULL OR position(lower($2) IN lower(g.name)) > 0)"#,
            org.0,
            name
        );
        Ok(count.fetch_one(&self.pool).await?)
    }
}
