//! What changed: of one user or group, in one run, or since the last full sync.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{GroupId, OrgKey, RunId, RunKey};
use orgmirror_domain::listing::ChangeWord;
use orgmirror_domain::run::RunKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Store, StoreError, StoreResult};

/// Which changes.
#[derive(Clone, Copy, Debug)]
pub enum Changes {
    /// Of one account, by its key.
    Account(i32),
    /// Of one group.
    Group(GroupId),
    /// That one run wrote.
    Run(RunKey),
    /// That the newest completed full run and everything after it wrote.
    SinceLastSync,
}

/// A change.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeRow {
    /// Grows; what the next page follows.
    #[serde(skip)]
    pub change_key: i64,
    /// When it was noticed: it happened before.
    pub changed_at: DateTime<Utc>,
    /// The run that noticed it.
    pub run_id: Option<RunId>,
    /// Why that run was asked for.
    pub run_kind: Option<RunKind>,
    /// `account` or `group`.
    pub kind: String,
    /// The API's id.
    pub id: String,
    /// Its name, as it is now.
    pub name: Option<String>,
    /// `added`, `changed`, `removed`, `returned`.
    pub change: String,
    /// `{"field": [before, after]}`.
    pub fields: Value,
    /// Groups that an account joined.
    pub joined: Vec<NamedGroup>,
    /// Groups that it left.
    pub departed: Vec<NamedGroup>,
}

/// A group by id and name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamedGroup {
    /// The bare UUID.
    pub id: String,
    /// Its name; null for one that no page has listed.
    pub name: Option<String>,
}

impl Store {
    /// Changes of one kind of word, or all, the newest first, those before `before`; at most `limit`.
    pub async fn changes(
        &self,
        org: OrgKey,
        which: Changes,
        word: Option<ChangeWord>,
        before: Option<i64>,
        limit: i64,
    ) -> StoreResult<Vec<ChangeRow>> {
        let (account, group, run, since) = match which {
            Changes::Account(key) => (Some(key), None, None, None),
            Changes::Group(id) => (None, Some(id.0), None, None),
            Changes::Run(run) => (None, None, Some(run.0), None),
            Changes::SinceLastSync => (None, None, None, Some(self.last_full_run(org).await?)),
        };
        let rows = sqlx::query!(
            r#"-- browse.changes
            SELECT
                c.change_key, c.changed_at, r.run_id AS "run_id?", r.kind::text AS "run_kind?", c.kind,
                coalesce(ak.account_id, gk.group_id::text, '') AS "id!", coalesce(a.name, g.name) AS "name?", c.change,
                c.fields || CASE
                    WHEN c.fields ? 'product_access' THEN jsonb_build_object('product_access', (
                        SELECT jsonb_agg(
                            (
                                SELECT coalesce(jsonb_agg(DISTINCT p.product ORDER BY p.product), '[]') FROM access_key AS p
                                WHERE p.access_key IN (SELECT jsonb_array_elements_text(side.keys)::integer)
                            )
                            ORDER BY side.position
                        )
                        FROM jsonb_array_elements(c.fields -> 'product_access') WITH ORDINALITY AS side (keys, position)
                    ))
                    ELSE '{}'
                END AS "fields!",
                (
                    SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.group_id, 'name', j.name) ORDER BY j.name), '[]')
                    FROM group_key AS k LEFT JOIN org_group AS j ON j.group_key = k.group_key WHERE k.group_key = ANY (c.joined)
                ) AS "joined!",
                (
                    SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.group_id, 'name', j.name) ORDER BY j.name), '[]')
                    FROM group_key AS k LEFT JOIN org_group AS j ON j.group_key = k.group_key WHERE k.group_key = ANY (c.departed)
                ) AS "departed!"
            FROM change_log AS c
            LEFT JOIN sync_run AS r ON r.run_key = c.run_key
            LEFT JOIN account_key AS ak ON c.kind = 'account' AND ak.account_key = c.entity_key
            LEFT JOIN account AS a ON c.kind = 'account' AND a.account_key = c.entity_key
            LEFT JOIN group_key AS gk ON c.kind = 'group' AND gk.group_key = c.entity_key
            LEFT JOIN org_group AS g ON c.kind = 'group' AND g.group_key = c.entity_key
            WHERE c.org_key = $1
                AND ($2::integer IS NULL OR (c.kind = 'account' AND c.entity_key = $2))
                AND ($3::uuid IS NULL OR (
                    c.kind = 'group' AND c.entity_key = (SELECT k.group_key FROM group_key AS k WHERE k.org_key = $1 AND k.group_id = $3)
                ))
                AND ($4::bigint IS NULL OR c.run_key = $4)
                AND ($5::bigint IS NULL OR c.run_key >= $5)
                AND ($6::text IS NULL OR $6 = ANY (change_words(c.kind, c.change, c.fields, c.joined, c.departed)))
                AND ($7::bigint IS NULL OR c.change_key < $7)
            ORDER BY c.change_key DESC
            LIMIT $8"#,
            org.0,
            account,
            group,
            run,
            since,
            word.map(ChangeWord::as_str),
            before,
            limit
        );
        rows.fetch_all(&self.pool)
            .await?
            .into_iter()
            .map(|row| {
                Ok(ChangeRow {
                    change_key: row.change_key,
                    changed_at: row.changed_at,
                    run_id: row.run_id.map(RunId),
                    run_kind: row.run_kind.map(|word| word.parse()).transpose()?,
                    kind: row.kind,
                    id: row.id,
                    name: row.name,
                    change: row.change,
                    fields: row.fields,
                    joined: groups(row.joined)?,
                    departed: groups(row.departed)?,
                })
            })
            .collect()
    }

    /// How many changes of each word a run wrote, or everything since the last full sync did; words without any are absent.
    pub async fn change_counts(&self, org: OrgKey, run: Option<RunKey>) -> StoreResult<Vec<(ChangeWord, i64)>> {
        let since = match run {
            Some(_) => None,
            None => Some(self.last_full_run(org).await?),
        };
        let rows = sqlx::query!(
            r#"-- browse.change_counts
            SELECT word.word AS "word!", count(*) AS "count!"
            FROM change_log AS c
            CROSS JOIN LATERAL unnest(change_words(c.kind, c.change, c.fields, c.joined, c.departed)) AS word (word)
            WHERE c.org_key = $1 AND ($2::bigint IS NULL OR c.run_key = $2) AND ($3::bigint IS NULL OR c.run_key >= $3)
            GROUP BY 1"#,
            org.0,
            run.map(|run| run.0),
            since
        );
        let mut counts = Vec::new();
        for row in rows.fetch_all(&self.pool).await? {
            counts.push((row.word.parse()?, row.count));
        }
        counts.sort_by_key(|(word, _)| *word);
        Ok(counts)
    }

    /// The newest completed full run; greater than every run's key if there was none, since then nothing has changed since.
    async fn last_full_run(&self, org: OrgKey) -> StoreResult<i64> {
        let run = sqlx::query_scalar!("SELECT watermark_run_key FROM org WHERE org_key = $1", org.0);
        Ok(run.fetch_one(&self.pool).await?.unwrap_or(i64::MAX))
    }
}

fn groups(json: Value) -> StoreResult<Vec<NamedGroup>> {
    serde_json::from_value(json).map_err(|source| StoreError::Json { column: "change_log.joined", source })
}
