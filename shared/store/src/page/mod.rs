//! T4, the one write transaction of pages: claim, child, rows, log, all or nothing.
//!
//! Invariants
//! - Nothing claimed, nothing written: a job that is not pending any more, or whose run has ended, changes nothing.
//! - The next page is registered by the transaction that marks its parent done, so "all done" means that none is left to discover.
//!   Another delivery of the parent may have seen another cursor; only the one that commits decides.
//! - Several pages are committed together when many are ready, at most one of each chain.

mod claim;
mod grants;
mod meeting;
mod next;

use orgmirror_domain::ids::{Instant, JobKey, OrgKey, RunKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::observation::{Account, Group};
use orgmirror_domain::query::{Listed, Page};

use self::grants::Grants;
use crate::account::AccountFacts;
use crate::attempt::Drawn;
use crate::exception::{self, Incomplete};
use crate::group::GroupFacts;
use crate::observe::{Mirrored, Tally, write_rows};
use crate::transaction::transact;
use crate::{Store, StoreResult, lock};

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
    /// Its job; of a page that was read ahead it is set once the parent's commit has registered it.
    job: JobKey,
    instant: Instant,
    next: Option<String>,
    calls: i32,
    seen: Vec<i32>,
    hashes: Vec<Option<i64>>,
    facts: Vec<F>,
    incomplete: Vec<Incomplete>,
}

/// A page with keys for ids, ready to be committed.
pub struct ReadyPage(Ready);

enum Ready {
    Accounts(Keyed<AccountFacts>),
    Groups(Keyed<GroupFacts>),
}

impl ReadyPage {
    /// The page, read ahead before its job existed, as that job's.
    #[must_use]
    pub fn of_job(mut self, job: JobKey) -> Self {
        match &mut self.0 {
            Ready::Accounts(keyed) => keyed.job = job,
            Ready::Groups(keyed) => keyed.job = job,
        }
        self
    }

    /// Pages of groups are committed with pages of groups, and those of accounts with those of accounts.
    pub fn is_of_groups(&self) -> bool {
        matches!(self.0, Ready::Groups(_))
    }
}

impl Store {
    /// Draws keys for the ids of a page of accounts (of users or of a group's members).
    pub async fn ready_accounts(&self, org: OrgKey, page: PageCommit<Account>) -> StoreResult<ReadyPage> {
        let (rows, said) = split(page.page.rows);
        let facts = self.account_facts(org, rows, page.drawn.instant, page.drawn.at).await?;
        let keyed = key_page(page.job, page.drawn.instant, page.page.next, page.calls, said, facts);
        Ok(ReadyPage(Ready::Accounts(keyed)))
    }

    /// Draws keys for the ids of a page of groups.
    pub async fn ready_groups(&self, org: OrgKey, page: PageCommit<Group>) -> StoreResult<ReadyPage> {
        let (rows, said) = split(page.page.rows);
        let facts = self.group_facts(org, rows, page.drawn.instant, page.drawn.at).await?;
        let keyed = key_page(page.job, page.drawn.instant, page.page.next, page.calls, said, facts);
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

    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "page.commit", otel.kind = "client", db.system.name = "postgresql"))]
    async fn commit_pages<F: Mirrored + Grants>(
        &self,
        org: OrgKey,
        run: RunKey,
        pages: &[&Keyed<F>],
    ) -> StoreResult<Vec<PageOutcome>> {
        let (outcomes, tally) = transact!(self, |tx| {
            lock::pages(tx, org, run).await?;
            let (claimed, mut writer) = claim::claim(tx, org, run, pages).await?;
            if let Some(writer) = writer.as_mut().filter(|_| claimed.iter().any(|page| page.kind == JobKind::MemberPage)) {
                writer.writes_from = claim::newest_begun(tx, org, run).await?;
            }
            let Some(writer) = writer else { return Ok((vec![PageOutcome::Refused; pages.len()], Tally::default())) };
            fail::fail_point!("worker::inside_page_transaction");
            let next = next::register(tx, run, &claimed, pages).await?;
            let mut outcomes = Vec::with_capacity(pages.len());
            let (mut facts, mut incomplete): (Vec<&F>, Vec<&Incomplete>) = Default::default();
            for page in pages {
                let Some(claimed) = claimed.iter().find(|claimed| claimed.job == page.job) else {
                    outcomes.push(PageOutcome::Refused);
                    continue;
                };
                outcomes.push(PageOutcome::Committed { next: next.get(&claimed.chain()).copied() });
                facts.extend(&page.facts);
                incomplete.extend(&page.incomplete);
            }
            if claimed.iter().any(|claimed| claimed.kind == JobKind::GroupsPage) {
                F::register_grants(tx, run, &facts, &incomplete).await?;
            }
            let tally = write_rows(tx, writer, facts).await?;
            exception::name_incomplete(tx, run, F::KIND, incomplete).await?;
            claim::finish(tx, run, pages, &claimed, tally).await?;
            for (page, claimed) in pages.iter().filter_map(|page| Some((page, claimed.iter().find(|one| one.job == page.job)?))) {
                if page.next.is_none() && !claimed.last_page && claimed.expected.is_some() {
                    next::supersede_other_end(tx, run, claimed).await?;
                }
            }
            if outcomes.contains(&PageOutcome::Committed { next: None }) {
                sqlx::query!("SELECT notify_run($1)", run.0).execute(&mut **tx).await?;
            }
            fail::fail_point!("worker::before_commit");
            Ok((outcomes, tally))
        })?;
        tally.count(F::KIND);
        Ok(outcomes)
    }
}

/// What a listing says of a row beside the row: the hash of its sort key, and what it left out.
type Said = (Option<i64>, Vec<&'static str>);

fn split<T>(rows: Vec<Listed<T>>) -> (Vec<T>, Vec<Said>) {
    rows.into_iter().map(|listed| (listed.row, (listed.sort_hash, listed.untold))).unzip()
}

fn key_page<F: Mirrored>(
    job: JobKey,
    instant: Instant,
    next: Option<String>,
    calls: i32,
    said: Vec<Said>,
    facts: Vec<F>,
) -> Keyed<F> {
    let seen: Vec<i32> = facts.iter().map(F::key).collect();
    let incomplete = seen.iter().zip(&said).filter_map(|(key, (_, untold))| Incomplete::of(*key, untold)).collect();
    let hashes = said.into_iter().map(|(hash, _)| hash).collect();
    Keyed { job, instant, next, calls, seen, hashes, facts, incomplete }
}
