//! `orgmirror coordinator` and `orgmirror worker`: one service each.

use anyhow::Result;
use orgmirror_runtime::config::Config;
use orgmirror_runtime::shutdown;

use crate::outcome::Outcome;
use crate::wiring;

/// Connections of a coordinator: the tick, requests, upkeep, and one that listens.
const COORDINATOR_CONNECTIONS: u32 = 6;

pub(crate) async fn coordinator(config: &Config) -> Result<Outcome> {
    let stop = shutdown::on_signal()?;
    let settings = wiring::coordinator(config)?;
    let store = wiring::store(config, COORDINATOR_CONNECTIONS).await?;
    tracing::info!("the coordinator is at work");
    orgmirror_coordinator::run(settings, store, stop).await?;
    Ok(Outcome::Done)
}

pub(crate) async fn worker(config: &Config) -> Result<Outcome> {
    let stop = shutdown::on_signal()?;
    let settings = wiring::worker(config)?;
    let store = wiring::store(config, worker_connections(settings.concurrency)).await?;
    tracing::info!(concurrency = settings.concurrency, "a worker is at work");
    orgmirror_worker::run(settings, store, stop).await?;
    Ok(Outcome::Done)
}

/// Statements are short, so a few connections serve many calls in flight.
pub(crate) fn worker_connections(concurrency: usize) -> u32 {
    u32::try_from(concurrency / 2 + 4).unwrap_or(u32::MAX).min(16)
}
