//! Commits many pages in one transaction when many are ready: the cost of a page falls as the load rises.

use std::sync::Arc;

use orgmirror_domain::ids::{OrgKey, RunKey};
use orgmirror_store::page::{PageOutcome, ReadyPage};
use orgmirror_store::{Store, StoreResult};
use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::{Instrument, Span};

/// Pages in one transaction: more would hold its row locks longer without being cheaper.
const PAGES: usize = 16;
/// Transactions of a kind of rows at a time: while one is in the database, the other's rows are compared.
const COMMITTERS: usize = 2;

/// Takes pages and tells what became of them. Accounts and groups don't wait for one another: a page of groups costs a fifth of a page
/// of accounts, and the chains of groups are the longest.
#[derive(Clone)]
pub(crate) struct GroupCommit {
    accounts: mpsc::Sender<Waiting>,
    groups: mpsc::Sender<Waiting>,
}

struct Waiting {
    org: OrgKey,
    run: RunKey,
    page: ReadyPage,
    /// Who waits.
    span: Span,
    answer: oneshot::Sender<StoreResult<PageOutcome>>,
}

impl GroupCommit {
    pub(crate) fn start(store: &Store) -> Self {
        Self { accounts: start(store), groups: start(store) }
    }

    /// Commits a page together with whatever else is ready.
    pub(crate) async fn commit(&self, org: OrgKey, run: RunKey, page: ReadyPage) -> StoreResult<PageOutcome> {
        let (answer, outcome) = oneshot::channel();
        // Both fail only when the committers are gone, and with them the process.
        let queue = if page.is_of_groups() { &self.groups } else { &self.accounts };
        if queue.send(Waiting { org, run, page, span: Span::current(), answer }).await.is_err() {
            return Ok(PageOutcome::Refused);
        }
        outcome.await.unwrap_or(Ok(PageOutcome::Refused))
    }
}

fn start(store: &Store) -> mpsc::Sender<Waiting> {
    let (queue, waiting) = mpsc::channel(PAGES * COMMITTERS);
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..COMMITTERS {
        tokio::spawn(commit_for_ever(store.clone(), Arc::clone(&waiting)));
    }
    queue
}

async fn commit_for_ever(store: Store, queue: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    loop {
        let mut batch = Vec::with_capacity(PAGES);
        // The lock is held while waiting: the other committer is at work then, or waits its turn.
        if queue.lock().await.recv_many(&mut batch, PAGES).await == 0 {
            return;
        }
        while let Some(first) = batch.pop() {
            let (mut together, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|one| one.run == first.run);
            together.push(first);
            batch = rest;
            commit_together(&store, together).await;
        }
    }
}

/// Commits pages of one run. If that fails, each is tried alone, so that one page's trouble is not the others'.
async fn commit_together(store: &Store, waiting: Vec<Waiting>) {
    let Some((org, run)) = waiting.first().map(|one| (one.org, one.run)) else { return };
    let pages: Vec<&ReadyPage> = waiting.iter().map(|one| &one.page).collect();
    // The commit is shown in the trace of the first, with pointers from it to the others'.
    let span = waiting
        .first()
        .map_or_else(Span::none, |one| tracing::debug_span!(parent: &one.span, "group_commit", pages = waiting.len()));
    for other in waiting.iter().skip(1) {
        span.follows_from(&other.span);
    }
    let outcomes = match store.commit_ready(org, run, &pages).instrument(span).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) if pages.len() == 1 => vec![Err(error)],
        Err(_) => {
            let mut outcomes = Vec::with_capacity(pages.len());
            for page in pages {
                let outcome = store.commit_ready(org, run, &[page]).await;
                outcomes.push(outcome.map(|outcomes| outcomes.into_iter().next().unwrap_or(PageOutcome::Refused)));
            }
            outcomes
        }
    };
    for (one, outcome) in waiting.into_iter().zip(outcomes) {
        // Nobody waits any more: what is committed stays so.
        let _gone = one.answer.send(outcome);
    }
}
