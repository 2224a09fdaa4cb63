//! What a simulated organisation is made of.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::switches::Switches;

/// Size, behaviour and address of a simulated organisation. The same sizes, seed and directories give the same organisation.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// How many accounts there are.
    pub users: usize,
    /// How many groups there are.
    pub groups: usize,
    /// Decides everything that is drawn: the organisation, its faults and its churn.
    pub seed: u64,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one key that is accepted.
    pub api_key: String,
    /// The one organisation that exists.
    pub org_id: String,
    /// How many directories there are, 1 to 32.
    pub directories: usize,
    /// How many of a hundred accounts that have a directory are in a second one too.
    pub directory_overlap_percent: f64,
    /// How long every answer takes.
    pub latency: Duration,
    /// The most that is added to the latency of a call, drawn evenly.
    pub jitter: Duration,
    /// Calls granted a minute; `None` means as many as are made.
    pub rate_limit_per_minute: Option<u32>,
    /// Spreads accounts and groups evenly over the directories, instead of most into the first.
    pub equal_directories: bool,
    /// Choices where the real service is not known well enough.
    pub switches: Switches,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            users: 1_000,
            groups: 200,
            seed: 1,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: "orgsim-key".to_owned(),
            org_id: "8f3c0a52-5d2e-4b0c-9a41-6f1e2d3c4b5a".to_owned(),
            directories: 1,
            directory_overlap_percent: 0.0,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            rate_limit_per_minute: None,
            equal_directories: false,
            switches: Switches::default(),
        }
    }
}
