//! Commits many pages in one transaction when many are ready: the cost of a page falls as the load rises.

use std::sync::Arc;

use orgmirror_domain::ids::{OrgKey, RunKey};
use orgmirror_domain::observation::{Account, Group};
use orgmirror_store::page::{PageCommit, PageOutcome};
use orgmirror_store::{Store, StoreError, StoreResult};
use tokio::sync::{Mutex, mpsc, oneshot};

/// Pages in one transaction: more would hold its row locks longer without being cheaper.
const PAGES: usize = 8;
/// Transactions at a time: while one waits for the disk, the other's rows are compared.
const COMMITTERS: usize = 2;

/// Takes pages and tells what became of them.
#[derive(Clone)]
pub(crate) struct GroupCommit {
    queue: mpsc::Sender<Waiting>,
}

/// A page of either kind.
#[derive(Clone)]
enum Pages {
    Accounts(PageCommit<Account>),
    Groups(PageCommit<Group>),
}

struct Waiting {
    org: OrgKey,
    run: RunKey,
    page: Pages,
    answer: oneshot::Sender<StoreResult<PageOutcome>>,
}

impl GroupCommit {
    pub(crate) fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(PAGES * COMMITTERS);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..COMMITTERS {
            tokio::spawn(commit_for_ever(store.clone(), Arc::clone(&waiting)));
        }
        Self { queue }
    }

    pub(crate) async fn accounts(&self, org: OrgKey, run: RunKey, page: PageCommit<Account>) -> StoreResult<PageOutcome> {
        self.submit(org, run, Pages::Accounts(page)).await
    }

    pub(crate) async fn groups(&self, org: OrgKey, run: RunKey, page: PageCommit<Group>) -> StoreResult<PageOutcome> {
        self.submit(org, run, Pages::Groups(page)).await
    }

    async fn submit(&self, org: OrgKey, run: RunKey, page: Pages) -> StoreResult<PageOutcome> {
        let (answer, outcome) = oneshot::channel();
        // Both fail only when the committers are gone, and with them the process.
        if self.queue.send(Waiting { org, run, page, answer }).await.is_err() {
            return Ok(PageOutcome::Refused);
        }
        outcome.await.unwrap_or(Ok(PageOutcome::Refused))
    }
}

async fn commit_for_ever(store: Store, queue: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    loop {
        let mut batch = Vec::with_capacity(PAGES);
        // The lock is held while waiting: the other committer is at work then, or waits its turn.
        if queue.lock().await.recv_many(&mut batch, PAGES).await == 0 {
            return;
        }
        while !batch.is_empty() {
            let (run, accounts) = (batch[0].run, matches!(batch[0].page, Pages::Accounts(_)));
            let (together, rest): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|one| one.run == run && matches!(one.page, Pages::Accounts(_)) == accounts);
            batch = rest;
            commit_together(&store, together).await;
        }
    }
}

/// Commits pages of one run and kind. If that fails, each is tried alone, so that one page's trouble is not the others'.
async fn commit_together(store: &Store, waiting: Vec<Waiting>) {
    let pages: Vec<Pages> = waiting.iter().map(|one| one.page.clone()).collect();
    let Some((org, run)) = waiting.first().map(|one| (one.org, one.run)) else { return };
    match commit(store, org, run, pages).await {
        Ok(outcomes) => {
            for (one, outcome) in waiting.into_iter().zip(outcomes) {
                // Nobody waits any more: the page is committed all the same.
                let _gone = one.answer.send(Ok(outcome));
            }
        }
        Err(error) if waiting.len() == 1 => {
            for one in waiting {
                let _gone = one.answer.send(Err(error));
                return;
            }
        }
        Err(_) => {
            for one in waiting {
                let outcome = commit(store, org, run, vec![one.page]).await;
                let outcome = outcome.map(|outcomes| outcomes.into_iter().next().unwrap_or(PageOutcome::Refused));
                let _gone = one.answer.send(outcome);
            }
        }
    }
}

async fn commit(store: &Store, org: OrgKey, run: RunKey, pages: Vec<Pages>) -> Result<Vec<PageOutcome>, StoreError> {
    let (mut accounts, mut groups) = (Vec::new(), Vec::new());
    for page in pages {
        match page {
            Pages::Accounts(page) => accounts.push(page),
            Pages::Groups(page) => groups.push(page),
        }
    }
    if groups.is_empty() {
        store.commit_account_pages(org, run, accounts).await
    } else {
        store.commit_group_pages(org, run, groups).await
    }
}
