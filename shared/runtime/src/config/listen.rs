//! Addresses that services listen on.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Section `console`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Console {
    /// Where the console listens.
    pub listen: SocketAddr,
    /// Under which address browsers reach it, as `https://console.example.com`. Needed where it listens for other machines.
    pub public_url: Option<String>,
    /// After so long without use, a person signs in again.
    #[serde(with = "humantime_serde")]
    pub session_idle: Duration,
    /// After so long, however much they use it, a person signs in again.
    #[serde(with = "humantime_serde")]
    pub session_life: Duration,
    /// How long a one-time link works.
    #[serde(with = "humantime_serde")]
    pub link_life: Duration,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            session_idle: Duration::from_secs(8 * 60 * 60),
            session_life: Duration::from_secs(7 * 24 * 60 * 60),
            link_life: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Section `metrics`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where `/metrics` is served; unset: nowhere.
    pub listen: Option<SocketAddr>,
}
