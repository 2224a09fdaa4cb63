//! Commands that run parts of the product, and its key.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Args;
use orgmirror_runtime::config::Rate;

#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Simulate an organisation and sync it, with progress bars.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Users of the simulated organisation.
    #[arg(long, default_value_t = 120_000, value_name = "N")]
    pub(crate) demo_users: usize,
    /// Groups of the simulated organisation.
    #[arg(long, default_value_t = 110_000, value_name = "N")]
    pub(crate) demo_groups: usize,
    /// Workers in this process.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) workers: usize,
    /// End after the sync, with its summary.
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the private servers keep their data.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Orgsim {
    /// How many users.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) users: usize,
    /// How many groups.
    #[arg(long, default_value_t = 200)]
    pub(crate) groups: usize,
    /// The same seed gives the same organisation.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    /// The key that callers must present.
    #[arg(long)]
    pub(crate) api_key: Option<String>,
    /// The organisation's id.
    #[arg(long)]
    pub(crate) org_id: Option<String>,
    /// Directories; users and groups are spread evenly over them.
    #[arg(long, default_value_t = 1)]
    pub(crate) directories: usize,
    /// How long each answer takes.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    pub(crate) latency: Duration,
    /// By how much that varies.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    pub(crate) jitter: Duration,
    /// Calls granted, as 200/min.
    #[arg(long)]
    pub(crate) rate_limit: Option<Rate>,
}

#[derive(Args, Debug)]
pub(crate) struct SealKey {
    /// The key's last day, as its maker chose it.
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Option<NaiveDate>,
}
