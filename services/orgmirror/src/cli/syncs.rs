//! Commands about syncs.

use chrono::{DateTime, Utc};
use clap::Args;
use orgmirror_domain::ids::RunId;
use uuid::Uuid;

#[derive(Args, Debug)]
pub(crate) struct Sync {
    /// Only these accounts, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "ID,..", conflicts_with = "groups")]
    pub(crate) accounts: Vec<String>,
    /// Only these groups and their members, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "ID,..")]
    pub(crate) groups: Vec<Uuid>,
    /// Show progress, and end with the run.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Only if the mirror is not at least as fresh as this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) fresh_since: Option<DateTime<Utc>>,
    /// Who asks, for the audit log.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct Runs {
    /// All about this one.
    #[arg(value_parser = run_id)]
    pub(crate) id: Option<RunId>,
    /// How many.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u16,
}

#[derive(Args, Debug)]
pub(crate) struct OneRun {
    /// The run's id, as `orgmirror runs` shows it.
    #[arg(value_parser = run_id)]
    pub(crate) id: RunId,
    /// Who asks, for the audit log.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(crate) by: String,
}

fn run_id(text: &str) -> Result<RunId, String> {
    Uuid::parse_str(text).map(RunId).map_err(|_| "a run's id is a UUID; `orgmirror runs` shows them".to_owned())
}
