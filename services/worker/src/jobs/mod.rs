//! One handler for each kind of job.

pub(crate) mod change_item;
pub(crate) mod count;
pub(crate) mod events;
pub(crate) mod group_grants;
pub(crate) mod look_up;
pub(crate) mod plan;
pub(crate) mod roles;
pub(crate) mod scan_groups;
pub(crate) mod scan_users;

use serde::de::DeserializeOwned;

use crate::env::Delivered;
use crate::read::Left;

/// The job's filter, as it was registered.
fn filter_of<F: DeserializeOwned + Default>(job: &Delivered) -> Result<F, Left> {
    let Some(filter) = job.filter.clone() else { return Ok(F::default()) };
    serde_json::from_value(filter).map_err(|error| Left::Hopeless {
        reason: format!("the ledger holds a filter that this version cannot read: {error}"),
        calls: 0,
    })
}
