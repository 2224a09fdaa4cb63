//! What accounts and groups have in common when they are written: compare, decide, write, log.

use std::collections::{HashMap, HashSet};

use orgmirror_domain::ids::{Instant, OrgKey, RunKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::winner::{Source, Stored, wins};
use orgmirror_metrics::ROWS_WRITTEN;
use serde_json::Map;

use crate::StoreResult;
use crate::change_log::{self, Change, Entry};
use crate::lookup;
use crate::transaction::Tx;

/// A kind of row that observations are written to.
pub(crate) trait Mirrored: Sized {
    /// `account` or `group`, as tables and logs name it.
    const KIND: &'static str;
    /// The job that asks for such rows by id.
    const LOOKUP: JobKind;

    fn key(&self) -> i32;
    fn observed(&self) -> Instant;
    fn is_absent(&self) -> bool;
    /// Groups that it is a member of.
    fn memberships(&self) -> i32;
    /// Whether both say the same, whenever they were observed.
    fn says_the_same(&self, other: &Self) -> bool;
    /// The log's entry for a change from `old`; `None` if nothing that is logged differs.
    fn changed_entry(&self, old: &Self) -> Option<Entry>;

    fn fingerprint(&self) -> i64;

    /// Those of a batch that may have to be written: without a row, missing, with another fingerprint, observed since `stamp_from`, or
    /// subject of an unfinished look-up of `awaited_by`.
    async fn differing(
        tx: &mut Tx,
        org: OrgKey,
        incoming: (&[i32], &[i64]),
        stamp_from: Instant,
        awaited_by: Option<JobKind>,
    ) -> StoreResult<Vec<Differing>>;
    /// Locks rows, in order of key, and returns them as they stand.
    async fn locked(tx: &mut Tx, keys: &[i32]) -> StoreResult<Vec<Standing<Self>>>;
    /// Writes sightings, whole. The WHERE is the last word on which observation wins. Returns the keys of rows that came to be.
    async fn write_seen(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<Vec<i32>>;
    /// Writes absences: the row keeps what was last seen, so that people can tell who left; an id never met gets a tombstone.
    async fn write_absent(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<()>;
}

/// A row that must perhaps be written. Read before it is locked: what others write in between is seen when it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Differing {
    pub(crate) key: i32,
    /// The key has no row.
    pub(crate) rowless: bool,
    /// The row is the subject of a look-up that is pending.
    pub(crate) awaited: bool,
}

/// A row as it stands, locked.
pub(crate) struct Standing<F> {
    pub(crate) facts: F,
    /// The row is swept.
    pub(crate) hidden: bool,
    /// The row was seen alive at some time.
    pub(crate) known_alive: bool,
}

/// On whose behalf rows are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    pub(crate) org: OrgKey,
    pub(crate) run: RunKey,
    pub(crate) watermark: Instant,
    /// False for an organisation's first run: everything would be news.
    pub(crate) logged: bool,
    /// The rows come from a look-up by id, which always leaves its instant.
    pub(crate) lookup: bool,
    /// What was observed before this instant is asked for again instead of written; of accounts alone.
    pub(crate) writes_from: Instant,
}

/// How many rows came to be, and how many now say something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) added: i32,
    pub(crate) changed: i32,
}

impl Tally {
    /// Counts rows of a kind as written. Called after the commit: what was rolled back was not written.
    pub(crate) fn count(self, kind: &'static str) {
        for (change, rows) in [("added", self.added), ("changed", self.changed)] {
            ROWS_WRITTEN.add(u64::from(rows.unsigned_abs()), [kind.into(), change.into()]);
        }
    }
}

/// Writes what wins of a batch of observations, and logs what changed. `facts` may name a key more than once: the newest counts.
pub(crate) async fn write_rows<F: Mirrored>(tx: &mut Tx, writer: Writer, facts: Vec<&F>) -> StoreResult<Tally> {
    let facts = newest_of_each(facts);
    let (keys, fingerprints): (Vec<i32>, Vec<i64>) = facts.iter().map(|fact| (fact.key(), fact.fingerprint())).unzip();
    let (stamp_from, awaited_by) = if writer.lookup { (Instant(i64::MIN), None) } else { (writer.watermark, Some(F::LOOKUP)) };
    let differing = F::differing(tx, writer.org, (&keys, &fingerprints), stamp_from, awaited_by).await?;
    let locked: Vec<i32> = differing.iter().filter(|row| !row.rowless).map(|row| row.key).collect();
    let standing = if locked.is_empty() { Vec::new() } else { F::locked(tx, &locked).await? };
    let mut standing: HashMap<i32, Standing<F>> = standing.into_iter().map(|row| (row.facts.key(), row)).collect();
    let facts: HashMap<i32, &F> = facts.into_iter().map(|fact| (fact.key(), fact)).collect();

    let (mut seen, mut absent, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    // Rows of ids that were asked for and never seen alive until now.
    let mut tombstones: HashSet<i32> = HashSet::new();
    let mut outdated = Vec::new();
    let mut tally = Tally::default();
    for Differing { key, awaited, .. } in differing {
        let Some(new) = facts.get(&key).copied() else { continue };
        let old = standing.remove(&key);
        let source = if writer.lookup { Source::LookUp } else { Source::Page { awaited, watermark: writer.watermark } };
        let stored = old.as_ref().map(|old| Stored {
            observed: old.facts.observed(),
            // The fingerprint of another program is replaced, although the row says the same.
            differs: new.fingerprint() != old.facts.fingerprint() || !new.says_the_same(&old.facts),
        });
        if !wins(stored, new.observed(), source) {
            continue;
        }
        if new.observed() < writer.writes_from {
            outdated.push(key);
            continue;
        }
        if new.is_absent() {
            absent.push(new);
            continue;
        }
        match news(old.as_ref(), new) {
            News::Added(change) => {
                if old.is_some() {
                    tally.added += 1;
                    tombstones.insert(key);
                }
                entries.push(Entry { key, change, fields: Map::new(), joined: Vec::new(), departed: Vec::new() });
            }
            News::Changed(entry) => {
                tally.changed += 1;
                entries.extend(entry);
            }
            News::Same => {}
        }
        seen.push(new);
    }
    if !outdated.is_empty() {
        lookup::register_accounts(tx, writer.run, &outdated).await?;
    }
    if !seen.is_empty() {
        let inserted: HashSet<i32> = F::write_seen(tx, writer.org, &seen).await?.into_iter().collect();
        tally.added += i32::try_from(inserted.len()).unwrap_or(i32::MAX);
        // Another transaction may have added a row between the look and the write: then it is its news.
        entries.retain(|entry| entry.change != Change::Added || inserted.contains(&entry.key) || tombstones.contains(&entry.key));
    }
    if !absent.is_empty() {
        F::write_absent(tx, writer.org, &absent).await?;
    }
    if writer.logged {
        change_log::append(tx, writer.org, writer.run, F::KIND, &entries).await?;
    }
    Ok(tally)
}

/// Sorted by key, so that concurrent batches lock rows in one order, each key once.
fn newest_of_each<F: Mirrored>(mut facts: Vec<&F>) -> Vec<&F> {
    facts.sort_by_key(|fact| (fact.key(), std::cmp::Reverse(fact.observed())));
    facts.dedup_by_key(|fact| fact.key());
    facts
}

enum News {
    Added(Change),
    Changed(Option<Entry>),
    Same,
}

fn news<F: Mirrored>(old: Option<&Standing<F>>, new: &F) -> News {
    match old {
        Some(old) if old.known_alive && !old.hidden => {
            if new.says_the_same(&old.facts) {
                News::Same
            } else {
                News::Changed(new.changed_entry(&old.facts))
            }
        }
        Some(old) if old.known_alive => News::Added(Change::Returned),
        _ => News::Added(Change::Added),
    }
}
