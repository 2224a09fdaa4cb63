//! The control API under `/_sim`, which the simulated service doesn't have.

mod account_patch;
mod accounts;
mod faults;
mod groups;
mod truth;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::de::DeserializeOwned;

use crate::audit::Origin;
use crate::org::Org;
use crate::state::State;

/// Every control call.
pub(crate) fn router() -> Router<Arc<State>> {
    Router::new()
        .route("/truth/accounts", get(truth::accounts))
        .route("/truth/groups", get(truth::groups))
        .route("/truth/grants", get(truth::grants))
        .route("/truth/roles", get(truth::roles))
        .route("/digest", get(truth::digest))
        .route("/first", get(truth::first))
        .route("/calls", get(faults::calls).delete(faults::forget_calls))
        .route("/faults", get(faults::show).put(faults::replace))
        .route("/switches", get(writes::switches).put(writes::set_switches))
        .route("/rate-limit", put(writes::set_rate_limit))
        .route("/capacity", put(writes::set_capacity))
        .route("/writes", get(writes::show).delete(writes::forget))
        .route("/key", put(faults::set_key))
        .route("/held", get(faults::held))
        .route("/release", post(faults::release))
        .route("/churn", post(faults::churn))
        .route("/accounts/{id}", post(accounts::put).delete(accounts::delete))
        .route("/accounts/{id}/product-access", post(accounts::give_access).delete(accounts::take_access))
        .route("/groups/{id}", post(groups::put).delete(groups::delete))
        .route("/groups/{id}/members/{account}", post(groups::add_member).delete(groups::remove_member))
        .route("/groups/{id}/grants", post(groups::grant).delete(groups::revoke))
        .fallback(async || Problem::missing("there is no such control call"))
}

/// Why a control call did nothing.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    error: String,
}

impl Problem {
    fn wrong(error: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: error.into() }
    }

    fn missing(error: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, error: error.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, axum::Json(serde_json::json!({"error": self.error}))).into_response()
    }
}

/// A body of JSON; the error names the field that is unknown or wrong.
fn read_body<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Problem::wrong(error.to_string()))
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Makes one exact change now, or after the delay that the faults ask for; then the answer comes first and is 202.
fn apply(
    state: Arc<State>,
    change: impl FnOnce(&mut Org) -> Result<String, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let delay_ms = state.faults.state().apply_delay_ms;
    if delay_ms == 0 {
        return state.change(Origin::Control, change).map(json);
    }
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        if let Err(problem) = state.change(Origin::Control, change) {
            tracing::warn!(error = problem.error, "a delayed change could not be made");
        }
    });
    Ok((StatusCode::ACCEPTED, axum::Json(serde_json::json!({"applies_in_ms": delay_ms}))).into_response())
}
