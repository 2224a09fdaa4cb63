//! What accounts and groups have in common when they are written: compare, decide, write, log.

use std::collections::{HashMap, HashSet};

use orgmirror_domain::diff::{added_and_removed, changed_fields};
use orgmirror_domain::ids::{Instant, OrgKey, RunKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::winner::{Source, Stored, wins};
use serde_json::Map;

use crate::StoreResult;
use crate::account::{self, AccountFacts, Candidate};
use crate::change_log::{self, Change, Entry};
use crate::group::{self, GroupFacts};
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
    fn says_the_same(&self, other: &Self) -> bool;
    /// The log's entry for a change from `old`; `None` if nothing that is logged differs.
    fn changed_entry(&self, old: &Self) -> Option<Entry>;

    /// Those of the keys that have no row.
    async fn rowless(tx: &mut Tx, keys: &[i32]) -> StoreResult<Vec<i32>>;
    async fn candidates(tx: &mut Tx, facts: &[&Self], awaited: &[i32], stamp_from: Instant) -> StoreResult<Vec<Candidate<Self>>>;
    async fn write_seen(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<Vec<i32>>;
    async fn write_absent(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<()>;
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

/// Keys of the subjects of unfinished look-ups of an organisation. Read before the rows: a look-up that finishes in between is seen
/// by the rows' own instants.
pub(crate) async fn awaited(tx: &mut Tx, org: OrgKey, lookup: JobKind) -> StoreResult<Vec<i32>> {
    let keys = sqlx::query_scalar!(
        r#"-- observe.awaited
        SELECT DISTINCT subject.key AS "key!"
        FROM sync_run AS run
        INNER JOIN sync_job AS job ON job.run_key = run.run_key
        CROSS JOIN LATERAL unnest(job.subject_keys) AS subject (key)
        WHERE run.org_key = $1
            AND run.finished_at IS NULL
            AND job.state = 'pending'
            AND job.kind IN ('account_lookup', 'group_lookup')
            AND job.kind = $2::text::job_kind"#,
        org.0,
        lookup.as_str(),
    );
    Ok(keys.fetch_all(&mut **tx).await?)
}

/// Writes what wins of a batch of observations, and logs what changed. `facts` may name a key more than once: the newest counts.
pub(crate) async fn write_rows<F: Mirrored>(tx: &mut Tx, writer: Writer, facts: Vec<&F>) -> StoreResult<Tally> {
    let facts = newest_of_each(facts);
    let (awaited, stamp_from) = if writer.lookup {
        (Vec::new(), Instant(i64::MIN))
    } else {
        (awaited(tx, writer.org, F::LOOKUP).await?, writer.watermark)
    };
    let mut candidates = Vec::new();
    let mut stored: Vec<&F> = facts.clone();
    if !writer.logged {
        // A first run meets mostly rows that are not there: asking for the keys alone spares sending all of them twice.
        let rowless = F::rowless(tx, &facts.iter().map(|fact| fact.key()).collect::<Vec<_>>()).await?;
        let rowless: HashSet<i32> = rowless.into_iter().collect();
        stored.retain(|fact| !rowless.contains(&fact.key()));
        candidates.extend(rowless.into_iter().map(Candidate::absent));
    }
    if !stored.is_empty() {
        candidates.extend(F::candidates(tx, &stored, &awaited, stamp_from).await?);
    }
    let awaited: HashSet<i32> = awaited.into_iter().collect();
    let facts: HashMap<i32, &F> = facts.into_iter().map(|fact| (fact.key(), fact)).collect();

    let (mut seen, mut absent, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    // Rows of ids that were asked for and never seen alive until now.
    let mut tombstones: HashSet<i32> = HashSet::new();
    let mut outdated = Vec::new();
    let mut tally = Tally::default();
    for candidate in candidates {
        let Some(new) = facts.get(&candidate.key).copied() else { continue };
        let source = if writer.lookup {
            Source::LookUp
        } else {
            Source::Page { awaited: awaited.contains(&candidate.key), watermark: writer.watermark }
        };
        let stored = candidate.old.as_ref().map(|old| Stored { observed: old.observed(), differs: !new.says_the_same(old) });
        if !wins(stored, new.observed(), source) {
            continue;
        }
        if new.observed() < writer.writes_from {
            outdated.push(candidate.key);
            continue;
        }
        if new.is_absent() {
            absent.push(new);
            continue;
        }
        match news(&candidate, new) {
            News::Added(change) => {
                if candidate.old.is_some() {
                    tally.added += 1;
                    tombstones.insert(candidate.key);
                }
                entries.push(Entry { key: candidate.key, change, fields: Map::new(), joined: Vec::new(), departed: Vec::new() });
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

fn news<F: Mirrored>(candidate: &Candidate<F>, new: &F) -> News {
    match &candidate.old {
        Some(old) if candidate.known_alive && !candidate.hidden => {
            if new.says_the_same(old) {
                News::Same
            } else {
                News::Changed(new.changed_entry(old))
            }
        }
        Some(_) if candidate.known_alive => News::Added(Change::Returned),
        _ => News::Added(Change::Added),
    }
}

impl Mirrored for AccountFacts {
    const KIND: &'static str = "account";
    const LOOKUP: JobKind = JobKind::AccountLookup;

    fn key(&self) -> i32 {
        self.account_key
    }

    fn observed(&self) -> Instant {
        Instant(self.observed)
    }

    fn is_absent(&self) -> bool {
        self.missing
    }

    fn memberships(&self) -> i32 {
        i32::try_from(self.group_keys.len()).unwrap_or(i32::MAX)
    }

    fn says_the_same(&self, other: &Self) -> bool {
        Self::says_the_same(self, other)
    }

    fn changed_entry(&self, old: &Self) -> Option<Entry> {
        let fields = changed_fields(&old.logged_fields(), &self.logged_fields());
        let (joined, departed) = added_and_removed(&old.group_keys, &self.group_keys);
        let something = !fields.is_empty() || !joined.is_empty() || !departed.is_empty();
        something.then_some(Entry { key: self.account_key, change: Change::Changed, fields, joined, departed })
    }

    async fn rowless(tx: &mut Tx, keys: &[i32]) -> StoreResult<Vec<i32>> {
        account::rowless(tx, keys).await
    }

    async fn candidates(tx: &mut Tx, facts: &[&Self], awaited: &[i32], from: Instant) -> StoreResult<Vec<Candidate<Self>>> {
        account::candidates(tx, facts, awaited, from).await
    }

    async fn write_seen(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<Vec<i32>> {
        account::write_seen(tx, org, facts).await
    }

    async fn write_absent(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<()> {
        account::write_absent(tx, org, facts).await
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

    fn says_the_same(&self, other: &Self) -> bool {
        Self::says_the_same(self, other)
    }

    fn changed_entry(&self, old: &Self) -> Option<Entry> {
        let fields = changed_fields(&old.logged_fields(), &self.logged_fields());
        let entry = Entry { key: self.group_key, change: Change::Changed, fields, joined: Vec::new(), departed: Vec::new() };
        (!entry.fields.is_empty()).then_some(entry)
    }

    async fn rowless(tx: &mut Tx, keys: &[i32]) -> StoreResult<Vec<i32>> {
        group::rowless(tx, keys).await
    }

    async fn candidates(tx: &mut Tx, facts: &[&Self], awaited: &[i32], from: Instant) -> StoreResult<Vec<Candidate<Self>>> {
        group::candidates(tx, facts, awaited, from).await
    }

    async fn write_seen(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<Vec<i32>> {
        group::write_seen(tx, org, facts).await
    }

    async fn write_absent(tx: &mut Tx, org: OrgKey, facts: &[&Self]) -> StoreResult<()> {
        group::write_absent(tx, org, facts).await
    }
}
