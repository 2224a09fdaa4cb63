//! What is told of the work, beside logs and metrics.

use serde::{Deserialize, Serialize};

/// Section `telemetry`. Where to, the variables `OTEL_EXPORTER_OTLP_*` say.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The share of page jobs whose spans are kept, with all that they call: 0 to 1. A full sync has thousands of pages that are all
    /// alike; every other job, run and operation is kept whole.
    pub page_share: Share,
}

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(format!("{share} is no share; write 0 to 1, as 0.1")) }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { page_share: Share(0.1) }
    }
}
