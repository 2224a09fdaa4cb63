//! The simulated API: one way for every call, from the key to the last byte.
//!
//! A call is counted, then met by what is wrong with the service as a whole (down, key, limit), then by its own fate, and only then
//! computed. What it touches can still refuse it; a computed answer can still be held, spoilt or lost.

mod cursor;
mod directories;
mod filter;
mod group_filter;
mod group_roles;
mod groups;
mod input;
mod orgs;
mod paging;
mod refusal;
mod request;
mod response;
mod user_filter;
mod user_roles;
mod users;
mod workspaces;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;

use crate::connection::Cut;
use crate::faults::{Down, DownKind, Fate, FaultState, KeyState, Outcome};
use crate::operation::Operation;
use crate::org::Org;
use crate::rate_limit::Grant;
use crate::state::State;
use refusal::Refusal;
use request::Request;

/// What a handler works with.
struct Context<'a> {
    org: &'a Org,
    request: &'a Request,
    faults: &'a FaultState,
    now_ms: i64,
}

impl Context<'_> {
    /// Refuses the call if this account or group is one whose calls must fail.
    fn touch(&self, id: &str) -> Result<(), Refusal> {
        if self.faults.fail_ids.contains(id) { Err(Refusal::broken_by(id)) } else { Ok(()) }
    }
}

/// Answers any call that is not for the control API.
pub(crate) async fn serve(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request::parse(&method, &uri, body);
    let mut in_flight = state.calls.begin(request.operation);
    let faults = state.faults.state();
    let fate = state.faults.fate(request.operation);
    let down = match faults.down {
        Down::Flag(false) => None,
        Down::Flag(true) | Down::Kind(DownKind::Unavailable) => Some(Outcome::Status(503)),
        Down::Kind(DownKind::Drop) => Some(Outcome::Dropped),
    };
    let mut limit = None;
    let computed = match admit(&state, &faults, &request, &headers, down.is_some(), &mut limit) {
        Err(refusal) => Err(refusal),
        Ok(()) => {
            sleep(fate).await;
            match down.unwrap_or(fate.outcome) {
                Outcome::Status(status) => Err(Refusal::fault(status)),
                Outcome::Dropped => Ok(String::new()),
                Outcome::Answered | Outcome::Malformed | Outcome::Truncated => compute(&state, &faults, &request),
            }
        }
    };
    if fate.held {
        state.holds.wait(request.operation).await;
    }
    let outcome = down.unwrap_or(fate.outcome);
    if outcome == Outcome::Dropped && computed.is_ok() {
        in_flight.ends_as("dropped".to_owned(), 0);
        cut.cut();
        return Response::default();
    }
    let answer = response::Answer::new(computed, &request, &faults, limit);
    in_flight.ends_as(answer.status.to_string(), answer.body.len());
    answer.send(outcome)
}

/// The checks that come before the operation. A service that is down doesn't get to them.
fn admit(
    state: &State,
    faults: &FaultState,
    request: &Request,
    headers: &HeaderMap,
    down: bool,
    limit: &mut Option<Grant>,
) -> Result<(), Refusal> {
    if down {
        return Ok(());
    }
    let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let dead = matches!(faults.key_state, KeyState::Expired | KeyState::Revoked);
    if dead || !key.is_some_and(|key| state.accepts_key(key)) {
        return Err(Refusal::unauthenticated());
    }
    *limit = state.rate_limit.ask(faults.rate_limit_per_minute, faults.rate_limit_burst, Instant::now());
    if limit.is_some_and(|limit| !limit.granted) {
        return Err(Refusal::rate_limited());
    }
    if let Some(refusal) = request.refused_as() {
        return Err(refusal);
    }
    if request.org_id.as_ref().is_some_and(|org_id| *org_id != state.config.org_id) {
        return Err(Refusal::no_route("TCS validation failed"));
    }
    if faults.key_state == KeyState::NoScope && request.operation != Operation::Orgs {
        return Err(Refusal::no_scope());
    }
    Ok(())
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

async fn sleep(fate: Fate) {
    if !fate.latency.is_zero() {
        tokio::time::sleep(fate.latency).await;
    }
}

fn compute(state: &State, faults: &FaultState, request: &Request) -> Result<String, Refusal> {
    let org = state.org();
    let context = Context { org: &org, request, faults, now_ms: chrono::Utc::now().timestamp_millis() };
    match request.operation {
        Operation::Orgs => Ok(orgs::list(&context)),
        Operation::OrgById => Ok(orgs::one(&context)),
        Operation::Directories => directories::list(&context),
        Operation::Workspaces => workspaces::search(&context),
        Operation::UsersSearch => users::search(&context),
        Operation::UsersCount => users::count(&context),
        Operation::UsersStats => users::stats(&context),
        Operation::User => users::one(&context),
        Operation::UserRoles => user_roles::list(&context),
        Operation::GroupsSearch => groups::search(&context),
        Operation::GroupsCount => groups::count(&context),
        Operation::GroupsStats => groups::stats(&context),
        Operation::Group => groups::one(&context),
        Operation::GroupRoles => group_roles::list(&context),
        Operation::Unknown => Err(Refusal::no_route("No message available")),
    }
}
