//! Rows of groups: the same as for accounts, compare first, then write only what must change. And what a group grants.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{GroupKey, Instant, OrgKey};
use orgmirror_domain::observation::{Grant, Group};
use serde_json::{Map, Value, json};

use crate::account::{Candidate, storable};
use crate::transaction::Tx;
use crate::{Store, StoreError, StoreResult};

/// A group's observation with a key for its id; the composite type of the same name, field by field.
#[derive(Clone, Debug, Default, PartialEq, sqlx::Type)]
#[sqlx(type_name = "group_facts")]
pub(crate) struct GroupFacts {
    pub(crate) group_key: i32,
    name: Option<String>,
    description: Option<String>,
    directory_id: Option<String>,
    external_synced: Option<bool>,
    managed_by: Option<String>,
    deletable: Option<bool>,
    modifiable: Option<bool>,
    readable: Option<bool>,
    member_count: Option<i32>,
    pub(crate) resource_count: Option<i32>,
    pub(crate) observed: i64,
    observed_at: Option<DateTime<Utc>>,
    pub(crate) missing: bool,
}

impl GroupFacts {
    /// The observation "not there".
    pub(crate) fn absent(group_key: i32, observed: Instant, observed_at: DateTime<Utc>) -> Self {
        Self { group_key, observed: observed.0, observed_at: Some(observed_at), missing: true, ..Self::default() }
    }

    /// Whether both say the same, whenever they were observed.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        Self { observed: other.observed, observed_at: other.observed_at, ..self.clone() } == *other
    }

    /// What the change log compares.
    pub(crate) fn logged_fields(&self) -> Map<String, Value> {
        let fields = json!({
            "name": self.name, "description": self.description, "directory_id": self.directory_id,
            "external_synced": self.external_synced, "managed_by": self.managed_by, "deletable": self.deletable,
            "modifiable": self.modifiable, "readable": self.readable, "member_count": self.member_count,
            "resource_count": self.resource_count,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

impl Store {
    /// Turns observations into facts, drawing keys for ids.
    pub(crate) async fn group_facts(
        &self,
        org: OrgKey,
        groups: Vec<Group>,
        observed: Instant,
        observed_at: DateTime<Utc>,
    ) -> StoreResult<Vec<GroupFacts>> {
        let ids: Vec<_> = groups.iter().map(|group| group.group_id).collect();
        let keys = self.group_keys(org, &ids).await?;
        let facts = groups.into_iter().filter_map(|group| {
            Some(GroupFacts {
                group_key: *keys.get(&group.group_id)?,
                name: storable(group.name),
                description: storable(group.description),
                directory_id: group.directory_id.map(|id| id.0),
                external_synced: group.external_synced,
                managed_by: storable(group.managed_by),
                deletable: group.deletable,
                modifiable: group.modifiable,
                readable: group.readable,
                member_count: group.member_count,
                resource_count: group.resource_count,
                observed: observed.0,
                observed_at: Some(observed_at),
                missing: false,
            })
        });
        Ok(facts.collect())
    }
}

/// Those of the keys that have no row.
pub(crate) async fn rowless(tx: &mut Tx, keys: &[i32]) -> StoreResult<Vec<i32>> {
    let keys = sqlx::query_scalar!(
        r#"-- group.rowless
        SELECT wanted.key AS "key!" FROM unnest($1::integer[]) AS wanted (key)
        WHERE (SELECT stored.group_key FROM org_group AS stored WHERE stored.group_key = wanted.key) IS NULL"#,
        keys
    );
    Ok(keys.fetch_all(&mut **tx).await?)
}

/// Locks and returns the rows of a batch that may have to be written; see `account::candidates`.
pub(crate) async fn candidates(
    tx: &mut Tx,
    facts: &[&GroupFacts],
    awaited: &[i32],
    stamp_from: Instant,
) -> StoreResult<Vec<Candidate<GroupFacts>>> {
    let rows = sqlx::query!(
        r#"-- group.candidates
        SELECT
            incoming.group_key AS "key!",
            stored.facts AS "old: GroupFacts",
            coalesce(stored.hidden, false) AS "hidden!",
            coalesce(stored.known_alive, false) AS "known_alive!"
        FROM unnest($1::group_facts[]) AS incoming
        LEFT JOIN LATERAL (
            SELECT
                ROW(
                    g.group_key, g.name, g.description, g.directory_id, g.external_synced, g.managed_by, g.deletable, g.modifiable,
                    g.readable, g.member_count, g.resource_count, g.observed, g.observed_at, g.missing
                )::group_facts AS facts,
                g.group_key,
                g.hidden_at IS NOT NULL AS hidden,
                g.known_alive
            FROM org_group AS g
            WHERE g.group_key = incoming.group_key
                AND (
                    g.observed >= $3
                    OR g.group_key = ANY ($2)
                    OR (
                        g.missing, g.name, g.description, g.directory_id, g.external_synced, g.managed_by, g.deletable,
                        g.modifiable, g.readable, g.member_count, g.resource_count
                    ) IS DISTINCT FROM (
                        incoming.missing, incoming.name, incoming.description, incoming.directory_id, incoming.external_synced,
                        incoming.managed_by, incoming.deletable, incoming.modifiable, incoming.readable, incoming.member_count,
                        incoming.resource_count
                    )
                )
            FOR NO KEY UPDATE
        ) AS stored ON true
        -- Not `facts IS NOT NULL`: of a composite that asks whether every field is.
        WHERE stored.group_key IS NOT NULL
            OR (SELECT g.group_key FROM org_group AS g WHERE g.group_key = incoming.group_key) IS NULL"#,
        facts as &[&GroupFacts],
        awaited,
        stamp_from.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Candidate { key: row.key, old: row.old, hidden: row.hidden, known_alive: row.known_alive })
        .collect())
}

/// Writes sightings, whole. The WHERE is the last word on which observation wins. Returns the keys of rows that came to be.
pub(crate) async fn write_seen(tx: &mut Tx, org: OrgKey, facts: &[&GroupFacts]) -> StoreResult<Vec<i32>> {
    let written = sqlx::query!(
        r#"-- group.write_seen
        INSERT INTO org_group AS g (
            group_key, org_key, observed, observed_at, known_alive, name, description, directory_id, external_synced, managed_by,
            deletable, modifiable, readable, member_count, resource_count
        )
        SELECT
            group_key, $2, observed, observed_at, true, name, description, directory_id, external_synced, managed_by, deletable,
            modifiable, readable, member_count, resource_count
        FROM unnest($1::group_facts[])
        ON CONFLICT (group_key) DO UPDATE SET
            observed = excluded.observed,
            observed_at = excluded.observed_at,
            missing = false,
            hidden_at = NULL,
            hidden_instant = NULL,
            known_alive = true,
            name = excluded.name,
            description = excluded.description,
            directory_id = excluded.directory_id,
            external_synced = excluded.external_synced,
            managed_by = excluded.managed_by,
            deletable = excluded.deletable,
            modifiable = excluded.modifiable,
            readable = excluded.readable,
            member_count = excluded.member_count,
            resource_count = excluded.resource_count
        WHERE g.observed < excluded.observed
        -- A row that this statement inserted has never been locked or updated.
        RETURNING group_key AS "key!", xmax = 0 AS "inserted!""#,
        facts as &[&GroupFacts],
        org.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(written.into_iter().filter(|row| row.inserted).map(|row| row.key).collect())
}

/// Writes absences; see `account::write_absent`.
pub(crate) async fn write_absent(tx: &mut Tx, org: OrgKey, facts: &[&GroupFacts]) -> StoreResult<()> {
    sqlx::query!(
        r#"-- group.write_absent
        INSERT INTO org_group AS g (group_key, org_key, observed, observed_at, missing, known_alive)
        SELECT group_key, $2, observed, observed_at, true, false
        FROM unnest($1::group_facts[])
        ON CONFLICT (group_key) DO UPDATE SET observed = excluded.observed, observed_at = excluded.observed_at, missing = true
        WHERE g.observed < excluded.observed"#,
        facts as &[&GroupFacts],
        org.0,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what a group grants, if it differs and is newer. Returns whether it was written.
pub(crate) async fn write_grants(
    tx: &mut Tx,
    org: OrgKey,
    group: GroupKey,
    observed: Instant,
    grants: &[Grant],
) -> StoreResult<bool> {
    let grants = serde_json::to_value(grants).map_err(|source| StoreError::Json { column: "group_grants.grants", source })?;
    let written = sqlx::query!(
        r#"-- group.write_grants
        INSERT INTO group_grants AS g (group_key, org_key, observed, grants)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (group_key) DO UPDATE SET observed = excluded.observed, grants = excluded.grants
        WHERE g.observed < excluded.observed AND g.grants IS DISTINCT FROM excluded.grants"#,
        group.0,
        org.0,
        observed.0,
        grants,
    )
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() > 0)
}
