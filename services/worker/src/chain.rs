//! Walks a cursor chain: while a page's transaction runs, the next page is already fetched and its ids have got their keys; it is
//! thrown away if the transaction is refused. So a chain is bound by the API's latency alone.
//!
//! After some pages, or when the worker stops, the chain is handed back through the queue, so that added workers get work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orgmirror_atlassian::{ApiError, Client, Operation, Permit};
use orgmirror_domain::ids::OrgKey;
use orgmirror_domain::job::JobMessage;
use orgmirror_domain::query::{Page, PageQuery};
use orgmirror_store::StoreResult;
use orgmirror_store::attempt::{Asking, PagePosition};
use orgmirror_store::lookup::Committed;
use orgmirror_store::page::{PageCommit, PageOutcome, ReadyPage};

use crate::env::{Delivered, Env};
use crate::read::Left;

/// Pages after which a chain is handed back if other jobs wait.
const PAGES: u32 = 20;
/// Time after which it is.
const TURN: Duration = Duration::from_secs(5);

/// What a chain lists, and how.
pub(crate) trait Listing {
    /// A row of a page.
    type Row: Send;
    /// Which rows.
    type Filter: Clone + Send + Sync;

    /// The operation that reads a page.
    const OPERATION: Operation;

    /// Reads a page.
    fn fetch(
        client: Arc<Client>,
        permit: Permit,
        query: PageQuery<Self::Filter>,
    ) -> impl Future<Output = Result<Page<Self::Row>, ApiError>> + Send;

    /// Makes a page ready to be committed.
    fn ready(env: &Env, org: OrgKey, page: PageCommit<Self::Row>) -> impl Future<Output = StoreResult<ReadyPage>> + Send;
}

/// A page that was read, and where the list goes on.
struct PageRead {
    ready: ReadyPage,
    next: Option<String>,
}

/// Walks the chain of a page job, from that page on, and tells of the last page whether it was committed. On an error `job` is the page that met it.
pub(crate) async fn walk<L: Listing>(env: &Env, job: &mut Delivered, filter: L::Filter) -> Result<Committed, Left> {
    let Some(mut position) = job.page.clone() else { return Ok(Committed::Refused) };
    let (started, first) = (Instant::now(), position.page);
    let mut read = page::<L>(env, job, Asking::For(job.key()), query(&filter, &position)).await?;
    loop {
        let cursor = read.next.take().filter(|_| !position.last);
        let turn_is_over = turn_is_over(env, job, started, position.page - first).await;
        let ahead = async {
            let cursor = cursor.clone().filter(|_| !turn_is_over)?;
            let next = PagePosition { cursor: Some(cursor), page: position.page + 1, ..position.clone() };
            Some(page::<L>(env, job, Asking::AheadOf(job.key()), query(&filter, &next)).await)
        };
        let (outcome, ahead) = tokio::join!(env.group_commit.commit(job.org, job.run, read.ready.of_job(job.key())), ahead);
        let next = match outcome? {
            PageOutcome::Committed { next: Some(next) } => next,
            PageOutcome::Committed { next: None } => return Ok(Committed::Now),
            PageOutcome::Refused => return Ok(Committed::Refused),
        };
        if turn_is_over {
            publish(env, job, next.job).await;
            return Ok(Committed::Now);
        }
        job.committed();
        position = PagePosition { cursor, page: position.page + 1, limit: next.limit, last: next.last, ..position };
        job.pass_on(next.job);
        job.job_mut().page = Some(position.clone());
        read = match ahead {
            Some(outcome) => outcome?,
            None => page::<L>(env, job, Asking::For(next.job), query(&filter, &position)).await?,
        };
    }
}

async fn turn_is_over(env: &Env, job: &Delivered, started: Instant, pages: i32) -> bool {
    if env.stop.is_cancelled() {
        return true;
    }
    let due = pages > 0 && (pages.unsigned_abs().is_multiple_of(PAGES) || started.elapsed() > TURN);
    // Without an answer nobody is known to wait.
    due && env.publisher.depth().await.is_ok_and(|depth| depth.lane(job.lane).ready > 0)
}

/// Publishing follows the commit; what gets lost the coordinator publishes again.
async fn publish(env: &Env, job: &Delivered, next: orgmirror_domain::ids::JobKey) {
    if let Err(error) = env.publisher.publish(job.lane, &[JobMessage { job: next }]).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            job = next.0,
            "cannot hand a chain back; it comes again after its lease"
        );
    }
}

async fn page<L: Listing>(env: &Env, job: &Delivered, asking: Asking, query: PageQuery<L::Filter>) -> Result<PageRead, Left> {
    let read = env.read(asking, job.lane, L::OPERATION, |client, permit| L::fetch(client, permit, query.clone())).await?;
    let next = read.answer.next.clone();
    let page = PageCommit { job: job.key(), drawn: read.drawn, page: read.answer, calls: read.calls };
    Ok(PageRead { ready: L::ready(env, job.org, page).await?, next })
}

fn query<F: Clone>(filter: &F, position: &PagePosition) -> PageQuery<F> {
    PageQuery { filter: filter.clone(), direction: position.direction, cursor: position.cursor.clone(), limit: position.limit }
}
