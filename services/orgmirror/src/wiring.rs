//! From settings to parts: who connects to what, under which names.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use orgmirror_atlassian::{Budget, BudgetSettings, Client, ClientConfig, KeyOrigin, KeyRing, KeySource};
use orgmirror_console::{ConsoleSettings, PublicUrl, SeatPrices};
use orgmirror_coordinator::{CoordinatorSettings, REQUESTS_STREAM, SyncSchedule};
use orgmirror_domain::ids::{GroupId, OrgId, OrgKey};
use orgmirror_domain::operation::Limits;
use orgmirror_domain::schedule::ScheduleError;
use orgmirror_domain::sweep::SweepLimits;
use orgmirror_queue::{Publisher, QueueConfig};
use orgmirror_runtime::config::{Atlassian, Config, ConfigError};
use orgmirror_store::Store;
use orgmirror_worker::WorkerSettings;
use secrecy::SecretString;

/// First part of the queue's keys; the organisation follows.
const QUEUE: &str = "orgmirror:jobs";
/// First part of the budget's keys.
const BUDGET: &str = "orgmirror:";

/// Postgres, with the schema that this program knows.
pub(crate) async fn store(config: &Config, connections: u32) -> Result<Store> {
    let store = Store::connect(config.database_url()?, connections).await?;
    store.check_schema().await?;
    Ok(store)
}

/// The configured organisation's row, made if it is not there.
pub(crate) async fn org(config: &Config, store: &Store) -> Result<OrgKey> {
    Ok(store.ensure_org(&OrgId::from(config.atlassian.org_id()?)).await?)
}

/// The configured organisation's row, for commands that only look: a mistyped id makes no organisation.
pub(crate) async fn known_org(config: &Config, store: &Store) -> Result<OrgKey> {
    let id = OrgId::from(config.atlassian.org_id()?);
    let org = store.find_org(&id).await?;
    org.with_context(|| format!("the database knows no organisation {id}; check ORGMIRROR_ATLASSIAN__ORG_ID, or ask for its first sync by `orgmirror sync`"))
}

/// The queue that jobs go by. The ledger decides when a job is given up, long before the queue would.
pub(crate) fn queue(config: &Config) -> Result<QueueConfig> {
    let prefix = format!("{QUEUE}:{}", config.atlassian.org_id()?);
    Ok(QueueConfig::new(config.redis_url()?, prefix).lease(config.sync.lease).max_deliveries(10))
}

/// Asks the queue how full it is.
pub(crate) fn publisher(config: &Config) -> Result<Publisher> {
    Ok(Publisher::new(queue(config)?))
}

pub(crate) fn worker(config: &Config) -> Result<WorkerSettings> {
    Ok(WorkerSettings {
        org_id: OrgId::from(config.atlassian.org_id()?),
        base_url: config.atlassian.base_url.clone(),
        key: key_source(config)?,
        concurrency: config.worker.concurrency.max(1),
        lease: config.sync.lease,
        redis_url: config.redis_url()?.to_owned(),
        budget: budget_settings(config),
        queue: queue(config)?,
        request_timeout: config.atlassian.request_timeout,
        settle_within: config.operation.settle_within,
        page_share: config.telemetry.page_share.get(),
    })
}

pub(crate) fn coordinator(config: &Config) -> Result<CoordinatorSettings> {
    Ok(CoordinatorSettings {
        org_id: OrgId::from(config.atlassian.org_id()?),
        lease: config.sync.lease,
        sweep_limits: SweepLimits { max_rows: config.sync.max_delete_rows, max_percent: config.sync.max_delete_percent },
        probe_every: config.sync.probe_every,
        limits: limits(config)?,
        initial: config.sync.initial,
        events: config.sync.events,
        schedule: schedule(config)?,
        settle_within: config.operation.settle_within,
        queue: queue(config)?,
        redis_url: config.redis_url()?.to_owned(),
        requests_stream: REQUESTS_STREAM.to_owned(),
    })
}

/// What the console is told, when it listens there.
pub(crate) fn console(config: &Config, org: OrgKey, listen: SocketAddr) -> Result<ConsoleSettings> {
    let settings = &config.console;
    Ok(ConsoleSettings {
        org,
        org_id: OrgId::from(config.atlassian.org_id()?),
        public_url: PublicUrl::read(settings.public_url.as_deref(), listen)?,
        session_idle: settings.session_idle,
        session_life: settings.session_life,
        link_life: settings.link_life,
        limits: limits(config)?,
        prices: SeatPrices {
            currency: config.prices.currency.clone(),
            per_seat: config.prices.per_seat.iter().map(|(product, price)| (product.clone(), price.0)).collect(),
        },
        schedule: schedule(config)?.map(|wanted| wanted.schedule),
    })
}

/// What bulk operations may do without, and may never do.
pub(crate) fn limits(config: &Config) -> Result<Limits> {
    let operation = &config.operation;
    let groups = operation.protected_groups.iter().map(|id| {
        let group = GroupId::parse(id);
        Ok(group
            .with_context(|| format!("ORGMIRROR_OPERATION__PROTECTED_GROUPS names {id:?}, which is no group's id (a UUID)"))?
            .0)
    });
    Ok(Limits {
        max_items: operation.max_items,
        approval_above: operation.approval_above,
        max_age: operation.max_age,
        patience: operation.patience,
        protected_accounts: operation.protected_accounts.clone(),
        protected_groups: groups.collect::<Result<_>>()?,
    })
}

/// When syncs start by themselves.
pub(crate) fn schedule(config: &Config) -> Result<Option<SyncSchedule>> {
    let Some(text) = &config.sync.schedule else { return Ok(None) };
    let schedule = text.parse().map_err(|error: ScheduleError| ConfigError::Wrong {
        setting: "ORGMIRROR_SYNC__SCHEDULE",
        value: text.clone(),
        problem: error.to_string(),
    })?;
    Ok(Some(SyncSchedule { schedule, jitter: TimeDelta::from_std(config.sync.jitter).unwrap_or(TimeDelta::zero()) }))
}

/// Says that the key of the settings is the current one: answers to older keys hold nothing any more.
pub(crate) async fn make_key_current(config: &Config, store: &Store, org: OrgKey) -> Result<()> {
    let stored = key_source(config)?.read()?;
    store.set_current_key(org, stored.key.fingerprint().as_str(), stored.expires_on).await?;
    Ok(())
}

/// The call budget that all workers of the organisation share.
pub(crate) fn budget(config: &Config) -> Result<Budget> {
    let redis = redis::Client::open(config.redis_url()?).context("read Redis's address")?;
    Ok(Budget::new(redis, budget_settings(config))?)
}

fn budget_settings(config: &Config) -> BudgetSettings {
    BudgetSettings {
        prefix: BUDGET.to_owned(),
        per_minute: config.budget.rate.map(|rate| rate.per_minute),
        ..BudgetSettings::default()
    }
}

/// A client of the Organization API, within the budget of the workers.
pub(crate) fn client(config: &Config) -> Result<Client> {
    let key = key_source(config)?.read()?.key;
    let mut settings = ClientConfig::new(config.atlassian.base_url.clone(), OrgId::from(config.atlassian.org_id()?), key);
    settings.request_timeout = config.atlassian.request_timeout;
    Ok(Client::new(settings, budget(config)?)?)
}

/// Where the API key comes from; a file goes before a key in the settings.
pub(crate) fn key_source(config: &Config) -> Result<KeySource> {
    let settings = &config.atlassian;
    let origin = match (&settings.api_key_file, &settings.api_key) {
        (Some(path), _) => KeyOrigin::File(path.clone()),
        (None, Some(key)) => KeyOrigin::Setting(key.clone()),
        (None, None) => return Err(Atlassian::key_missing().into()),
    };
    let ring = key_ring(config)?.map(Arc::new);
    Ok(KeySource { origin, org: OrgId::from(settings.org_id()?), ring, expires_on: settings.api_key_expires })
}

/// What seals and opens API keys, if it is configured.
pub(crate) fn key_ring(config: &Config) -> Result<Option<KeyRing>> {
    let text = match (&config.atlassian.sealing_key_file, &config.atlassian.sealing_key) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path);
            SecretString::from(text.with_context(|| format!("read the sealing key from {}", path.display()))?)
        }
        (None, Some(text)) => text.clone(),
        (None, None) => return Ok(None),
    };
    Ok(Some(KeyRing::parse(&text).context("read the sealing key")?))
}
