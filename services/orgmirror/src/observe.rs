//! What a service tells of itself: metrics, and whether what it depends on works.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use orgmirror_queue::Publisher;
use orgmirror_runtime::config::Config;
use orgmirror_runtime::exposition::Exposition;
use orgmirror_runtime::health::{Condition, Health, Probe};
use orgmirror_runtime::{listener, telemetry};
use orgmirror_store::Store;
use tokio_util::sync::CancellationToken;

use crate::wiring;

/// Clocks may differ by so much before a person is told. Nothing is decided by a clock, but people read times.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::seconds(10);

/// Begins to collect metrics, and to serve them and health, if the settings say where to. Before a service records anything.
pub(crate) async fn start(config: &Config, service: &'static str, store: &Store, stop: &CancellationToken) -> Result<()> {
    if config.metrics.listen.is_none() && !telemetry::is_wanted() {
        return Ok(());
    }
    let exposition = Exposition::start(service)?;
    let Some(address) = config.metrics.listen else { return Ok(()) };
    let address = listener::serve(address, exposition, health(config, store)?, stop.clone()).await?;
    tracing::info!(%address, "metrics and health are served");
    Ok(())
}

/// What every service depends on.
pub(crate) fn health(config: &Config, store: &Store) -> Result<Health> {
    let (store, publisher) = (store.clone(), wiring::publisher(config)?);
    Ok(Health::new(vec![
        Probe::new("database", move || {
            let store = store.clone();
            async move { database(&store).await.map_err(|error| format!("{error:#}")) }
        }),
        Probe::new("redis", move || {
            let publisher = publisher.clone();
            async move { redis(&publisher).await.map_err(|error| format!("{error:#}")) }
        }),
    ]))
}

/// Postgres, and what its clock tells of ours.
pub(crate) async fn database(store: &Store) -> Result<(Condition, String)> {
    let theirs = store.check_health().await?;
    Ok(match clock(theirs, Utc::now()) {
        Some(difference) => (Condition::Warning, format!("Postgres answers and can write; {difference}")),
        None => (Condition::Good, "Postgres answers and can write, and its schema is the one that this version knows".to_owned()),
    })
}

/// Redis, which must be able to write.
pub(crate) async fn redis(publisher: &Publisher) -> Result<(Condition, String)> {
    publisher.check().await?;
    Ok((Condition::Good, "Redis answers and can write".to_owned()))
}

/// Says which way the clocks differ, if they do.
fn clock(theirs: DateTime<Utc>, ours: DateTime<Utc>) -> Option<String> {
    let ahead = ours - theirs;
    (ahead.abs() > CLOCKS_DIFFER).then(|| {
        let way = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
        format!(
            "the clock of this computer is {} s {way} that of Postgres: times on screen will be wrong, while no decision rests on them; \
             set both by NTP",
            ahead.num_seconds().abs()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_named_with_its_direction() {
        let ours = Utc::now();
        assert_eq!(clock(ours - TimeDelta::seconds(3), ours), None);
        assert!(clock(ours - TimeDelta::minutes(2), ours).is_some_and(|said| said.contains("120 s ahead of")));
        assert!(clock(ours + TimeDelta::minutes(2), ours).is_some_and(|said| said.contains("120 s behind")));
    }
}
