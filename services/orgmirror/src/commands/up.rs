//! `orgmirror up`: everything in one process, with private servers unless their addresses are set.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use orgmirror_domain::ids::OrgId;
use orgmirror_domain::run::{Phase, RunKind};
use orgmirror_orgsim::{Simulator, SimulatorConfig};
use orgmirror_private_servers::{PostgresOptions, PrivatePostgres, PrivateRedis, RedisOptions};
use orgmirror_runtime::config::Config;
use orgmirror_runtime::shutdown;
use orgmirror_store::Store;
use orgmirror_store::progress::Which;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::print_json;
use super::services::{CONSOLE_CONNECTIONS, serve_console, worker_connections};
use crate::cli::Up;
use crate::forecast::Forecast;
use crate::outcome::Outcome;
use crate::{observe, summary, watch, wiring};

pub(crate) async fn run(mut config: Config, arguments: Up, json: bool) -> Result<Outcome> {
    let stop = shutdown::on_signal()?;
    let servers = Servers::start(&mut config, &data_folder(&arguments)).await?;
    let simulator = if arguments.demo { Some(simulate(&mut config, &arguments).await?) } else { None };
    let outcome = serve(&config, &arguments, json, stop).await;
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    servers.stop().await;
    outcome
}

/// Starts the services, asks for a sync if one is due, and stays until told to stop.
async fn serve(config: &Config, arguments: &Up, json: bool, stop: CancellationToken) -> Result<Outcome> {
    let store = Store::connect(config.database_url()?, 6).await?;
    store.migrate().await?;
    let org = wiring::org(config, &store).await?;
    wiring::make_key_current(config, &store, org).await?;
    // Looked at before a coordinator can have the first sync made.
    let first = store.watermark_at(org).await?.is_none();
    observe::start(config, "up", &store, &stop).await?;
    let mut services = start_services(config, arguments.workers.max(1), &store, &stop).await?;

    if !arguments.once {
        let (config, token) = (config.clone(), stop.clone());
        let store = Store::connect(config.database_url()?, CONSOLE_CONNECTIONS).await?;
        services.spawn(async move { serve_console(&config, store, token).await });
    }
    let mut outcome = Outcome::Done;
    if first || arguments.demo || arguments.once {
        let kind = if first { RunKind::Initial } else { RunKind::Manual };
        let request = if first { first_request(config, &store).await? } else { Uuid::now_v7() };
        store.request_sync(org, request, kind, &orgmirror_domain::run::Scope::Full).await?;
        let forecast = Forecast::new(config, &store, org).await;
        let run = tokio::select! {
            run = watch::until_answered(&store, request, forecast, json, &stop) => run?,
            ended = services.join_next() => return Err(ended_early(ended)),
        };
        outcome = watch::outcome(&run);
        if json {
            print_json(&run)?;
        } else {
            println!("{}", summary::summary(&run, Some(&store.freshness(org).await?)));
        }
    }
    if !arguments.once && !stop.is_cancelled() {
        eprintln!("Orgmirror stays up. In SQL: {}", config.database_url()?);
        eprintln!("Views are in schema `mirror`, for example: SELECT * FROM mirror.freshness. Ctrl-C ends it.");
        tokio::select! {
            () = stop.cancelled() => {}
            ended = services.join_next() => return Err(ended_early(ended)),
        }
        outcome = Outcome::Done;
    }
    stop.cancel();
    while let Some(ended) = services.join_next().await {
        ended.context("a service panicked")??;
    }
    store.close().await;
    Ok(outcome)
}

/// The coordinator asks for the first sync as well, under an id that both know: one run answers. Where that one has failed, another is asked for.
async fn first_request(config: &Config, store: &Store) -> Result<Uuid> {
    let request = orgmirror_coordinator::initial_request(&OrgId::from(config.atlassian.org_id()?));
    let Some(run) = store.answering_run(request).await? else { return Ok(request) };
    let run = store.runs(Which::One(run)).await?.into_iter().next();
    let is_of_use = run.is_some_and(|run| run.phase == Phase::Completed || !run.phase.has_ended());
    Ok(if is_of_use { request } else { Uuid::now_v7() })
}

async fn start_services(config: &Config, workers: usize, store: &Store, stop: &CancellationToken) -> Result<JoinSet<Result<()>>> {
    let mut services = JoinSet::new();
    let (settings, coordinators_store, token) = (wiring::coordinator(config)?, store.clone(), stop.clone());
    services.spawn(async move { Ok(orgmirror_coordinator::run(settings, coordinators_store, token).await?) });
    for _ in 0..workers {
        let settings = wiring::worker(config)?;
        let store = Store::connect(config.database_url()?, worker_connections(settings.concurrency)).await?;
        let token = stop.clone();
        services.spawn(async move { Ok(orgmirror_worker::run(settings, store, token).await?) });
    }
    Ok(services)
}

fn ended_early(ended: Option<Result<Result<()>, tokio::task::JoinError>>) -> anyhow::Error {
    match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => anyhow::Error::new(error).context("a service panicked"),
        _ => anyhow::anyhow!("a service ended by itself"),
    }
}

/// The private servers that this process started.
#[derive(Default)]
struct Servers {
    postgres: Option<PrivatePostgres>,
    redis: Option<PrivateRedis>,
}

impl Servers {
    async fn start(config: &mut Config, data: &Path) -> Result<Self> {
        let mut servers = Self::default();
        if config.redis_url.is_none() {
            let redis = PrivateRedis::start(&data.join("redis"), RedisOptions::default()).await?;
            config.redis_url = Some(redis.url());
            servers.redis = Some(redis);
        }
        if config.database_url.is_none() {
            let postgres = PrivatePostgres::start(&data.join("postgres"), PostgresOptions::default()).await?;
            config.database_url = Some(postgres.url());
            servers.postgres = Some(postgres);
        }
        Ok(servers)
    }

    async fn stop(self) {
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
        if let Some(postgres) = self.postgres {
            postgres.stop().await;
        }
    }
}

async fn simulate(config: &mut Config, arguments: &Up) -> Result<Simulator> {
    eprintln!("Simulating an organisation of {} users and {} groups ...", arguments.demo_users, arguments.demo_groups);
    let simulated = SimulatorConfig { users: arguments.demo_users, groups: arguments.demo_groups, ..SimulatorConfig::default() };
    config.atlassian.org_id = Some(simulated.org_id.clone());
    config.atlassian.api_key = Some(simulated.api_key.clone().into());
    config.atlassian.api_key_file = None;
    let simulator = Simulator::start(simulated).await?;
    config.atlassian.base_url = simulator.base_url();
    // Whatever the settings say: a demonstration is for this machine alone.
    config.console.listen.set_ip(Ipv4Addr::LOCALHOST.into());
    config.console.public_url = None;
    Ok(simulator)
}

/// Where the private servers keep their data. Demonstrations of different sizes are different organisations.
fn data_folder(arguments: &Up) -> PathBuf {
    let base = arguments.data.clone().unwrap_or_else(|| {
        let home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
        match home {
            // Root's home is closed to the account that Postgres must run as.
            Some(home) if !nix::unistd::geteuid().is_root() => home.join("orgmirror"),
            _ => PathBuf::from("/var/lib/orgmirror"),
        }
    });
    if arguments.demo { base.join(format!("demo-{}-{}", arguments.demo_users, arguments.demo_groups)) } else { base }
}
