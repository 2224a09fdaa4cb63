//! The list of groups, and one group.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{GroupId, OrgKey};
use orgmirror_domain::listing::{Direction, GroupSort};
use serde::Serialize;

use super::remembered::Answer;
use super::{Place, Window, window};
use crate::{Store, StoreError, StoreResult};

/// Which groups, in which order.
#[derive(Clone, Debug)]
pub struct GroupQuery {
    /// Contained in the name; capitals and small letters are the same. Empty for all.
    pub name: String,
    /// `Some(true)`: those that an identity provider manages; `Some(false)`: the others.
    pub scim: Option<bool>,
    /// `Some(true)`: those that grant a role on something; `Some(false)`: the others.
    pub grants: Option<bool>,
    /// By what.
    pub sort: GroupSort,
    /// From which end.
    pub direction: Direction,
}

/// A group with what a row shows.
#[derive(Clone, Debug, Serialize)]
pub struct GroupRow {
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
    /// Who manages it, in the API's word.
    pub managed_by: Option<String>,
    /// Members, as the API reports them.
    pub members: Option<i32>,
    /// On how many resources it grants a role.
    pub resources: Option<i32>,
    /// The row was true at this time or later.
    pub fresh_as_of: DateTime<Utc>,
}

/// Part of a list of groups.
#[derive(Clone, Debug)]
pub struct GroupList {
    /// In the list's order.
    pub groups: Vec<GroupRow>,
    /// Which part it is.
    pub window: Window,
}

/// A role that a group gives to its members.
#[derive(Clone, Debug, Serialize)]
pub struct Grant {
    /// The resource's ARI.
    pub resource_id: String,
    /// Product, or another owner, in the API's word.
    pub owner: Option<String>,
    /// Name of the site, where it is known.
    pub site: Option<String>,
    /// The API's word: `atlassian/user`.
    pub role: String,
}

impl Store {
    /// A page of at most `limit` groups.
    pub async fn group_list(&self, org: OrgKey, query: &GroupQuery, place: &Place, limit: usize) -> StoreResult<GroupList> {
        let list = self.group_keys_of(org, query).await?;
        let anchor = match place {
            Place::After { id, .. } | Place::Before { id, .. } => self.known_group(org, id).await?,
            Place::Start | Place::At(_) => None,
        };
        let (window, part) = window(&list.value, query.direction, place, anchor, limit, list.as_of);
        Ok(GroupList { groups: self.group_rows(&part).await?, window })
    }

    /// One group; [`StoreError::NotFound`] if the mirror does not show it.
    pub async fn group_row(&self, org: OrgKey, group: GroupId) -> StoreResult<GroupRow> {
        let missing = || StoreError::NotFound { what: "group", id: group.to_string() };
        let key = self.known_group(org, &group.to_string()).await?.ok_or_else(missing)?;
        self.group_rows(&[key]).await?.pop().ok_or_else(missing)
    }

    /// What a group grants, by product and site.
    pub async fn group_grants(&self, org: OrgKey, group: GroupId) -> StoreResult<Vec<Grant>> {
        let rows = sqlx::query_as!(
            Grant,
            r#"-- browse.group_grants
            SELECT
                item ->> 'resource' AS "resource_id!", item ->> 'owner' AS owner, w.name AS "site?", role.value AS "role!"
            FROM group_key AS k
            INNER JOIN group_grants AS g ON g.group_key = k.group_key
            CROSS JOIN LATERAL jsonb_array_elements(g.grants) AS item
            CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
            LEFT JOIN LATERAL (
                SELECT w.name FROM workspace AS w WHERE w.org_key = k.org_key AND w.resource_id = item ->> 'resource' LIMIT 1
            ) AS w ON true
            WHERE k.org_key = $1 AND k.group_id = $2
            ORDER BY 2, 3, 1, 4"#,
            org.0,
            group.0
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    async fn known_group(&self, org: OrgKey, id: &str) -> StoreResult<Option<i32>> {
        let Some(id) = GroupId::parse(id) else { return Ok(None) };
        let key = sqlx::query_scalar!("SELECT group_key FROM group_key WHERE org_key = $1 AND group_id = $2", org.0, id.0);
        Ok(key.fetch_optional(&self.pool).await?)
    }

    async fn group_keys_of(&self, org: OrgKey, query: &GroupQuery) -> StoreResult<Arc<Answer<Vec<i32>>>> {
        let question = format!("groups {} {:?} {:?} {}", query.sort, query.scim, query.grants, query.name);
        let (name, scim, grants, sort) = (query.name.clone(), query.scim, query.grants, query.sort);
        let make = move |store: Store| async move {
            let keys = sqlx::query_scalar!(
                r#"-- browse.group_keys
                SELECT coalesce(array_agg(listed.group_key), '{}') AS "keys!" FROM (
                    SELECT g.group_key FROM org_group AS g
                    WHERE g.org_key = $1 AND g.known_alive AND g.hidden_at IS NULL
                        AND ($2 = '' OR position(lower($2) IN lower(g.name)) > 0)
                        AND ($3::boolean IS NULL OR coalesce(g.external_synced, false) = $3)
                        AND ($4::boolean IS NULL OR (coalesce(g.resource_count, 0) > 0) = $4)
                    ORDER BY
                        CASE $5 WHEN 'members' THEN g.member_count WHEN 'resources' THEN g.resource_count END,
                        g.name COLLATE "und-x-icu", g.group_key
                ) AS listed"#,
                org.0,
                name,
                scim,
                grants,
                sort.as_str()
            );
            Ok(keys.fetch_one(&store.pool).await?)
        };
        self.memory.groups.get(self, org, question, make).await
    }

    async fn group_rows(&self, keys: &[i32]) -> StoreResult<Vec<GroupRow>> {
        let rows = sqlx::query_as!(
            GroupRow,
            r#"-- browse.group_rows
            SELECT
                k.group_id::text AS "group_id!", g.name, g.description, coalesce(d.name, g.directory_id) AS directory,
                coalesce(g.external_synced, false) AS "scim_managed!", g.managed_by, g.member_count AS members, g.resource_count AS resources,
                CASE
                    WHEN o.watermark > g.observed AND NOT EXISTS (
                        SELECT FROM run_exception AS e
                        WHERE e.run_key = o.watermark_run_key AND e.kind = 'group' AND e.entity_key = g.group_key
                    ) THEN o.watermark_at
                    ELSE g.observed_at
                END AS "fresh_as_of!"
            FROM unnest($1::integer[]) WITH ORDINALITY AS listed (key, position)
            INNER JOIN org_group AS g ON g.group_key = listed.key AND g.known_alive AND g.hidden_at IS NULL
            INNER JOIN group_key AS k ON k.group_key = g.group_key
            INNER JOIN org AS o ON o.org_key = g.org_key
            LEFT JOIN directory AS d ON d.org_key = g.org_key AND d.directory_id = g.directory_id
            ORDER BY listed.position"#,
            keys
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
