//! Product roles and seats against the simulator's truth.
//!
//! A role held directly beside the same one by a group cannot be seen by anybody who asks the API, and one held beside another role only
//! by its count. So the mirror may say that it does not know; it may never say what is not so.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde_json::Value;
use sqlx::Row;

use crate::world::World;

/// An account on a resource.
type Place = (String, String);

/// What the truth says of an account on a resource.
#[derive(Debug, Default)]
struct Held {
    direct: BTreeSet<String>,
    by_group: BTreeSet<String>,
    active: bool,
}

/// The most telling role first.
const RANKS: [&str; 9] =
    ["admin", "user", "contributor", "stakeholder", "basic", "guest", "customer", "viewer", "user-access-admin"];
const SEATS: [&str; 2] = ["atlassian/user", "atlassian/admin"];

impl Held {
    fn all(&self) -> BTreeSet<&String> {
        self.direct.union(&self.by_group).collect()
    }

    fn takes_seat(&self) -> bool {
        self.active && self.all().iter().any(|role| SEATS.contains(&role.as_str()))
    }

    fn highest(&self) -> Option<&str> {
        let all = self.all();
        RANKS.iter().find_map(|word| all.iter().find(|role| role.ends_with(&format!("/{word}")))).map(|role| role.as_str())
    }
}

/// How much the mirror knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RolesKnown {
    /// Accesses whose `billable` is true.
    pub billable: usize,
    /// Accesses whose `billable` is false although the account is active.
    pub free: usize,
    /// Accesses of which nobody knows.
    pub unknown: usize,
}

impl World {
    /// Compares roles and seats of all accesses as of a full sync, and where the roles come from.
    pub async fn assert_roles_equal_truth(&self) -> Result<RolesKnown> {
        let truth = self.true_roles().await?;
        let known = self.compare_access(&truth).await?;
        self.compare_sources(&truth).await?;
        Ok(known)
    }

    async fn true_roles(&self) -> Result<BTreeMap<Place, Held>> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let people = self.sim.truth("accounts").await?;
        let active: BTreeSet<String> =
            people.iter().filter(|one| one["status"] == "active").map(|one| word(&one["accountId"])).collect();
        let roles = |value: &Value| value.as_array().into_iter().flatten().map(word).collect();
        let lines = self.sim.truth("roles").await?;
        Ok(lines
            .iter()
            .map(|line| {
                let account = word(&line["accountId"]);
                let held =
                    Held { direct: roles(&line["direct"]), by_group: roles(&line["byGroup"]), active: active.contains(&account) };
                ((account, word(&line["resourceId"])), held)
            })
            .collect())
    }

    async fn compare_access(&self, truth: &BTreeMap<Place, Held>) -> Result<RolesKnown> {
        let rows = sqlx::query("SELECT account_id, resource_id, role, billable FROM mirror.product_access");
        let unread = sqlx::query_scalar::<_, Vec<String>>("SELECT coalesce(roles_unread, '{}') FROM org");
        let unread = unread.fetch_one(&self.pool).await?;
        let (mut known, mut seen) = (RolesKnown::default(), 0);
        for row in rows.fetch_all(&self.pool).await? {
            let place: Place = (row.try_get("account_id")?, row.try_get("resource_id")?);
            let (role, billable): (Option<String>, Option<bool>) = (row.try_get("role")?, row.try_get("billable")?);
            let Some(held) = truth.get(&place) else { anyhow::bail!("{place:?} has no role in truth, {role:?} in the mirror") };
            seen += 1;
            ensure!(
                role.as_ref().is_none_or(|role| held.all().contains(role)),
                "{place:?} holds {held:?}, the mirror says {role:?}"
            );
            match billable {
                None => known.unknown += 1,
                Some(says) => {
                    ensure!(says == held.takes_seat(), "{place:?} holds {held:?}, the mirror says billable {says}");
                    known.billable += usize::from(says);
                    known.free += usize::from(!says && held.active);
                }
            }
            let is_read = !unread.iter().any(|product| place.1.contains(&format!(":{product}:")));
            if billable == Some(true) && is_read {
                ensure!(role.as_deref() == held.highest(), "{place:?} holds {held:?}, the mirror shows {role:?}");
            }
        }
        ensure!(seen == truth.len(), "the mirror has {seen} accesses, the truth {}", truth.len());
        Ok(known)
    }

    /// Roles by groups are exact; a direct one that is told is one.
    async fn compare_sources(&self, truth: &BTreeMap<Place, Held>) -> Result<()> {
        let rows = sqlx::query(
            "SELECT DISTINCT account_id, resource_id, role, source, group_id IS NOT NULL AS named FROM mirror.roles WHERE resource_id IS NOT NULL",
        );
        let mut by_group = 0;
        for row in rows.fetch_all(&self.pool).await? {
            let place: Place = (row.try_get("account_id")?, row.try_get("resource_id")?);
            let (role, source): (String, String) = (row.try_get("role")?, row.try_get("source")?);
            let Some(held) = truth.get(&place) else { anyhow::bail!("{place:?} has no role in truth") };
            ensure!(row.try_get::<bool, _>("named")? == (source == "group"), "a group is named for roles by groups alone");
            let roles = if source == "group" { &held.by_group } else { &held.direct };
            ensure!(roles.contains(&role), "{place:?} holds {held:?}, the mirror says {role} by {source}");
            by_group += usize::from(source == "group");
        }
        let true_by_group: usize = truth.values().map(|held| held.by_group.len()).sum();
        ensure!(by_group == true_by_group, "the mirror has {by_group} roles by groups, the truth {true_by_group}");
        Ok(())
    }
}
