//! A world for each test.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use orgmirror_atlassian::{BudgetSettings, KeyOrigin, KeySource};
use orgmirror_coordinator::{CoordinatorSettings, SyncSchedule};
use orgmirror_domain::ids::{AccountId, GroupId, OrgId, OrgKey};
use orgmirror_domain::run::{RunKind, Scope};
use orgmirror_domain::sweep::SweepLimits;
use orgmirror_orgsim::SimulatorConfig;
use orgmirror_queue::{Publisher, QueueConfig};
use orgmirror_store::Store;
use orgmirror_store::progress::{RunView, Which};
use orgmirror_store::request::Ticket;
use orgmirror_worker::WorkerSettings;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::servers::servers;
use crate::sim::Sim;

/// A failed test ends after so long. Nothing else depends on it.
const DEADLINE: Duration = Duration::from_secs(120);

/// How large an organisation is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Users.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// The same seed gives the same organisation.
    pub seed: u64,
    /// Directories, of about equal size.
    pub directories: usize,
}

impl Size {
    /// So many users and groups in one directory.
    pub fn of(users: usize, groups: usize) -> Self {
        Self { users, groups, seed: 1, directories: 1 }
    }

    /// With another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// With several directories.
    #[must_use]
    pub fn directories(self, directories: usize) -> Self {
        Self { directories, ..self }
    }
}

/// A simulated organisation, a database, a place in Redis, and what runs on them.
pub struct World {
    /// The organisation.
    pub sim: Sim,
    /// The database as services see it.
    pub store: Store,
    /// The database as a test sees it.
    pub pool: PgPool,
    /// The organisation's row.
    pub org: OrgKey,
    /// Where the database is.
    pub database_url: String,
    /// How long a job may stay silent. Short, so that a story with a crash is soon told.
    pub lease: Duration,
    /// Above which a sweep waits for a person.
    pub sweep_limits: SweepLimits,
    /// How long a call of a worker may take.
    pub request_timeout: Duration,
    /// How long the API may be behind its writes. Short, so that a story with a lost answer is soon told.
    pub settle_within: Duration,
    /// Where workers read their key; the file may be changed.
    pub key_file: PathBuf,
    /// Whether coordinators that are started from now on have the first sync made.
    pub initial: bool,
    /// Whether coordinators that are started from now on follow events.
    pub events: bool,
    schedule: Option<SyncSchedule>,
    redis_url: String,
    prefix: String,
    _folder: tempfile::TempDir,
}

/// A coordinator or worker in this process.
pub struct Service {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Service {
    /// A graceful end.
    pub async fn stop(self) {
        self.stop.cancel();
        // A service that panicked has told so on standard error.
        let _ended = self.task.await;
    }
}

impl World {
    /// A world without services.
    pub async fn empty(size: Size) -> Result<Self> {
        let servers = servers().await?;
        Self::on(size, servers.redis_url.clone()).await
    }

    /// A world without services, on a Redis of its own.
    pub async fn on(size: Size, redis_url: String) -> Result<Self> {
        let servers = servers().await?;
        let config = SimulatorConfig {
            users: size.users,
            groups: size.groups,
            seed: size.seed,
            directories: size.directories,
            equal_directories: true,
            ..SimulatorConfig::default()
        };
        let (sim, database_url) = (Sim::start(config).await?, servers.database().await?);
        let store = Store::connect(&database_url, 8).await?;
        let pool = PgPool::connect(&database_url).await?;
        let org = store.ensure_org(&OrgId::from(sim.org_id())).await?;
        let folder = tempfile::TempDir::new()?;
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, sim.key())?;
        Ok(Self {
            sim,
            store,
            pool,
            org,
            database_url,
            lease: Duration::from_secs(2),
            sweep_limits: SweepLimits { max_rows: 50, max_percent: 5.0 },
            request_timeout: Duration::from_secs(60),
            settle_within: Duration::from_secs(1),
            key_file,
            initial: false,
            events: false,
            schedule: None,
            redis_url,
            prefix: format!("world-{}", Uuid::new_v4().simple()),
            _folder: folder,
        })
    }

    /// A world with a coordinator and a worker.
    pub async fn of(size: Size) -> Result<(Self, Vec<Service>)> {
        let world = Self::empty(size).await?;
        let services = vec![world.coordinator(), world.worker(4)];
        Ok((world, services))
    }

    /// Redis, as this world uses it.
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// The queue of this world.
    pub fn queue(&self) -> QueueConfig {
        QueueConfig::new(self.redis_url.clone(), format!("{}:jobs", self.prefix)).lease(self.lease).max_deliveries(10)
    }

    /// Publishes to the queue of this world.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.queue())
    }

    /// The stream that this world's coordinators take requests from.
    pub fn requests_stream(&self) -> String {
        format!("{}:sync-requests", self.prefix)
    }

    /// Coordinators that are started from now on ask for a sync at these times.
    pub fn schedule(&mut self, text: &str) -> Result<()> {
        self.schedule = Some(SyncSchedule { schedule: text.parse()?, jitter: chrono::TimeDelta::zero() });
        Ok(())
    }

    /// Starts a coordinator.
    pub fn coordinator(&self) -> Service {
        let settings = CoordinatorSettings {
            org_id: OrgId::from(self.sim.org_id()),
            lease: self.lease,
            sweep_limits: self.sweep_limits,
            probe_every: Duration::from_secs(1),
            limits: crate::operate::limits(),
            // Stories ask for their syncs themselves, and count their calls.
            initial: self.initial,
            events: self.events,
            schedule: self.schedule.clone(),
            settle_within: self.settle_within,
            queue: self.queue(),
            redis_url: self.redis_url.clone(),
            requests_stream: self.requests_stream(),
        };
        let stop = CancellationToken::new();
        let (url, token) = (self.database_url.clone(), stop.clone());
        let task = tokio::spawn(async move {
            // Connections of its own, as a process would have.
            let store = match Store::connect(&url, 5).await {
                Ok(store) => store,
                Err(error) => return eprintln!("a coordinator cannot connect: {error}"),
            };
            if let Err(error) = orgmirror_coordinator::run(settings, store, token).await {
                eprintln!("a coordinator ended: {error}");
            }
        });
        Service { stop, task }
    }

    /// Settings of a worker of this world.
    pub fn worker_settings(&self, concurrency: usize) -> WorkerSettings {
        WorkerSettings {
            org_id: OrgId::from(self.sim.org_id()),
            base_url: self.sim.base_url().to_owned(),
            key: KeySource {
                origin: KeyOrigin::File(self.key_file.clone()),
                org: OrgId::from(self.sim.org_id()),
                ring: None,
                expires_on: None,
            },
            concurrency,
            lease: self.lease,
            redis_url: self.redis_url.clone(),
            budget: BudgetSettings { prefix: format!("{}:", self.prefix), alone_per_second: 50.0, ..BudgetSettings::default() },
            queue: self.queue(),
            request_timeout: self.request_timeout,
            settle_within: self.settle_within,
            page_share: 0.0,
        }
    }

    /// Starts a worker with so many calls in flight.
    pub fn worker(&self, concurrency: usize) -> Service {
        self.worker_with(self.worker_settings(concurrency))
    }

    /// Starts a worker with these settings.
    pub fn worker_with(&self, settings: WorkerSettings) -> Service {
        let stop = CancellationToken::new();
        let (url, token) = (self.database_url.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let store = match Store::connect(&url, 6).await {
                Ok(store) => store,
                Err(error) => return eprintln!("a worker cannot connect: {error}"),
            };
            if let Err(error) = orgmirror_worker::run(settings, store, token).await {
                eprintln!("a worker ended: {error}");
            }
        });
        Service { stop, task }
    }

    /// Asks for a full sync.
    pub async fn request(&self) -> Result<Ticket> {
        Ok(self.store.request_sync(self.org, Uuid::new_v4(), RunKind::Manual, &Scope::Full).await?)
    }

    /// Asks for a sync of accounts.
    pub async fn request_accounts(&self, ids: &[&str]) -> Result<Ticket> {
        let ids = ids.iter().map(|id| AccountId::from(*id)).collect();
        Ok(self.store.request_sync(self.org, Uuid::new_v4(), RunKind::Manual, &Scope::Accounts { ids }).await?)
    }

    /// Asks for a sync of groups and their members.
    pub async fn request_groups(&self, ids: &[&str]) -> Result<Ticket> {
        let ids = ids.iter().filter_map(|id| GroupId::parse(id)).collect();
        Ok(self.store.request_sync(self.org, Uuid::new_v4(), RunKind::Manual, &Scope::Groups { ids }).await?)
    }

    /// The run of a ticket, as it is now.
    pub async fn run(&self, ticket: Ticket) -> Result<RunView> {
        self.store.runs(Which::One(ticket.run)).await?.into_iter().next().context("the run has gone")
    }

    /// Waits until the run has ended or a person must act.
    pub async fn ended(&self, ticket: Ticket) -> Result<RunView> {
        until("the run ends or is held", async || {
            let run = self.run(ticket).await?;
            Ok((run.phase.has_ended() || run.hold.is_some()).then_some(run))
        })
        .await
    }

    /// Asks for a full sync and waits for it; it must complete.
    pub async fn sync(&self) -> Result<RunView> {
        let ticket = self.request().await?;
        self.completed(ticket).await
    }

    /// Waits for a run that must complete.
    pub async fn completed(&self, ticket: Ticket) -> Result<RunView> {
        let run = self.ended(ticket).await?;
        if run.phase != orgmirror_domain::run::Phase::Completed {
            bail!("the run is {}, {:?} {:?} {:?}", run.phase, run.hold, run.hold_reason, run.failure);
        }
        Ok(run)
    }

    /// A number that a statement counts.
    pub async fn count(&self, statement: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(statement).fetch_one(&self.pool).await?)
    }
}

/// Waits until `look` finds what it looks for. The deadline only ends a test that has failed.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if started.elapsed() > DEADLINE {
            bail!("waited {DEADLINE:?} in vain until {what}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
