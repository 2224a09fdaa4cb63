//! T4, the one write transaction of pages: claim, child, rows, log, all or nothing.
//!
//! Invariants
//! - Nothing claimed, nothing written: a job that is not pending any more, or whose run has ended, changes nothing.
//! - The next page is registered by the transaction that marks its parent done, so "all done" means that none is left to discover.
//!   Another delivery of the parent may have seen another cursor; only the one that commits decides.
//! - Several pages are committed together when many are ready, at most one of each chain.

use orgmirror_domain::ids::{Instant, JobKey, OrgKey, RunKey};
use orgmirror_domain::job::{JobKind, may_commit};
use orgmirror_domain::observation::{Account, Group};
use orgmirror_domain::partition::PAGE;
use orgmirror_domain::query::{Listed, Page};
use orgmirror_domain::run::Phase;
use orgmirror_domain::two_ends::{Sighting, have_met, look_for_meeting};

use crate::account::AccountFacts;
use crate::attempt::Drawn;
use crate::group::GroupFacts;
use crate::observe::{Mirrored, Tally, Writer, write_rows};
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, lock};

/// A page that was read and waits to be committed.
#[derive(Clone, Debug)]
pub struct PageCommit<T> {
    /// Its job.
    pub job: JobKey,
    /// Drawn just before the call that is committed.
    pub drawn: Drawn,
    /// What the API answered.
    pub page: Page<T>,
    /// Calls made by this delivery of the job.
    pub calls: i32,
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOutcome {
    /// Its effect is committed; the job of the next page, if there is one.
    Committed {
        /// Registered, and reckoned as worked on.
        next: Option<NextPage>,
    },
    /// The job was not pending any more, or its run has ended: nothing was written.
    Refused,
}

/// A page that was registered by its parent's commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextPage {
    /// Its job.
    pub job: JobKey,
    /// Both ends have met: no page follows it.
    pub last: bool,
    /// Rows to ask for.
    pub limit: u32,
}

/// A page with keys for ids.
struct Keyed<F> {
    job: JobKey,
    instant: Instant,
    next: Option<String>,
    calls: i32,
    seen: Vec<i32>,
    hashes: Vec<Option<i64>>,
    facts: Vec<F>,
}

/// A page whose job is locked and pending.
struct Claimed {
    job: JobKey,
    kind: JobKind,
    partition: i32,
    descending: bool,
    page: i32,
    last_page: bool,
    /// Set where the partition is read from both ends.
    expected: Option<i64>,
}

/// A page with keys for ids, ready to be committed.
pub struct ReadyPage(Ready);

enum Ready {
    Accounts(Keyed<AccountFacts>),
    Groups(Keyed<GroupFacts>),
}

impl ReadyPage {
    /// Whether both may be committed together: pages of accounts with pages of accounts, of groups with pages of groups.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.0) == std::mem::discriminant(&other.0)
    }
}

impl Store {
    /// Draws keys for the ids of a page of accounts (of users or of a group's members).
    pub async fn ready_accounts(&self, org: OrgKey, page: PageCommit<Account>) -> StoreResult<ReadyPage> {
        let (rows, hashes) = split(page.page.rows);
        let facts = self.account_facts(org, rows, page.drawn.instant, page.drawn.at).await?;
        let keyed = key_page(page.job, page.drawn.instant, page.page.next, page.calls, hashes, facts);
        Ok(ReadyPage(Ready::Accounts(keyed)))
    }

    /// Draws keys for the ids of a page of groups.
    pub async fn ready_groups(&self, org: OrgKey, page: PageCommit<Group>) -> StoreResult<ReadyPage> {
        let (rows, hashes) = split(page.page.rows);
        let facts = self.group_facts(org, rows, page.drawn.instant, page.drawn.at).await?;
        let keyed = key_page(page.job, page.drawn.instant, page.page.next, page.calls, hashes, facts);
        Ok(ReadyPage(Ready::Groups(keyed)))
    }

    /// T4. Commits pages of one run and one kind, at most one of each chain. Groups that grant something get a job each.
    pub async fn commit_ready(&self, org: OrgKey, run: RunKey, pages: &[&ReadyPage]) -> StoreResult<Vec<PageOutcome>> {
        let (mut accounts, mut groups) = (Vec::new(), Vec::new());
        for page in pages {
            match &page.0 {
                Ready::Accounts(keyed) => accounts.push(keyed),
                Ready::Groups(keyed) => groups.push(keyed),
            }
        }
        if groups.is_empty() { self.commit_pages(org, run, &accounts).await } else { self.commit_pages(org, run, &groups).await }
    }

    /// The same for pages of accounts that are not keyed yet.
    pub async fn commit_account_pages(
        &self,
        org: OrgKey,
        run: RunKey,
        pages: Vec<PageCommit<Account>>,
    ) -> StoreResult<Vec<PageOutcome>> {
        let mut ready = Vec::with_capacity(pages.len());
        for page in pages {
            ready.push(self.ready_accounts(org, page).await?);
        }
        self.commit_ready(org, run, &ready.iter().collect::<Vec<_>>()).await
    }

    async fn commit_pages<F: Mirrored + Grants>(
        &self,
        org: OrgKey,
        run: RunKey,
        pages: &[&Keyed<F>],
    ) -> StoreResult<Vec<PageOutcome>> {
        transact!(self, |tx| {
            lock::shared(tx, run).await?;
            lock::shared_with_full_runs(tx, org, run).await?;
            let (claimed, mut writer) = claim(tx, org, run, pages).await?;
            if let Some(writer) = writer.as_mut().filter(|_| claimed.iter().any(|page| page.kind == JobKind::MemberPage)) {
                writer.inserts_from = newest_scanned(tx, org, run).await?;
            }
            let Some(writer) = writer else { return Ok(vec![PageOutcome::Refused; pages.len()]) };
            fail::fail_point!("worker::inside_page_transaction");
            let mut outcomes = Vec::with_capacity(pages.len());
            let mut facts: Vec<&F> = Vec::new();
            for page in pages {
                let Some(claimed) = claimed.iter().find(|claimed| claimed.job == page.job) else {
                    outcomes.push(PageOutcome::Refused);
                    continue;
                };
                outcomes.push(PageOutcome::Committed { next: register_next(tx, run, claimed, page).await? });
                facts.extend(&page.facts);
            }
            if claimed.iter().any(|claimed| claimed.kind == JobKind::GroupsPage) {
                F::register_grants(tx, run, &facts).await?;
            }
            let tally = write_rows(tx, writer, facts).await?;
            finish(tx, run, pages, &claimed, tally).await?;
            for (page, claimed) in pages.iter().filter_map(|page| Some((page, claimed.iter().find(|one| one.job == page.job)?))) {
                if page.next.is_none() && !claimed.last_page && claimed.expected.is_some() {
                    supersede_other_end(tx, run, claimed).await?;
                }
            }
            if outcomes.contains(&PageOutcome::Committed { next: None }) {
                sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
            }
            fail::fail_point!("worker::before_commit");
            Ok(outcomes)
        })
    }
}

fn split<T>(rows: Vec<Listed<T>>) -> (Vec<T>, Vec<Option<i64>>) {
    rows.into_iter().map(|listed| (listed.row, listed.sort_hash)).unzip()
}

fn key_page<F: Mirrored>(
    job: JobKey,
    instant: Instant,
    next: Option<String>,
    calls: i32,
    hashes: Vec<Option<i64>>,
    facts: Vec<F>,
) -> Keyed<F> {
    let seen = facts.iter().map(F::key).collect();
    Keyed { job, instant, next, calls, seen, hashes, facts }
}

/// Locks the jobs of the pages, and keeps those that may be committed. No writer: none may.
async fn claim<F>(tx: &mut Tx, org: OrgKey, run: RunKey, pages: &[&Keyed<F>]) -> StoreResult<(Vec<Claimed>, Option<Writer>)> {
    let jobs: Vec<i64> = pages.iter().map(|page| page.job.0).collect();
    let rows = sqlx::query!(
        r#"-- page.claim
        SELECT
            job.job_key, job.kind::text AS "kind!", job.state::text AS "state!", run.phase::text AS "phase!",
            job.partition AS "partition!", job.descending AS "descending!", job.page AS "page!", job.last_page, job.expected,
            run.watermark AS "watermark!", org.watermark IS NOT NULL AS "logged!"
        FROM sync_job AS job
        INNER JOIN sync_run AS run ON run.run_key = job.run_key
        INNER JOIN org ON org.org_key = run.org_key
        WHERE job.job_key = ANY ($1) AND job.run_key = $2
        ORDER BY job.job_key
        FOR NO KEY UPDATE OF job"#,
        &jobs,
        run.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    let (mut claimed, mut writer) = (Vec::new(), None);
    for row in rows {
        if !may_commit(row.phase.parse::<Phase>()?, row.state.parse()?) {
            continue;
        }
        let inserts_from = Instant(i64::MIN);
        writer = Some(Writer { org, run, watermark: Instant(row.watermark), logged: row.logged, lookup: false, inserts_from });
        claimed.push(Claimed {
            job: JobKey(row.job_key),
            kind: row.kind.parse()?,
            partition: row.partition,
            descending: row.descending,
            page: row.page,
            last_page: row.last_page,
            expected: row.expected,
        });
    }
    Ok((claimed, writer))
}

/// The newest watermark of a full run of the organisation, other than this one, whose scan is over. It has asked for whatever it had
/// to: a stalled member page must not bring in an account that it knows nothing of, under an older instant than its watermark.
async fn newest_scanned(tx: &mut Tx, org: OrgKey, run: RunKey) -> StoreResult<Instant> {
    let newest = sqlx::query_scalar!(
        r#"-- page.newest_scanned
        SELECT coalesce(max(watermark), 0) AS "newest!" FROM sync_run
        WHERE org_key = $1 AND run_key <> $2 AND scope = 'full' AND phase IN ('verifying', 'sweeping', 'completed')"#,
        org.0,
        run.0
    );
    Ok(Instant(newest.fetch_one(&mut **tx).await?))
}

/// Registers the page after this one, if the list goes on and the other end has not been met.
async fn register_next<F>(tx: &mut Tx, run: RunKey, claimed: &Claimed, page: &Keyed<F>) -> StoreResult<Option<NextPage>> {
    let Some(cursor) = page.next.as_deref().filter(|_| !claimed.last_page) else { return Ok(None) };
    if u32::try_from(claimed.page).unwrap_or_default().is_multiple_of(16) && cursor_returns(tx, run, claimed, cursor).await? {
        return Err(StoreError::CursorLoop { partition: claimed.partition });
    }
    let met = match claimed.expected {
        Some(expected) => ends_have_met(tx, run, claimed, page, expected).await?,
        None => false,
    };
    let next = sqlx::query!(
        r#"-- page.register_next
        INSERT INTO sync_job (
            run_key, kind, partition, descending, restart, page, page_limit, cursor, last_page, filter, expected, subjects, heard_at
        )
        SELECT
            run_key, kind, partition, descending, restart, page + 1,
            -- A page that had to be made small to be read is followed by larger ones again.
            CASE WHEN page_limit < 10 THEN 10 WHEN page_limit < 25 THEN 25 WHEN page_limit < 50 THEN 50 ELSE 100 END,
            $2, $3, filter, expected, subjects, clock_timestamp()
        FROM sync_job WHERE job_key = $1
        RETURNING job_key, page_limit AS "page_limit!""#,
        claimed.job.0,
        cursor,
        met,
    );
    let next = next.fetch_one(&mut **tx).await?;
    Ok(Some(NextPage { job: JobKey(next.job_key), last: met, limit: u32::try_from(next.page_limit).unwrap_or(1) }))
}

/// Whether the chain has been where the cursor leads. Asked now and then: a loop does not go away.
async fn cursor_returns(tx: &mut Tx, run: RunKey, claimed: &Claimed, cursor: &str) -> StoreResult<bool> {
    let returns = sqlx::query_scalar!(
        r#"-- page.cursor_returns
        SELECT EXISTS (
            SELECT FROM sync_job AS job
            INNER JOIN sync_job AS this ON this.job_key = $2
            WHERE job.run_key = $1 AND job.partition = this.partition AND job.descending = this.descending
                AND job.restart = this.restart AND job.cursor = $3
        ) AS "returns!""#,
        run.0,
        claimed.job.0,
        cursor
    );
    Ok(returns.fetch_one(&mut **tx).await?)
}

/// Compares all that this chain has listed with all that the opposite chain has. Both may commit at once and not see one another:
/// the next page of either sees it.
async fn ends_have_met<F>(tx: &mut Tx, run: RunKey, claimed: &Claimed, page: &Keyed<F>, expected: i64) -> StoreResult<bool> {
    let other = sqlx::query_scalar!(
        r#"-- page.other_end
        SELECT page + 1 AS "pages!" FROM sync_job
        WHERE run_key = $1 AND partition = $2 AND descending <> $3 AND state = 'done'
        ORDER BY descending DESC, restart DESC, page DESC
        LIMIT 1"#,
        run.0,
        claimed.partition,
        claimed.descending,
    );
    let other = other.fetch_optional(&mut **tx).await?.unwrap_or_default();
    let (mine, other) = (u32::try_from(claimed.page).unwrap_or_default(), u64::try_from(other).unwrap_or_default());
    let read = (u64::from(mine) + 1 + other) * PAGE;
    if !look_for_meeting(read, u64::try_from(expected).unwrap_or_default(), mine) {
        return Ok(false);
    }
    let pages = sqlx::query!(
        r#"-- page.listings
        SELECT descending AS "descending!", seen AS "seen!", sort_hashes AS "sort_hashes!: Vec<Option<i64>>"
        FROM sync_job WHERE run_key = $1 AND partition = $2 AND state = 'done'"#,
        run.0,
        claimed.partition,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut mine: Vec<Sighting> = page.seen.iter().copied().zip(page.hashes.iter().copied()).collect();
    let mut theirs: Vec<Sighting> = Vec::new();
    for listing in pages {
        let chain = if listing.descending == claimed.descending { &mut mine } else { &mut theirs };
        chain.extend(listing.seen.into_iter().zip(listing.sort_hashes));
    }
    Ok(have_met(&mine, &theirs))
}

/// A chain that reached its natural end has read what the other end would still read.
async fn supersede_other_end(tx: &mut Tx, run: RunKey, claimed: &Claimed) -> StoreResult<()> {
    sqlx::query!(
        r#"-- page.supersede_other_end
        UPDATE sync_job SET state = 'superseded', finished_at = clock_timestamp()
        WHERE run_key = $1 AND partition = $2 AND descending <> $3 AND state = 'pending'"#,
        run.0,
        claimed.partition,
        claimed.descending,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Marks the jobs done, with what their pages listed. The rows written count for the first of them.
async fn finish<F: Mirrored>(
    tx: &mut Tx,
    run: RunKey,
    pages: &[&Keyed<F>],
    claimed: &[Claimed],
    tally: Tally,
) -> StoreResult<()> {
    for (position, claimed) in claimed.iter().enumerate() {
        let Some(page) = pages.iter().find(|page| page.job == claimed.job) else { continue };
        let hashes: Option<&[Option<i64>]> = claimed.expected.is_some().then_some(&page.hashes);
        let tally = if position == 0 { tally } else { Tally::default() };
        sqlx::query!(
            r#"-- page.finish
            UPDATE sync_job
            SET state = 'done', finished_at = clock_timestamp(), instant = $3, seen = $4, sort_hashes = $5, calls = calls + $6,
                rows_added = $7, rows_changed = $8, memberships = $9, listed = cardinality($4::integer[])
            WHERE job_key = $1 AND run_key = $2 AND state = 'pending'"#,
            claimed.job.0,
            run.0,
            page.instant.0,
            &page.seen,
            hashes as Option<&[Option<i64>]>,
            page.calls,
            tally.added,
            tally.changed,
            page.facts.iter().map(F::memberships).sum::<i32>(),
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Rows of which some grant roles to others.
trait Grants: Sized {
    /// Registers a job for each row that grants something: once for each run, although two chains may list it.
    async fn register_grants(tx: &mut Tx, run: RunKey, facts: &[&Self]) -> StoreResult<()>;
}

impl Grants for AccountFacts {
    async fn register_grants(_: &mut Tx, _: RunKey, _: &[&Self]) -> StoreResult<()> {
        Ok(())
    }
}

impl Grants for GroupFacts {
    async fn register_grants(tx: &mut Tx, run: RunKey, facts: &[&Self]) -> StoreResult<()> {
        let granting = facts.iter().filter(|group| group.resource_count.is_some_and(|count| count > 0));
        let keys: Vec<i32> = granting.map(|group| group.group_key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            r#"-- page.register_grants
            INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, subjects, subject_keys)
            SELECT $1, 'group_grants', -k.group_key, false, -1, 0, 100, ARRAY[k.group_id::text], ARRAY[k.group_key]
            FROM group_key AS k WHERE k.group_key = ANY ($2)
            ON CONFLICT DO NOTHING"#,
            run.0,
            &keys,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}
