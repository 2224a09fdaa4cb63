//! The record of writes, the choices, the limit on calls and the seats.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Problem, json, read_body};
use crate::audit::Origin;
use crate::state::State;
use crate::switches::Switches;

/// `GET /_sim/writes`: every write since the last reset, in the order in which they took effect.
pub(super) async fn show(Shared(state): Shared<Arc<State>>) -> Response {
    axum::Json(state.writes.all()).into_response()
}

/// `DELETE /_sim/writes`
pub(super) async fn forget(Shared(state): Shared<Arc<State>>) -> Response {
    state.writes.forget();
    json("{}".to_owned())
}

/// `GET /_sim/switches`
pub(super) async fn switches(Shared(state): Shared<Arc<State>>) -> Response {
    axum::Json(&state.faults.state().switches).into_response()
}

/// `PUT /_sim/switches`: all choices. What is left out returns to what the simulator started with; the faults stay as they are.
pub(super) async fn set_switches(Shared(state): Shared<Arc<State>>, body: Bytes) -> Result<Response, Problem> {
    let given: Map<String, Value> = read_body(&body)?;
    let start = serde_json::to_value(&state.config.switches).map_err(|error| Problem::wrong(error.to_string()))?;
    let Value::Object(mut whole) = start else { return Err(Problem::wrong("the choices are no object")) };
    whole.extend(given);
    let wanted: Switches = serde_json::from_value(Value::Object(whole)).map_err(|error| Problem::wrong(error.to_string()))?;
    wanted.check().map_err(Problem::wrong)?;
    state.faults.set_switches(wanted);
    Ok(switches(Shared(state)).await)
}

/// The body of `PUT /_sim/rate-limit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimit {
    /// Null is no limit.
    per_minute: Option<u32>,
    burst: Option<u32>,
}

/// `PUT /_sim/rate-limit`: the hidden limit; nothing else changes.
pub(super) async fn set_rate_limit(Shared(state): Shared<Arc<State>>, body: Bytes) -> Result<Response, Problem> {
    let wanted: RateLimit = read_body(&body)?;
    let burst = wanted.burst.unwrap_or(state.faults.state().rate_limit_burst);
    state.faults.set_rate_limit(wanted.per_minute, burst);
    Ok(json(serde_json::json!({"per_minute": wanted.per_minute, "burst": burst}).to_string()))
}

/// The body of `PUT /_sim/capacity`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Capacity {
    resource_id: String,
    /// Null is no limit.
    capacity: Option<usize>,
}

/// `PUT /_sim/capacity`: how many seats a resource has. Seats in use stay in use.
pub(super) async fn set_capacity(Shared(state): Shared<Arc<State>>, body: Bytes) -> Result<Response, Problem> {
    let wanted: Capacity = read_body(&body)?;
    state.change(Origin::Control, |org| {
        let resource = super::groups::resource(org, &wanted.resource_id)?;
        org.capacity[usize::from(resource)] = wanted.capacity;
        let used = org.seats()[usize::from(resource)];
        Ok(json(serde_json::json!({"capacity": wanted.capacity, "usage": used}).to_string()))
    })
}
