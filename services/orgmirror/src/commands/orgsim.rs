//! `orgmirror orgsim`: the simulator alone.

use anyhow::Result;
use orgmirror_orgsim::{Simulator, SimulatorConfig};
use orgmirror_runtime::shutdown;

use crate::cli::Orgsim;
use crate::outcome::Outcome;

pub(crate) async fn run(arguments: Orgsim) -> Result<Outcome> {
    let stop = shutdown::on_signal()?;
    let defaults = SimulatorConfig::default();
    let config = SimulatorConfig {
        users: arguments.users,
        groups: arguments.groups,
        seed: arguments.seed,
        listen: arguments.listen,
        api_key: arguments.api_key.unwrap_or(defaults.api_key.clone()),
        org_id: arguments.org_id.unwrap_or(defaults.org_id.clone()),
        directories: arguments.directories,
        equal_directories: arguments.directories > 1,
        latency: arguments.latency,
        jitter: arguments.jitter,
        rate_limit_per_minute: arguments.rate_limit.map(|rate| rate.per_minute),
        ..defaults
    };
    let (org_id, api_key) = (config.org_id.clone(), config.api_key.clone());
    let simulator = Simulator::start(config).await?;
    eprintln!("A simulated organisation of {} users and {} groups listens.", arguments.users, arguments.groups);
    eprintln!("  ORGMIRROR_ATLASSIAN__BASE_URL={}", simulator.base_url());
    eprintln!("  ORGMIRROR_ATLASSIAN__ORG_ID={org_id}");
    eprintln!("  ORGMIRROR_ATLASSIAN__API_KEY={api_key}");
    stop.cancelled().await;
    simulator.stop().await;
    Ok(Outcome::Done)
}
