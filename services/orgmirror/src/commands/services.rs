//! `orgmirror coordinator`, `worker` and `console`: one service each.

use anyhow::{Context, Result};
use orgmirror_console::Console;
use orgmirror_runtime::config::Config;
use orgmirror_runtime::shutdown;
use orgmirror_store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::outcome::Outcome;
use crate::{observe, wiring};

/// Connections of a coordinator: the tick, requests, upkeep, metrics, health, and one that listens.
const COORDINATOR_CONNECTIONS: u32 = 8;

/// Connections of a console: one for each page that is made at the same time.
pub(crate) const CONSOLE_CONNECTIONS: u32 = 8;

pub(crate) async fn coordinator(config: &Config) -> Result<Outcome> {
    let stop = shutdown::on_signal()?;
    let settings = wiring::coordinator(config)?;
    let store = wiring::store(config, COORDINATOR_CONNECTIONS).await?;
    observe::start(config, "coordinator", &store, &stop).await?;
    tracing::info!("the coordinator is at work");
    orgmirror_coordinator::run(settings, store, stop).await?;
    Ok(Outcome::Done)
}

pub(crate) async fn worker(config: &Config) -> Result<Outcome> {
    let stop = shutdown::on_signal()?;
    let settings = wiring::worker(config)?;
    let store = wiring::store(config, worker_connections(settings.concurrency)).await?;
    observe::start(config, "worker", &store, &stop).await?;
    tracing::info!(concurrency = settings.concurrency, "a worker is at work");
    orgmirror_worker::run(settings, store, stop).await?;
    Ok(Outcome::Done)
}

pub(crate) async fn console(config: &Config) -> Result<Outcome> {
    let stop = shutdown::on_signal()?;
    let store = wiring::store(config, CONSOLE_CONNECTIONS).await?;
    observe::start(config, "console", &store, &stop).await?;
    serve_console(config, store, stop).await?;
    Ok(Outcome::Done)
}

/// Serves the console until told to stop. Tells on standard error where it is, and how to become its first administrator.
pub(crate) async fn serve_console(config: &Config, store: Store, stop: CancellationToken) -> Result<()> {
    let org = wiring::org(config, &store).await?;
    let listen = config.console.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("listen on {listen} for the console; set ORGMIRROR_CONSOLE__LISTEN to another address if something else is there")
    })?;
    let settings = wiring::console(config, org, listener.local_addr()?)?;
    let address = settings.public_url.to_string();
    let console = Console::new(store, wiring::publisher(config)?, settings);
    eprintln!("The console is at {address}");
    if let Some(link) = console.set_up_link().await? {
        eprintln!("Nobody can sign in yet. Become its first administrator, once: {link}");
    }
    Ok(console.serve(listener, stop).await?)
}

/// Statements are short, so a few connections serve many calls in flight.
pub(crate) fn worker_connections(concurrency: usize) -> u32 {
    u32::try_from(concurrency / 2 + 5).unwrap_or(u32::MAX).min(16)
}
