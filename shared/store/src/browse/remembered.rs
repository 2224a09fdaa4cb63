//! Answers that cost a look at every account, kept while the mirror says the same.
//!
//! The mirror is written by runs alone. So an answer stays true while no run is open and none has come since it was made; ages
//! ("inactive for 90 days") go on, therefore everything is made anew after ten minutes. While runs write, an answer is served for a
//! grace after it was made, and the next one is made meanwhile: nobody waits, and nobody is shown anything older.
//!
//! Ten people who ask for the same at once cause one look: each answer has a lock of its own.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::OrgKey;
use tokio::sync::Mutex as TurnMutex;

use crate::{Store, StoreResult};

/// An answer younger than this is not made anew, however much changes.
const YOUNG: Duration = Duration::from_secs(2);
/// So long an answer counts as true while nothing changes: ages are counted in days.
const KEPT: Duration = Duration::from_secs(600);

/// Answers by what was asked, the least recently used ones forgotten when they become too many.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    slots: Mutex<HashMap<(OrgKey, String), Kept<T>>>,
    /// Weight of all answers at most.
    capacity: usize,
    /// So long an answer is served although the mirror may have changed since.
    grace: Duration,
}

/// How much room an answer takes.
pub(crate) trait Weight {
    /// In units of the capacity.
    fn weight(&self) -> usize;
}

/// An answer, and of when it is.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) value: T,
    pub(super) as_of: DateTime<Utc>,
    made: Instant,
    version: Version,
}

/// What tells that the mirror may have changed: the newest run, and which runs are writing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    newest_run: i64,
    open_runs: Vec<i64>,
}

#[derive(Debug)]
struct Kept<T> {
    slot: Arc<Slot<T>>,
    used: Instant,
    weight: usize,
}

#[derive(Debug)]
struct Slot<T> {
    answer: Mutex<Option<Arc<Answer<T>>>>,
    /// Held by whoever makes the next answer.
    turn: Arc<TurnMutex<()>>,
}

impl<T> Answer<T> {
    fn is_true(&self, version: &Version) -> bool {
        self.is_unchanged(version) && self.made.elapsed() < KEPT
    }

    fn may_be_served(&self, version: &Version, grace: Duration) -> bool {
        self.made.elapsed() < if self.is_unchanged(version) { 2 * KEPT } else { grace }
    }

    fn is_unchanged(&self, version: &Version) -> bool {
        self.version == *version && version.open_runs.is_empty()
    }
}

impl<T: Weight + Send + Sync + 'static> Remembered<T> {
    pub(crate) fn new(capacity: usize, grace: Duration) -> Self {
        Self { slots: Mutex::default(), capacity, grace }
    }

    /// The answer to `question`, made by `make` if none may be served.
    pub(super) async fn get<F>(
        &self,
        store: &Store,
        org: OrgKey,
        question: String,
        make: impl FnOnce(Store) -> F + Send + 'static,
    ) -> StoreResult<Arc<Answer<T>>>
    where
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        let version = version(store, org).await?;
        let slot = self.slot(org, &question);
        if let Some(answer) = slot.answer() {
            if answer.is_true(&version) {
                return Ok(answer);
            }
            if answer.may_be_served(&version, self.grace) {
                if answer.made.elapsed() > YOUNG
                    && let Ok(turn) = slot.turn.clone().try_lock_owned()
                {
                    let store = store.clone();
                    tokio::spawn(async move {
                        let _turn = turn;
                        if let Err(error) = slot.make(store, version, make).await {
                            tracing::warn!(
                                error = &error as &dyn std::error::Error,
                                "a list could not be made anew; the old one is shown until its time is over"
                            );
                        }
                    });
                }
                return Ok(answer);
            }
        }
        let _turn = slot.turn.lock().await;
        // Somebody may have made it while this one waited.
        if let Some(answer) = slot.answer().filter(|answer| answer.may_be_served(&version, self.grace)) {
            return Ok(answer);
        }
        let answer = slot.make(store.clone(), version, make).await?;
        self.weigh(org, question, answer.value.weight());
        Ok(answer)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<(OrgKey, String), Kept<T>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, org: OrgKey, question: &str) -> Arc<Slot<T>> {
        let mut slots = self.slots();
        let kept = slots.entry((org, question.to_owned())).or_insert_with(|| Kept {
            slot: Arc::new(Slot { answer: Mutex::new(None), turn: Arc::default() }),
            used: Instant::now(),
            weight: 0,
        });
        kept.used = Instant::now();
        kept.slot.clone()
    }

    fn weigh(&self, org: OrgKey, question: String, weight: usize) {
        let mut slots = self.slots();
        if let Some(kept) = slots.get_mut(&(org, question)) {
            kept.weight = weight;
        }
        let mut total: usize = slots.values().map(|kept| kept.weight).sum();
        while total > self.capacity && slots.len() > 1 {
            let Some(oldest) = slots.iter().min_by_key(|(_, kept)| kept.used).map(|(asked, _)| asked.clone()) else { return };
            total -= slots.remove(&oldest).map_or(0, |kept| kept.weight);
        }
    }
}

impl<T> Slot<T> {
    fn answer(&self) -> Option<Arc<Answer<T>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Only by whoever has the turn.
    async fn make<F>(&self, store: Store, version: Version, make: impl FnOnce(Store) -> F) -> StoreResult<Arc<Answer<T>>>
    where
        F: Future<Output = StoreResult<T>>,
    {
        let (made, as_of) = (Instant::now(), Utc::now());
        let answer = Arc::new(Answer { value: make(store).await?, as_of, made, version });
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.clone());
        Ok(answer)
    }
}

async fn version(store: &Store, org: OrgKey) -> StoreResult<Version> {
    let row = sqlx::query!(
        r#"-- browse.version
        SELECT
            coalesce((SELECT run_key FROM sync_run WHERE org_key = $1 ORDER BY run_key DESC LIMIT 1), 0) AS "newest_run!",
            ARRAY (
                SELECT run_key FROM sync_run WHERE org_key = $1 AND finished_at IS NULL AND watermark IS NOT NULL ORDER BY run_key
            ) AS "open_runs!""#,
        org.0
    );
    let row = row.fetch_one(&store.pool).await?;
    Ok(Version { newest_run: row.newest_run, open_runs: row.open_runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn answer(newest_run: i64, open_runs: &[i64], age: Duration) -> Answer<Vec<i32>> {
        let made = Instant::now().checked_sub(age).expect("the computer runs for longer");
        Answer { value: Vec::new(), as_of: DateTime::UNIX_EPOCH, made, version: version(newest_run, open_runs) }
    }

    fn version(newest_run: i64, open_runs: &[i64]) -> Version {
        Version { newest_run, open_runs: open_runs.to_vec() }
    }

    #[test]
    fn an_answer_is_true_while_no_run_writes() {
        assert!(answer(7, &[], GRACE * 2).is_true(&version(7, &[])));
        assert!(!answer(7, &[], GRACE * 2).is_true(&version(8, &[])));
        assert!(!answer(7, &[7], Duration::ZERO).is_true(&version(7, &[7])), "an open run may write at any moment");
        assert!(!answer(7, &[7], Duration::ZERO).is_true(&version(7, &[])), "it may have written after the answer was made");
        assert!(!answer(7, &[], KEPT).is_true(&version(7, &[])), "ages go on");
    }

    #[test]
    fn a_changed_mirror_is_shown_within_the_grace() {
        assert!(answer(7, &[], GRACE / 2).may_be_served(&version(8, &[8]), GRACE));
        assert!(!answer(7, &[], GRACE).may_be_served(&version(8, &[8]), GRACE));
    }
}
