//! The call budget that all workers of a key share.

use serde::{Deserialize, Serialize};

use super::Rate;

/// Section `budget`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// The ceiling of calls, `200/min`. Unset: as fast as the API answers, until it says 429.
    pub rate: Option<Rate>,
}
