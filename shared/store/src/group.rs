//! Rows of groups: the same as for accounts, compare first, then write only what must change. And what a group grants.

use chrono::{DateTime, Utc};
use orgmirror_domain::diff::changed_fields;
use orgmirror_domain::ids::{GroupKey, Instant, OrgKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::observation::{Grant, Group};
use serde_json::{Map, Value, json};

use crate::account::storable;
use crate::change_log::{Change, Entry};
use crate::fingerprint::Fingerprint;
use crate::observe::{Differing, Mirrored, Standing};
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
    /// Of all the above but the key and the observation's time.
    pub(crate) fingerprint: i64,
}

impl GroupFacts {
    /// The observation "not there".
    pub(crate) fn absent(group_key: i32, observed: Instant, observed_at: DateTime<Utc>) -> Self {
        Self { group_key, observed: observed.0, observed_at: Some(observed_at), missing: true, ..Self::default() }
    }

    fn fingerprinted(mut self) -> Self {
        let mut of = Fingerprint::default();
        for text in [&self.name, &self.description, &self.directory_id, &self.managed_by] {
            of.text(text.as_deref());
        }
        of.flag(self.external_synced).flag(self.deletable).flag(self.modifiable).flag(self.readable);
        of.number(self.member_count.map(i64::from)).number(self.resource_count.map(i64::from));
        self.fingerprint = of.finish();
        self
    }

    /// What the change log compares.
    fn logged_fields(&self) -> Map<String, Value> {
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

impl Mirrored for GroupFacts {
    const KIND: &'static str = "group";
    const LOOKUP: JobKind = JobKind::GroupLookup;

    fn key(&self) -> i32 {
        self.group_key
    }

    fn observed(&self) -> Instant {
        Instant(self.observed)
    }

    fn is_absent(&self) -> bool {
        self.missing
    }

    fn memberships(&self) -> i32 {
        0
    }

    fn changed_entry(&self, old: &Self) -> Option<Entry> {
        let fields = changed_fields(&old.logged_fields(), &self.logged_fields());
        let entry = Entry { key: self.group_key, change: Change::Changed, fields, joined: Vec::new(), departed: Vec::new() };
        (!entry.fields.is_empty()).then_some(entry)
    }

    fn fingerprint(&self) -> i64 {
        self.fingerprint
    }

    fn says_the_same(&self, other: &Self) -> bool {
        let (observed, observed_at, fingerprint) = (other.observed, other.observed_at, other.fingerprint);
        Self { observed, observed_at, fingerprint, ..self.clone() } == *other
    }

    async fn differing(
        tx: &mut Tx,
        org: OrgKey,
        (keys, fingerprints): (&[i32], &[i64]),
        stamp_from: Instant,
        awaited_by: Option<JobKind>,
    ) -> StoreResult<Vec<Differing>> {
        let rows = sqlx::query_as!(
            Differing,
            r#"-- group.differing
            SELECT
                incoming.key AS "key!",
                stored.group_key IS NULL AS "rowless!",
                coalesce(incoming.key = ANY (awaited.keys), false) AS "awaited!"
            FROM awaited_keys($1, $5::text::job_kind) AS awaited (keys)
            CROSS JOIN unnest($2::integer[], $3::bigint[]) AS incoming (key, fingerprint)
            LEFT JOIN org_group AS stored ON stored.group_key = incoming.key
            WHERE stored.group_key IS NULL
                OR stored.missing
                OR stored.fingerprint <> incoming.fingerprint
                OR stored.observed >= $4
                OR incoming.key = ANY (awaited.keys)"#,
            org.0,
            keys,
            fingerprints,
            stamp_from.0,
            awaited_by.map(JobKind::as_str),
        );
        Ok(rows.fetch_all(&mut **tx).await?)
    }

    async fn locked(tx: &mut Tx, keys: &[i32]) -> StoreResult<Vec<Standing<Self>>> {
        let rows = sqlx::query_as!(
            Standing::<GroupFacts>,
            r#"-- group.locked
            SELECT
                ROW(
                    group_key, name, description, directory_id, external_synced, managed_by, deletable, modifiable, readable,
                    member_count, resource_count, observed, observed_at, missing, fingerprint
                )::group_facts AS "facts!: GroupFacts",
                hidden_at IS NOT NULL AS "hidden!",
                known_alive
            FROM org_group
            WHERE group_key = ANY ($1)
            ORDER BY group_key
            FOR NO KEY UPDATE"#,
            keys,
        );
        Ok(rows.fetch_all(&mut **tx).await?)
    }

    async fn write_seen(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<Vec<i32>> {
        let written = sqlx::query!(
            r#"-- group.write_seen
            INSERT INTO org_group AS g (
                group_key, org_key, observed, observed_at, known_alive, name, description, directory_id, external_synced, managed_by,
                deletable, modifiable, readable, member_count, resource_count, fingerprint
            )
            SELECT
                group_key, $2, observed, observed_at, true, name, description, directory_id, external_synced, managed_by, deletable,
                modifiable, readable, member_count, resource_count, fingerprint
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
                resource_count = excluded.resource_count,
                fingerprint = excluded.fingerprint
            WHERE g.observed < excluded.observed
            -- A row that this statement inserted has never been locked or updated.
            RETURNING group_key AS "key!", xmax = 0 AS "inserted!""#,
            facts as &[&Self],
            org.0,
        )
        .fetch_all(&mut **tx)
        .await?;
        Ok(written.into_iter().filter(|row| row.inserted).map(|row| row.key).collect())
    }

    async fn write_absent(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<()> {
        sqlx::query!(
            r#"-- group.write_absent
            INSERT INTO org_group AS g (group_key, org_key, observed, observed_at, missing, known_alive)
            SELECT group_key, $2, observed, observed_at, true, false
            FROM unnest($1::group_facts[])
            ON CONFLICT (group_key) DO UPDATE SET observed = excluded.observed, observed_at = excluded.observed_at, missing = true
            WHERE g.observed < excluded.observed"#,
            facts as &[&Self],
            org.0,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
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
            let facts = GroupFacts {
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
                fingerprint: 0,
            };
            Some(facts.fingerprinted())
        });
        Ok(facts.collect())
    }
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
