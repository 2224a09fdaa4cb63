//! Runs played by hand at the store: who reads what at which instant, and whose commit comes first, is up to the test.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use orgmirror_domain::ids::{AccountId, GroupId, JobKey, OrgKey, RunKey};
use orgmirror_domain::job::JobKind;
use orgmirror_domain::observation::{Account, Group};
use orgmirror_domain::partition::Partition;
use orgmirror_domain::plan::Plan;
use orgmirror_domain::query::{Listed, Page, UserFilter};
use orgmirror_domain::run::{Phase, RunKind, Scope};
use orgmirror_domain::sweep::SweepLimits;
use orgmirror_store::Store;
use orgmirror_store::attempt::{Asking, Drawn, Job};
use orgmirror_store::lookup::Committed;
use orgmirror_store::page::{PageCommit, PageOutcome};
use orgmirror_store::request::Ticket;
use orgmirror_store::sweep::Swept;
use orgmirror_tests::{Size, World, until};
use sqlx::{PgPool, Postgres, Row as _, Transaction};
use uuid::Uuid;

/// Whom the API would show now: names by id.
pub type Truth = BTreeMap<String, String>;

/// Everybody goes without asking.
pub const ANY_NUMBER: SweepLimits = SweepLimits { max_rows: u64::MAX, max_percent: 100.0 };

/// A database and an organisation in it; no service runs.
pub struct Stage {
    pub world: World,
    pub store: Store,
    pub pool: PgPool,
    pub org: OrgKey,
}

/// An account's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub observed: i64,
    pub missing: bool,
    pub hidden: bool,
    pub known_alive: bool,
    pub name: Option<String>,
}

pub fn truth(people: &[(&str, &str)]) -> Truth {
    people.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect()
}

impl Stage {
    pub async fn new() -> Result<Self> {
        let world = World::empty(Size::of(0, 0)).await?;
        let (store, pool, org) = (world.store.clone(), world.pool.clone(), world.org);
        Ok(Self { world, store, pool, org })
    }

    /// Another process: connections of its own.
    pub async fn another_store(&self) -> Result<Store> {
        Ok(Store::connect(&self.world.database_url, 2).await?)
    }

    /// A full run that has been planned and scans: one partition of users, no groups.
    pub async fn full(&self, expected: u64, two_ended: bool) -> Result<RunKey> {
        let ticket = self.request().await?;
        ensure!(self.store.start_run(self.org, ticket.run).await?, "the run cannot start");
        self.plan(ticket.run, expected, two_ended).await?;
        ensure!(self.store.advance(ticket.run).await? == Some(Phase::Scanning));
        Ok(ticket.run)
    }

    pub async fn request(&self) -> Result<Ticket> {
        Ok(self.store.request_sync(self.org, Uuid::new_v4(), RunKind::Manual, &Scope::Full).await?)
    }

    pub async fn plan(&self, run: RunKey, expected: u64, two_ended: bool) -> Result<()> {
        let users = Partition { filter: UserFilter::default(), expected, two_ended };
        let plan = Plan { users: expected, groups: 0, user_partitions: vec![users], group_partitions: vec![] };
        for job in self.pending(run).await? {
            let drawn = self.draw(&job).await?;
            self.store.commit_plan(&job, drawn, 1, &plan, &[], &[]).await?;
        }
        Ok(())
    }

    /// A scoped run whose look-up waits to be read.
    pub async fn scoped(&self, ids: &[&str]) -> Result<(RunKey, Job)> {
        let ids = ids.iter().map(|id| AccountId::from(*id)).collect();
        let ticket = self.store.request_sync(self.org, Uuid::new_v4(), RunKind::Manual, &Scope::Accounts { ids }).await?;
        ensure!(self.store.start_run(self.org, ticket.run).await?);
        ensure!(self.store.advance(ticket.run).await? == Some(Phase::Scanning));
        Ok((ticket.run, self.only_job(ticket.run).await?))
    }

    /// A scoped run over a group of which nobody is known to be a member yet, whose first page of members waits to be read.
    pub async fn scoped_group(&self) -> Result<(RunKey, Job)> {
        let id = GroupId(Uuid::new_v4());
        let scope = Scope::Groups { ids: vec![id] };
        let run = self.store.request_sync(self.org, Uuid::new_v4(), RunKind::Manual, &scope).await?.run;
        ensure!(self.store.start_run(self.org, run).await?);
        let look_up = self.only_job(run).await?;
        self.work(&look_up, &Truth::new()).await?;
        ensure!(self.store.advance(run).await? == Some(Phase::Scanning));
        Ok((run, self.only_job(run).await?))
    }

    pub async fn pending(&self, run: RunKey) -> Result<Vec<Job>> {
        let statement = "SELECT job_key FROM sync_job WHERE run_key = $1 AND state = 'pending' ORDER BY job_key";
        let keys: Vec<i64> = sqlx::query_scalar(statement).bind(run.0).fetch_all(&self.pool).await?;
        let mut jobs = Vec::new();
        for key in keys {
            jobs.extend(self.store.job(JobKey(key)).await?);
        }
        Ok(jobs)
    }

    pub async fn only_job(&self, run: RunKey) -> Result<Job> {
        let mut jobs = self.pending(run).await?;
        ensure!(jobs.len() == 1, "{} jobs are pending", jobs.len());
        jobs.pop().context("a job")
    }

    /// The instant of a read that begins now.
    pub async fn draw(&self, job: &Job) -> Result<Drawn> {
        self.store.draw(Asking::For(job.key)).await?.context("nobody wants the job any more")
    }

    pub async fn commit_page(&self, job: &Job, drawn: Drawn, rows: &[(&str, &str)], next: Option<&str>) -> Result<PageOutcome> {
        let pages = vec![PageCommit { job: job.key, drawn, page: page(rows, next), calls: 1 }];
        let outcomes = self.store.commit_account_pages(self.org, job.run, pages).await?;
        outcomes.into_iter().next().context("an outcome")
    }

    pub async fn commit_lookup(&self, job: &Job, drawn: Drawn, found: &[(&str, &str)]) -> Result<Committed> {
        let found = found.iter().map(|(id, name)| Listed::whole(person(id, name))).collect();
        Ok(self.store.commit_account_lookup(job, drawn, 1, found).await?)
    }

    /// Groups that are asked for are there.
    pub async fn commit_groups(&self, job: &Job, drawn: Drawn) -> Result<()> {
        let found = job.subjects.iter().filter_map(|id| GroupId::parse(id)).map(|id| Listed::whole(group(id))).collect();
        self.store.commit_group_lookup(job, drawn, 1, found).await?;
        Ok(())
    }

    /// Reads a job now, and commits it.
    pub async fn work(&self, job: &Job, truth: &Truth) -> Result<()> {
        // The other end may have got there first.
        let Some(drawn) = self.store.draw(Asking::For(job.key)).await? else { return Ok(()) };
        let all: Vec<(&str, &str)> = truth.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
        match job.kind {
            JobKind::UsersPage | JobKind::MemberPage => drop(self.commit_page(job, drawn, &all, None).await?),
            JobKind::AccountLookup => drop(self.commit_lookup(job, drawn, &all).await?),
            JobKind::Count => {
                let count = if job.subjects[0] == "users" { truth.len() } else { 0 };
                self.store.commit_count(job, drawn, 1, u64::try_from(count)?).await?;
            }
            JobKind::GroupLookup => self.commit_groups(job, drawn).await?,
            // In this world there are no products.
            JobKind::Roles => drop(self.store.commit_roles(job, drawn, 1, &[]).await?),
            other => anyhow::bail!("nobody plays {other}"),
        }
        Ok(())
    }

    /// Does all that a run still wants read, up to its sweep.
    pub async fn until_sweeping(&self, run: RunKey, truth: &Truth) -> Result<()> {
        while self.phase(run).await? != Phase::Sweeping {
            for job in self.pending(run).await? {
                self.work(&job, truth).await?;
            }
            ensure!(self.store.advance(run).await?.is_some(), "the run does not move on");
        }
        Ok(())
    }

    /// Does all that is left of a run.
    pub async fn finish(&self, run: RunKey, truth: &Truth) -> Result<()> {
        self.until_sweeping(run, truth).await?;
        ensure!(self.store.sweep(run, ANY_NUMBER).await? == Swept::Completed, "the run does not complete");
        Ok(())
    }

    /// A completed full run over these people.
    pub async fn mirror(&self, truth: &Truth) -> Result<()> {
        let run = self.full(u64::try_from(truth.len())?, false).await?;
        self.finish(run, truth).await
    }

    pub async fn phase(&self, run: RunKey) -> Result<Phase> {
        let statement = "SELECT phase::text FROM sync_run WHERE run_key = $1";
        let phase: String = sqlx::query_scalar(statement).bind(run.0).fetch_one(&self.pool).await?;
        Ok(phase.parse()?)
    }

    pub async fn row(&self, id: &str) -> Result<Option<Row>> {
        let statement =
            "SELECT a.* FROM account AS a JOIN account_key AS k USING (account_key) WHERE a.org_key = $1 AND account_id = $2";
        let row = sqlx::query(statement).bind(self.org.0).bind(id).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let hidden_at: Option<chrono::DateTime<chrono::Utc>> = row.try_get("hidden_at")?;
        Ok(Some(Row {
            observed: row.try_get("observed")?,
            missing: row.try_get("missing")?,
            hidden: hidden_at.is_some(),
            known_alive: row.try_get("known_alive")?,
            name: row.try_get("name")?,
        }))
    }

    /// What analysts see.
    pub async fn visible(&self) -> Result<Truth> {
        let statement = "SELECT account_id, name FROM mirror.accounts";
        let rows: Vec<(String, String)> = sqlx::query_as(statement).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().collect())
    }

    /// Shuts a table against writers until the transaction ends: who writes there next is frozen in the middle of its own.
    pub async fn freeze_writers_of(&self, table: &str) -> Result<Transaction<'static, Postgres>> {
        let mut freeze = self.pool.begin().await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("LOCK TABLE {table} IN SHARE MODE"))).execute(&mut *freeze).await?;
        Ok(freeze)
    }

    /// How many connections of services wait for a lock.
    pub async fn waiting(&self) -> Result<i64> {
        let statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        Ok(sqlx::query_scalar(statement).fetch_one(&self.pool).await?)
    }

    /// Waits until somebody waits for a lock, or `task` is through without.
    pub async fn until_stuck<T>(&self, task: &tokio::task::JoinHandle<T>) -> Result<()> {
        until("it waits for a lock or is through", async || Ok((task.is_finished() || self.waiting().await? > 0).then_some(())))
            .await
    }

    /// The processes that wait for a lock die: their connections end, and with them their transactions.
    pub async fn kill_who_waits(&self) -> Result<()> {
        let statement = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity \
                         WHERE datname = current_database() AND wait_event_type = 'Lock'";
        sqlx::query(statement).execute(&self.pool).await?;
        Ok(())
    }
}

pub fn page(rows: &[(&str, &str)], next: Option<&str>) -> Page<Account> {
    let rows = rows.iter().map(|(id, name)| Listed { row: person(id, name), sort_hash: Some(hash(name)), untold: Vec::new() });
    Page { rows: rows.collect(), next: next.map(str::to_owned) }
}

fn hash(name: &str) -> i64 {
    name.bytes().fold(7, |hash: i64, byte| hash.wrapping_mul(31).wrapping_add(i64::from(byte)))
}

pub fn person(id: &str, name: &str) -> Account {
    Account {
        account_id: AccountId::from(id),
        account_type: Some("atlassian".to_owned()),
        status: Some("active".to_owned()),
        account_status: Some("active".to_owned()),
        membership_status: Some("active".to_owned()),
        claim_status: None,
        management_source: None,
        mfa_enabled: None,
        email_verified: None,
        added_to_org_at: None,
        name: Some(name.to_owned()),
        nickname: Some(name.to_owned()),
        email: None,
        picture: None,
        avatar: None,
        job_title: None,
        department: None,
        organization: None,
        location: None,
        time_zone: None,
        deactivated_at: None,
        for_deletion: None,
        platform_roles: Vec::new(),
        access: Vec::new(),
        groups: Vec::new(),
    }
}

fn group(group_id: GroupId) -> Group {
    Group {
        group_id,
        name: Some("a group".to_owned()),
        description: None,
        directory_id: None,
        external_synced: None,
        managed_by: None,
        deletable: None,
        modifiable: None,
        readable: None,
        member_count: None,
        resource_count: None,
    }
}
