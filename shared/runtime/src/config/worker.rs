//! Workers.

use serde::{Deserialize, Serialize};

/// Section `worker`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Calls that one worker has in flight at most.
    pub concurrency: usize,
}

impl Default for Worker {
    fn default() -> Self {
        Self { concurrency: 8 }
    }
}
