//! Small keys for the API's ids.
//!
//! A key is committed before it is used and never removed, so a cached one is always true. Each user page names about a thousand
//! groups; accounts come once a run, and again in the next one.

use std::collections::HashMap;
use std::sync::Mutex;

use orgmirror_domain::ids::{AccountId, GroupId, OrgKey, ResourceId};
use uuid::Uuid;

use crate::{Store, StoreResult};

/// Groups kept in memory, about 5 MB; when it is full it starts anew.
const CACHED_GROUPS: usize = 150_000;
/// Accounts kept in memory, about 15 MB; when it is full it starts anew.
const CACHED_ACCOUNTS: usize = 150_000;
/// Resources with products kept in memory.
const CACHED_ACCESS: usize = 10_000;

/// Keys that this process has met.
#[derive(Debug, Default)]
pub struct KeyCache {
    accounts: Mutex<HashMap<OrgKey, HashMap<Box<str>, i32>>>,
    groups: Mutex<HashMap<(OrgKey, Uuid), i32>>,
    access: Mutex<HashMap<(OrgKey, ResourceId, String), i32>>,
}

/// Locks a cache; a panic of another holder cannot have left it half-written, since each change is one insertion.
fn locked<T>(cache: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Store {
    /// Keys of accounts, in the order given.
    pub(crate) async fn account_keys(&self, org: OrgKey, ids: &[&AccountId]) -> StoreResult<Vec<i32>> {
        let known: Vec<Option<i32>> = {
            let mut cache = locked(&self.keys.accounts);
            let cache = cache.entry(org).or_default();
            ids.iter().map(|id| cache.get(id.as_str()).copied()).collect()
        };
        let unknown: Vec<&str> = ids.iter().zip(&known).filter(|(_, key)| key.is_none()).map(|(id, _)| id.as_str()).collect();
        if unknown.is_empty() {
            return Ok(known.into_iter().flatten().collect());
        }
        let keys = sqlx::query_scalar!(r#"SELECT account_keys($1, $2) AS "keys!""#, org.0, &unknown as &[&str]);
        let keys = keys.fetch_one(&self.pool).await?;
        let mut cache = locked(&self.keys.accounts);
        let cache = cache.entry(org).or_default();
        if cache.len() + unknown.len() > CACHED_ACCOUNTS {
            cache.clear();
        }
        cache.extend(unknown.into_iter().map(Box::from).zip(keys.iter().copied()));
        let mut drawn = keys.into_iter();
        Ok(known.into_iter().filter_map(|key| key.or_else(|| drawn.next())).collect())
    }

    /// Keys of groups, by id.
    pub(crate) async fn group_keys(&self, org: OrgKey, ids: &[GroupId]) -> StoreResult<HashMap<GroupId, i32>> {
        let mut known = HashMap::with_capacity(ids.len());
        let mut unknown: Vec<Uuid> = Vec::new();
        {
            let cache = locked(&self.keys.groups);
            for id in ids {
                match cache.get(&(org, id.0)) {
                    Some(key) => drop(known.insert(*id, *key)),
                    None => unknown.push(id.0),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(known);
        }
        unknown.sort_unstable();
        unknown.dedup();
        let keys = sqlx::query_scalar!(r#"SELECT group_keys($1, $2) AS "keys!""#, org.0, &unknown);
        let keys = keys.fetch_one(&self.pool).await?;
        let mut cache = locked(&self.keys.groups);
        if cache.len() + unknown.len() > CACHED_GROUPS {
            cache.clear();
        }
        for (id, key) in unknown.into_iter().zip(keys) {
            cache.insert((org, id), key);
            known.insert(GroupId(id), key);
        }
        Ok(known)
    }

    /// Keys of pairs of resource and product.
    pub(crate) async fn access_keys(
        &self,
        org: OrgKey,
        pairs: &[(&ResourceId, &str)],
    ) -> StoreResult<HashMap<(ResourceId, String), i32>> {
        let mut known = HashMap::new();
        let mut unknown: Vec<(&ResourceId, &str)> = Vec::new();
        {
            let cache = locked(&self.keys.access);
            for (resource, product) in pairs {
                let pair = (org, (*resource).clone(), (*product).to_owned());
                match cache.get(&pair) {
                    Some(key) => drop(known.insert((pair.1, pair.2), *key)),
                    None => unknown.push((resource, product)),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(known);
        }
        unknown.sort_unstable();
        unknown.dedup();
        let resources: Vec<&str> = unknown.iter().map(|(resource, _)| resource.as_str()).collect();
        let products: Vec<&str> = unknown.iter().map(|(_, product)| *product).collect();
        let keys = sqlx::query_scalar!(
            r#"SELECT access_keys($1, $2, $3) AS "keys!""#,
            org.0,
            &resources as &[&str],
            &products as &[&str]
        );
        let keys = keys.fetch_one(&self.pool).await?;
        let mut cache = locked(&self.keys.access);
        if cache.len() + unknown.len() > CACHED_ACCESS {
            cache.clear();
        }
        for ((resource, product), key) in unknown.into_iter().zip(keys) {
            cache.insert((org, resource.clone(), product.to_owned()), key);
            known.insert((resource.clone(), product.to_owned()), key);
        }
        Ok(known)
    }
}
