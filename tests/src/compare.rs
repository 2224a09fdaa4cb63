//! The mirror against the simulator's truth, row by row, through the analysts' views alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Map, Value, json};
use sqlx::{PgPool, Row};

use crate::sim::Sim;
use crate::world::World;

/// Differences shown before the comparison gives up.
const SHOWN: usize = 5;

/// Fields of a truth line and the columns that mirror them.
const ACCOUNT_TEXTS: &[(&str, &str)] = &[
    ("accountType", "account_type"),
    ("status", "status"),
    ("accountStatus", "account_status"),
    ("membershipStatus", "membership_status"),
    ("claimStatus", "claim_status"),
    ("managementSource", "management_source"),
    ("name", "name"),
    ("nickname", "nickname"),
    ("email", "email"),
    ("picture", "picture"),
    ("avatar", "avatar"),
    ("jobTitle", "job_title"),
    ("department", "department"),
    ("organization", "organization"),
    ("location", "location"),
    ("timeZone", "time_zone"),
];
const ACCOUNT_FLAGS: &[(&str, &str)] =
    &[("mfaEnabled", "mfa_enabled"), ("emailVerified", "email_verified"), ("forDeletion", "for_deletion")];
const ACCOUNT_TIMES: &[(&str, &str)] = &[("addedToOrg", "added_to_org_at"), ("deactivatedOn", "deactivated_at")];

type Rows = BTreeMap<String, Value>;

/// A mirror and what it should say, wherever both are.
pub struct Comparison<'a> {
    /// Keeps the truth.
    pub sim: &'a Sim,
    /// Has the views.
    pub pool: PgPool,
}

impl World {
    /// Compares all accounts with memberships, access and roles, all groups, and what groups grant.
    pub async fn assert_mirror_equals_truth(&self) -> Result<()> {
        Comparison { sim: &self.sim, pool: self.pool.clone() }.assert_equal().await
    }

    /// What differs, in words.
    pub async fn differences(&self) -> Result<Vec<String>> {
        Comparison { sim: &self.sim, pool: self.pool.clone() }.differences().await
    }

    /// Which fields differ, by row: [`Comparison::differing_fields`].
    pub async fn differing_fields(&self) -> Result<BTreeMap<String, BTreeSet<String>>> {
        Comparison { sim: &self.sim, pool: self.pool.clone() }.differing_fields().await
    }
}

impl Comparison<'_> {
    /// Compares all accounts with memberships, access and roles, all groups, and what groups grant.
    pub async fn assert_equal(&self) -> Result<()> {
        let differences = self.differences().await?;
        if differences.is_empty() {
            return Ok(());
        }
        let shown: Vec<&str> = differences.iter().take(SHOWN).map(String::as_str).collect();
        bail!("the mirror differs from the truth in {} rows:\n{}", differences.len(), shown.join("\n"));
    }

    /// What differs, in words.
    pub async fn differences(&self) -> Result<Vec<String>> {
        let mut differences = Vec::new();
        differ("account", &self.true_accounts().await?, &self.mirrored_accounts().await?, &mut differences);
        differ("group", &self.true_groups().await?, &self.mirrored_groups().await?, &mut differences);
        differ("grants of group", &self.true_grants().await?, &self.mirrored_grants().await?, &mut differences);
        Ok(differences)
    }

    /// The same as `account <id>` or `group <id>` with the fields that differ, by the API's names; a row that only one side has differs in
    /// `itself`.
    pub async fn differing_fields(&self) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let mut differing = BTreeMap::new();
        let sides = [
            ("account", self.true_accounts().await?, self.mirrored_accounts().await?),
            ("group", self.true_groups().await?, self.mirrored_groups().await?),
        ];
        for (what, truth, mirror) in sides {
            for id in truth.keys().chain(mirror.keys()) {
                let fields = match (truth.get(id), mirror.get(id)) {
                    (Some(Value::Object(truth)), Some(Value::Object(mirror))) => truth
                        .iter()
                        .filter(|(name, value)| mirror.get(*name) != Some(value))
                        .map(|(name, _)| name.clone())
                        .collect(),
                    _ => BTreeSet::from(["itself".to_owned()]),
                };
                if !fields.is_empty() {
                    differing.insert(format!("{what} {id}"), fields);
                }
            }
        }
        Ok(differing)
    }

    async fn true_accounts(&self) -> Result<Rows> {
        let lines = self.sim.truth("accounts").await?;
        lines.iter().map(|line| Ok((text(line, "accountId")?, true_account(line)))).collect()
    }

    async fn mirrored_accounts(&self) -> Result<Rows> {
        let mut groups = self.grouped("SELECT account_id AS id, group_id AS value FROM mirror.memberships ORDER BY 1, 2").await?;
        let mut roles = self
            .grouped("SELECT account_id AS id, role AS value FROM mirror.roles WHERE resource_id IS NULL ORDER BY 1, 2")
            .await?;
        let mut access: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let rows =
            sqlx::query("SELECT account_id, resource_id, product, last_active_at FROM mirror.product_access ORDER BY 1, 2, 3");
        for row in rows.fetch_all(&self.pool).await? {
            let at: Option<DateTime<Utc>> = row.try_get("last_active_at")?;
            let one = json!([row.try_get::<String, _>("resource_id")?, row.try_get::<String, _>("product")?, at]);
            access.entry(row.try_get("account_id")?).or_default().push(one);
        }
        let mut accounts = Rows::new();
        for row in sqlx::query("SELECT * FROM mirror.accounts").fetch_all(&self.pool).await? {
            let id: String = row.try_get("account_id")?;
            let mut fields = Map::new();
            for (field, column) in ACCOUNT_TEXTS {
                fields.insert((*field).to_owned(), json!(row.try_get::<Option<String>, _>(*column)?));
            }
            for (field, column) in ACCOUNT_FLAGS {
                fields.insert((*field).to_owned(), json!(row.try_get::<Option<bool>, _>(*column)?));
            }
            for (field, column) in ACCOUNT_TIMES {
                fields.insert((*field).to_owned(), json!(row.try_get::<Option<DateTime<Utc>>, _>(*column)?));
            }
            fields.insert("groups".to_owned(), json!(groups.remove(&id).unwrap_or_default()));
            fields.insert("platformRoles".to_owned(), json!(roles.remove(&id).unwrap_or_default()));
            fields.insert("productAccess".to_owned(), json!(access.remove(&id).unwrap_or_default()));
            accounts.insert(id, Value::Object(fields));
        }
        Ok(accounts)
    }

    async fn true_groups(&self) -> Result<Rows> {
        let lines = self.sim.truth("groups").await?;
        lines
            .iter()
            .map(|line| {
                let group = json!({
                    "name": line["name"], "description": line["description"], "directoryId": line["directoryId"],
                    "externalSynced": line["externalSynced"].as_bool().unwrap_or(false), "managedBy": line["managedBy"],
                    "managementAccess.modifiable": line["managementAccess"]["modifiable"], "counts.users": line["counts"]["users"],
                    "counts.resources": line["counts"]["resources"],
                });
                Ok((text(line, "id")?, group))
            })
            .collect()
    }

    async fn mirrored_groups(&self) -> Result<Rows> {
        let rows = sqlx::query("SELECT * FROM mirror.groups").fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                let group = json!({
                    "name": row.try_get::<Option<String>, _>("name")?,
                    "description": row.try_get::<Option<String>, _>("description")?,
                    "directoryId": row.try_get::<Option<String>, _>("directory_id")?,
                    "externalSynced": row.try_get::<bool, _>("scim_managed")?,
                    "managedBy": row.try_get::<Option<String>, _>("managed_by")?,
                    "managementAccess.modifiable": row.try_get::<Option<bool>, _>("modifiable")?,
                    "counts.users": row.try_get::<Option<i32>, _>("member_count")?,
                    "counts.resources": row.try_get::<Option<i32>, _>("resource_count")?,
                });
                Ok((row.try_get("group_id")?, group))
            })
            .collect()
    }

    async fn true_grants(&self) -> Result<Rows> {
        let mut grants: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for line in self.sim.truth("grants").await? {
            let group = text(&line, "groupId")?;
            for role in line["roles"].as_array().into_iter().flatten() {
                grants.entry(group.clone()).or_default().push(json!([
                    line["resourceId"],
                    line["resourceOwner"],
                    role,
                    line["defaultRole"]
                ]));
            }
        }
        Ok(sorted(grants))
    }

    async fn mirrored_grants(&self) -> Result<Rows> {
        let mut grants: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for row in sqlx::query("SELECT * FROM mirror.group_grants").fetch_all(&self.pool).await? {
            let grant = json!([
                row.try_get::<String, _>("resource_id")?,
                row.try_get::<Option<String>, _>("resource_owner")?,
                row.try_get::<String, _>("role")?,
                row.try_get::<Option<String>, _>("default_role")?,
            ]);
            grants.entry(row.try_get("group_id")?).or_default().push(grant);
        }
        Ok(sorted(grants))
    }

    async fn grouped(&self, statement: &'static str) -> Result<BTreeMap<String, Vec<String>>> {
        let mut grouped: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in sqlx::query(statement).fetch_all(&self.pool).await? {
            grouped.entry(row.try_get("id")?).or_default().push(row.try_get("value")?);
        }
        for values in grouped.values_mut() {
            values.sort();
        }
        Ok(grouped)
    }
}

fn true_account(line: &Value) -> Value {
    let mut fields = Map::new();
    for (field, _) in ACCOUNT_TEXTS.iter().chain(ACCOUNT_FLAGS) {
        fields.insert((*field).to_owned(), line.get(field).cloned().unwrap_or(Value::Null));
    }
    for (field, _) in ACCOUNT_TIMES {
        fields.insert((*field).to_owned(), json!(time(&line[*field])));
    }
    let texts = |field: &str| {
        let mut texts: Vec<String> =
            line[field].as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect();
        texts.sort();
        texts
    };
    fields.insert("groups".to_owned(), json!(texts("groups")));
    fields.insert("platformRoles".to_owned(), json!(texts("platformRoles")));
    let mut access: Vec<(String, String, Option<DateTime<Utc>>)> = line["productAccess"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let word = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
            (word("id"), word("key"), time(&one["lastActiveTimestamp"]))
        })
        .collect();
    access.sort();
    let access: Vec<Value> = access.into_iter().map(|(resource, product, at)| json!([resource, product, at])).collect();
    fields.insert("productAccess".to_owned(), json!(access));
    Value::Object(fields)
}

/// A time in microseconds, as the mirror keeps it.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    Some(at.to_utc().trunc_subsecs(6))
}

fn text(line: &Value, field: &str) -> Result<String> {
    line[field].as_str().map(str::to_owned).with_context(|| format!("a line of the truth has no {field}"))
}

fn sorted(grants: BTreeMap<String, Vec<Value>>) -> Rows {
    grants
        .into_iter()
        .map(|(group, mut grants)| {
            grants.sort_by_key(Value::to_string);
            (group, json!(grants))
        })
        .collect()
}

fn differ(what: &str, truth: &Rows, mirror: &Rows, differences: &mut Vec<String>) {
    for (id, expected) in truth {
        match mirror.get(id) {
            None => differences.push(format!("{what} {id} is not mirrored")),
            Some(mirrored) if mirrored != expected => {
                differences.push(format!("{what} {id} is\n  {mirrored}\nbut truly\n  {expected}"));
            }
            Some(_) => {}
        }
    }
    for id in mirror.keys().filter(|id| !truth.contains_key(*id)) {
        differences.push(format!("{what} {id} is mirrored but not there"));
    }
}
