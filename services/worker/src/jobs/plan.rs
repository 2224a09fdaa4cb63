//! Planning: directories, sites and products, counts, a probe, and from these the partitions.
//!
//! The probe reads a handful of users and groups as a scan would: it sees whether memberships are expanded, without which there is
//! nothing to mirror, and whether descending is the reversal of ascending, without which no partition may be read from both ends.

use std::sync::Arc;

use orgmirror_atlassian::{ApiError, Client, CursorTrail, ListPage, Operation, Permit};
use orgmirror_domain::ids::{AccountId, DirectoryId, GroupId};
use orgmirror_domain::observation::{Directory, Workspace};
use orgmirror_domain::partition::{
    Narrow, Partition, Splitter, group_dimensions, longest_chain, pages, planning_calls, user_dimensions,
};
use orgmirror_domain::plan::Plan;
use orgmirror_domain::query::{Direction, GroupFilter, Page, PageQuery, UserFilter};
use orgmirror_store::attempt::Asking;
use orgmirror_store::lookup::Committed;
use tokio::sync::Semaphore;

use crate::env::{Delivered, Env};
use crate::read::{Left, PATIENCE};

/// Rows that a probe compares: as many as can be asked for by id in one call.
const PROBED: u32 = 10;
/// Calls at once, also by a worker that may have fewer in flight: until the plan stands the run has no other job, and every other slot waits
/// for it.
const AT_ONCE: usize = 4;
/// Pages of directories or workspaces that are read at most.
const PAGES: usize = 100;

/// Plans a full run.
pub(crate) async fn plan(env: &Env, job: &Delivered) -> Result<Committed, Left> {
    let Some(drawn) = env.store.draw(Asking::For(job.key())).await? else { return Err(Left::NotWanted) };
    let planner = Planner { env, job, slots: Semaphore::new(env.concurrency.max(AT_ONCE)), calls: 0.into() };
    match planner.plan().await {
        Ok((plan, directories, workspaces)) => {
            let ahead = pages(plan.users) + pages(plan.groups);
            let ends_in_s = env.learnt_per_minute().await.map(|rate| (ahead as f64 * 60.0 / rate).round());
            tracing::info!(
                run = %job.run_id, users = plan.users, groups = plan.groups, partitions = plan.len(), calls = planner.calls(),
                pages_ahead = ahead, pages_end_in_s = ends_in_s, "planned"
            );
            Ok(env.store.commit_plan(job, drawn, planner.calls(), &plan, &directories, &workspaces).await?)
        }
        // Calls of reads that failed are in the error, those that succeeded are ours.
        Err(left) => Err(left.with_calls(planner.calls())),
    }
}

struct Planner<'a> {
    env: &'a Env,
    job: &'a Delivered,
    slots: Semaphore,
    calls: std::sync::atomic::AtomicI32,
}

/// What a few rows, read as a scan reads them, tell about the whole.
struct Probe<Id> {
    ids: Vec<Id>,
    tells_no_groups: bool,
}

impl Planner<'_> {
    async fn plan(&self) -> Result<(Plan, Vec<Directory>, Vec<Workspace>), Left> {
        let (directories, workspaces, users, groups, user_probe, group_probe) = tokio::try_join!(
            self.list(Operation::Directories, |client, permit, cursor| async move {
                client.directories(permit, cursor.as_deref()).await
            }),
            self.list(Operation::Workspaces, |client, permit, cursor| async move {
                client.workspaces(permit, cursor.as_deref()).await
            }),
            self.count_users(UserFilter::default()),
            self.count_groups(GroupFilter::default()),
            self.probe_users(Direction::Ascending, Vec::new()),
            self.probe_groups(Direction::Ascending, Vec::new()),
        )?;
        if user_probe.tells_no_groups {
            return Err(Left::Hopeless {
                reason: "the API lists users without their memberships: they were not expanded, or the key may not see them"
                    .to_owned(),
                calls: 0,
            });
        }
        let ids: Vec<DirectoryId> = directories.iter().map(|directory| directory.directory_id.clone()).collect();
        let all = pages(users) + pages(groups);
        let (users_reverse, groups_reverse) =
            tokio::try_join!(self.users_reverse(&user_probe, users), self.groups_reverse(&group_probe, groups))?;
        let left = planning_calls(all).saturating_sub(u64::from(self.calls().unsigned_abs()));
        let longest = longest_chain(all);
        let group_dimensions = group_dimensions(&ids);
        let for_groups = group_dimensions.first().map_or(0, |values| values.len() as u64).min(left);
        let user_splitter =
            Splitter::new(UserFilter::default(), users, user_dimensions(&ids), longest, users_reverse, left - for_groups);
        let group_splitter = Splitter::new(GroupFilter::default(), groups, group_dimensions, longest, groups_reverse, for_groups);
        let (user_partitions, group_partitions) = tokio::try_join!(
            self.split(user_splitter, |filter| self.count_users(filter)),
            self.split(group_splitter, |filter| self.count_groups(filter)),
        )?;
        Ok((Plan { users, groups, user_partitions, group_partitions }, directories, workspaces))
    }

    fn calls(&self) -> i32 {
        self.calls.load(std::sync::atomic::Ordering::Relaxed)
    }

    async fn read<T, F: Future<Output = Result<T, ApiError>> + Send>(
        &self,
        operation: Operation,
        call: impl Fn(Arc<Client>, Permit) -> F + Send + Sync,
    ) -> Result<T, Left> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let read = self.env.read_within(PATIENCE, Asking::For(self.job.key()), self.job.lane, operation, call).await?;
        self.calls.fetch_add(read.calls, std::sync::atomic::Ordering::Relaxed);
        Ok(read.answer)
    }

    async fn list<T, F: Future<Output = Result<ListPage<T>, ApiError>> + Send>(
        &self,
        operation: Operation,
        call: impl Fn(Arc<Client>, Permit, Option<String>) -> F + Send + Sync,
    ) -> Result<Vec<T>, Left> {
        let (mut rows, mut cursor, mut trail) = (Vec::new(), None::<String>, CursorTrail::default());
        for _ in 0..PAGES {
            let page = self.read(operation, |client, permit| call(client, permit, cursor.clone())).await?;
            rows.extend(page.rows);
            cursor = trail.follow(page.next).map_err(|flaw| Left::Api {
                error: ApiError::Malformed { operation, flaw },
                calls: 0,
                passage: None,
            })?;
            if cursor.is_none() {
                return Ok(rows);
            }
        }
        Err(Left::Hopeless { reason: format!("{operation} goes on for more than {PAGES} pages"), calls: 0 })
    }

    async fn count_users(&self, filter: UserFilter) -> Result<u64, Left> {
        self.read(Operation::UsersCount, |client, permit| {
            let filter = filter.clone();
            async move { client.users_count(permit, &filter).await }
        })
        .await
    }

    async fn count_groups(&self, filter: GroupFilter) -> Result<u64, Left> {
        self.read(Operation::GroupsCount, |client, permit| {
            let filter = filter.clone();
            async move { client.groups_count(permit, &filter).await }
        })
        .await
    }

    async fn probe_users(&self, direction: Direction, account_ids: Vec<AccountId>) -> Result<Probe<AccountId>, Left> {
        let query = probing(UserFilter { account_ids, ..UserFilter::default() }, direction);
        let page = self
            .read(Operation::UsersPage, |client, permit| {
                let query = query.clone();
                async move { client.users_page(permit, &query).await }
            })
            .await?;
        let tells_no_groups = page.tells_no_groups();
        Ok(Probe { ids: listed(page.page, |account| account.account_id), tells_no_groups })
    }

    async fn probe_groups(&self, direction: Direction, group_ids: Vec<GroupId>) -> Result<Probe<GroupId>, Left> {
        let query = probing(GroupFilter { group_ids, ..GroupFilter::default() }, direction);
        let page = self
            .read(Operation::GroupsPage, |client, permit| {
                let query = query.clone();
                async move { client.groups_page(permit, &query).await }
            })
            .await?;
        Ok(Probe { ids: listed(page, |group| group.group_id), tells_no_groups: false })
    }

    /// Asks for the probe's rows the other way round. Not where no chain would be long enough to be read from both ends.
    async fn users_reverse(&self, probe: &Probe<AccountId>, count: u64) -> Result<bool, Left> {
        if pages(count) <= longest_chain(0) {
            return Ok(false);
        }
        let back = self.probe_users(Direction::Descending, probe.ids.clone()).await?;
        Ok(probe.ids.len() > 1 && back.ids.iter().rev().eq(&probe.ids))
    }

    async fn groups_reverse(&self, probe: &Probe<GroupId>, count: u64) -> Result<bool, Left> {
        if pages(count) <= longest_chain(0) {
            return Ok(false);
        }
        let back = self.probe_groups(Direction::Descending, probe.ids.clone()).await?;
        Ok(probe.ids.len() > 1 && back.ids.iter().rev().eq(&probe.ids))
    }

    async fn split<F: Narrow, C: Future<Output = Result<u64, Left>> + Send>(
        &self,
        mut splitter: Splitter<F>,
        count: impl Fn(F) -> C + Send,
    ) -> Result<Vec<Partition<F>>, Left> {
        while let Some(question) = splitter.next() {
            let counts = futures::future::try_join_all(question.filters.iter().map(|filter| count(filter.clone()))).await?;
            splitter.answer(&question, &counts);
        }
        Ok(splitter.finish())
    }
}

fn probing<F>(filter: F, direction: Direction) -> PageQuery<F> {
    PageQuery { filter, direction, cursor: None, limit: PROBED }
}

fn listed<T, Id>(page: Page<T>, id: impl Fn(T) -> Id) -> Vec<Id> {
    page.rows.into_iter().map(|listed| id(listed.row)).collect()
}
