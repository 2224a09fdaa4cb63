//! Faults, the key, held answers, churn and the count of calls.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Problem, json, read_body};
use crate::churn::Mutation;
use crate::faults::FaultState;
use crate::group::parse_group_id;
use crate::state::State;

/// `GET /_sim/calls`
pub(super) async fn calls(Shared(state): Shared<Arc<State>>) -> Response {
    axum::Json(state.calls.report()).into_response()
}

/// `DELETE /_sim/calls`
pub(super) async fn forget_calls(Shared(state): Shared<Arc<State>>) -> Response {
    state.calls.reset();
    json("{}".to_owned())
}

/// `GET /_sim/faults`
pub(super) async fn show(Shared(state): Shared<Arc<State>>) -> Response {
    axum::Json(&*state.faults.state()).into_response()
}

/// `PUT /_sim/faults`: the whole state. What is left out returns to what the simulator started with.
pub(super) async fn replace(Shared(state): Shared<Arc<State>>, body: Bytes) -> Result<Response, Problem> {
    let given: Map<String, Value> = read_body(&body)?;
    let start = serde_json::to_value(FaultState::of(&state.config)).map_err(|error| Problem::wrong(error.to_string()))?;
    let Value::Object(mut whole) = start else { return Err(Problem::wrong("the fault state is no object")) };
    for (name, value) in given {
        let name = if name == "apply_delay" { "apply_delay_ms".to_owned() } else { name };
        match (whole.get_mut(&name), value) {
            // Switches that are left out keep what the simulator started with, as faults do.
            (Some(Value::Object(start)), Value::Object(given)) if name == "switches" => start.extend(given),
            (_, value) => {
                whole.insert(name, value);
            }
        }
    }
    let mut wanted: FaultState =
        serde_json::from_value(Value::Object(whole)).map_err(|error| Problem::wrong(error.to_string()))?;
    check(&wanted)?;
    // Groups are looked up by their bare ids, whichever form they were given in.
    wanted.fail_ids = wanted.fail_ids.into_iter().map(|id| parse_group_id(&id).map_or(id, |bare| bare.to_string())).collect();
    state.faults.replace(wanted);
    Ok(show(Shared(state)).await)
}

fn check(state: &FaultState) -> Result<(), Problem> {
    state.switches.check().map_err(Problem::wrong)?;
    let whole = [
        ("error_rate", state.error_rate),
        ("malformed_rate", state.malformed_rate),
        ("truncate_rate", state.truncate_rate),
        ("drop_rate", state.drop_rate),
        ("effect_rate", state.effect_rate),
    ];
    let own = state.per_operation.values().flat_map(|own| {
        [
            ("error_rate", own.error_rate),
            ("malformed_rate", own.malformed_rate),
            ("truncate_rate", own.truncate_rate),
            ("drop_rate", own.drop_rate),
            ("effect_rate", own.effect_rate),
        ]
    });
    let own = own.filter_map(|(name, rate)| Some((name, rate?)));
    let quirks = state.quirks.values().chain(state.per_operation.values().flat_map(|own| own.quirks.values()));
    let own = own.chain(quirks.map(|rate| ("the rate of a quirk", *rate)));
    if let Some((name, rate)) = whole.into_iter().chain(own).find(|(_, rate)| !(0.0..=1.0).contains(rate)) {
        return Err(Problem::wrong(format!("{name} must be from 0 to 1, not {rate}")));
    }
    let status = state.per_operation.values().filter_map(|own| own.status).find(|status| !(200..=599).contains(status));
    status.map_or(Ok(()), |status| Err(Problem::wrong(format!("status must be from 200 to 599, not {status}"))))
}

/// The body of `PUT /_sim/key`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    api_key: String,
}

/// `PUT /_sim/key`: from now on this key is the one that is accepted.
pub(super) async fn set_key(Shared(state): Shared<Arc<State>>, body: Bytes) -> Result<Response, Problem> {
    let key: Key = read_body(&body)?;
    state.set_key(key.api_key);
    Ok(json("{}".to_owned()))
}

/// `GET /_sim/held`: how many answers of each operation wait for a release.
pub(super) async fn held(Shared(state): Shared<Arc<State>>) -> Response {
    axum::Json(state.holds.waiting()).into_response()
}

/// `POST /_sim/release`
pub(super) async fn release(Shared(state): Shared<Arc<State>>) -> Response {
    let released = state.holds.release();
    json(format!("{{\"released\":{released}}}"))
}

/// The body of `POST /_sim/churn`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    rate_per_s: Option<f64>,
    mutations: Option<u64>,
    only: Vec<Mutation>,
    activity_percent: Option<f64>,
}

/// `POST /_sim/churn`: answers when the mutations that were asked for by number are made.
pub(super) async fn churn(Shared(state): Shared<Arc<State>>, body: Bytes) -> Result<Response, Problem> {
    let wanted: Wanted = read_body(&body)?;
    if let Some(rate) = wanted.rate_per_s {
        if !(0.0..=1_000_000.0).contains(&rate) {
            return Err(Problem::wrong(format!("rate_per_s must be from 0 to a million, not {rate}")));
        }
        state.churn.set_rate(rate);
    }
    let work = tokio::task::spawn_blocking(move || {
        let made = wanted.mutations.map(|mutations| state.churn.mutate(&state, mutations, &wanted.only));
        let active = wanted.activity_percent.map(|percent| state.churn.be_active(&state, percent));
        (made.unwrap_or_default(), active.unwrap_or_default())
    });
    let (made, active) = work.await.map_err(|error| Problem::wrong(format!("the churn failed: {error}")))?;
    let applied: u64 = made.values().sum();
    Ok(json(serde_json::json!({"applied": applied, "by_kind": made, "active_accounts": active}).to_string()))
}
