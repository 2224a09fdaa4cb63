//! The simulated API: one way for every call, from the key to the last byte.
//!
//! A call is counted, then met by what is wrong with the service as a whole (down, key, limit), then by its own fate, and only then
//! computed. What it touches can still refuse it; a computed answer can still be held, spoilt or lost.

mod cursor;
mod directories;
mod domains;
mod events;
mod filter;
mod group_filter;
mod group_roles;
mod groups;
mod input;
mod last_active;
mod links;
mod managed_accounts;
mod management;
mod odd_rows;
mod orgs;
mod paging;
mod policies;
mod refusal;
mod request;
mod response;
mod route;
mod spoil;
mod user_filter;
mod user_roles;
mod users;
mod workspaces;
mod write;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body as Incoming, BodyDataStream, Bytes};
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use futures::StreamExt;

use crate::connection::Cut;
use crate::faults::{Down, DownKind, FaultState, KeyState, Outcome, Quirk};
use crate::operation::Operation;
use crate::org::Org;
use crate::rate_limit::Grant;
use crate::state::State;
use crate::switches::{ForeignOrg, Leniency, Verdict};
use refusal::Refusal;
use request::{Body, Request};
use response::{Answer, Reply};

/// The largest body that is read; the rest of a larger one is thrown away. The real bound is unknown.
const LARGEST_BODY: usize = 1024 * 1024;

/// What a handler works with.
struct Context<'a> {
    state: &'a State,
    org: &'a Org,
    request: &'a Request,
    faults: &'a FaultState,
    seed: u64,
    now_ms: i64,
}

impl Context<'_> {
    /// Refuses the call if this account or group is one whose calls must fail.
    fn touch(&self, id: &str) -> Result<(), Refusal> {
        touch(self.faults, id)
    }
}

fn touch(faults: &FaultState, id: &str) -> Result<(), Refusal> {
    if faults.fail_ids.contains(id) { Err(Refusal::broken_by(id)) } else { Ok(()) }
}

/// Answers any call that is not for the control API.
pub(crate) async fn serve(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Incoming,
) -> Response {
    let body = read(body.into_data_stream()).await;
    let request = Request::parse(&method, &uri, &headers, body);
    let mut in_flight = state.calls.begin(request.operation);
    let mut faults = state.faults.state();
    let fate = state.faults.fate(request.operation);
    let down = match faults.down {
        Down::Flag(false) => None,
        Down::Flag(true) | Down::Kind(DownKind::Unavailable) => Some(Outcome::Status(503)),
        Down::Kind(DownKind::Drop) => Some(Outcome::Dropped),
    };
    let outcome = down.unwrap_or(fate.outcome);
    let is_write = request.operation.is_write();
    let mut limit = None;
    let mut write = None;
    let admitted = match admit(&state, &faults, &request, &headers, down.is_some(), &mut limit) {
        Ok(()) => {
            sleep(fate.latency).await;
            Ok(())
        }
        refused => refused,
    };
    // A write whose caller gets no good answer may have taken effect nevertheless, but a service that is down does nothing.
    let begun = match outcome {
        Outcome::Status(400..500) | Outcome::Quirk(Quirk::RateLimited) => false,
        Outcome::Status(_) | Outcome::Dropped => is_write && down.is_none() && fate.takes_effect,
        Outcome::Answered | Outcome::Malformed | Outcome::Truncated | Outcome::Quirk(_) => true,
    };
    let computed = match admitted {
        Err(refusal) => Err(refusal),
        Ok(()) if is_write && begun => {
            let (result, number) = write::perform(&state, &faults, &request);
            write = Some(number);
            result
        }
        Ok(()) if begun => compute(&state, &faults, &request).map(Reply::ok),
        Ok(()) => Ok(Reply::default()),
    };
    let refused_before = computed.is_err() && write.is_none();
    if is_write && write.is_none() {
        write = Some(write::not_begun(&state, &request));
    }
    if fate.held {
        state.holds.wait(request.operation).await;
    }
    let answered = |ending: &str| {
        if let Some(number) = write {
            state.writes.answered(number, ending);
        }
    };
    let computed = match outcome {
        Outcome::Dropped if !refused_before => {
            in_flight.ends_as("dropped".to_owned(), 0);
            answered("dropped");
            cut.cut();
            return Response::default();
        }
        Outcome::Status(status) if !refused_before => Err(Refusal::fault(status, request.operation)),
        Outcome::Quirk(Quirk::RateLimited) if !refused_before => {
            limit = Some(Grant::OUT_OF_THE_BLUE);
            let switches = &mut Arc::make_mut(&mut faults).switches;
            (switches.rate_limit_headers, switches.rate_limit_body) = (fate.form.headers, fate.form.body);
            Err(Refusal::rate_limited())
        }
        _ => computed,
    };
    let answer = Answer::new(computed, &request, &faults, limit);
    let ending = answer.status.to_string();
    answered(&ending);
    in_flight.ends_as(ending, answer.body.len());
    answer.send(outcome, Duration::from_millis(faults.slow_body_ms), fate.draw)
}

/// Reads a body to its end, so that its caller can hear the answer.
async fn read(mut body: BodyDataStream) -> Body {
    let mut whole = Vec::new();
    let mut too_large = false;
    // A body that ends in an error has no caller any more.
    while let Some(Ok(piece)) = body.next().await {
        too_large = too_large || whole.len() + piece.len() > LARGEST_BODY;
        if !too_large {
            whole.extend_from_slice(&piece);
        }
    }
    if too_large { Body::TooLarge } else { Body::Whole(Bytes::from(whole)) }
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
    *limit = state.rate_limits.ask(request.operation, faults, Instant::now());
    if limit.is_some_and(|limit| !limit.granted) {
        return Err(Refusal::rate_limited());
    }
    if let Some(refusal) = request.refused_as() {
        return Err(refusal);
    }
    if request.org_id.as_ref().is_some_and(|org_id| *org_id != state.config.org_id) {
        return Err(match faults.switches.foreign_org {
            ForeignOrg::NotFound => Refusal::no_route("TCS validation failed"),
            ForeignOrg::BadRequest => Refusal::bad_cursor("The organization id is invalid."),
            ForeignOrg::Forbidden => Refusal::no_organisation(),
        });
    }
    let is_gone = faults.switches.deprecated_lists == Leniency::Reject;
    if is_gone && matches!(request.operation, Operation::Users | Operation::Groups) {
        return Err(Refusal::no_route("No message available"));
    }
    let lacks_all = faults.key_state == KeyState::NoScope && request.operation != Operation::Orgs;
    if lacks_all || lacks_scope(request.operation, faults) {
        return Err(Refusal::no_scope());
    }
    Ok(())
}

/// Whether a key with scopes may not do this (section 1 of the reference).
fn lacks_scope(operation: Operation, faults: &FaultState) -> bool {
    let switches = &faults.switches;
    if !switches.scoped_key || operation == Operation::Orgs {
        return false;
    }
    if operation.is_lifecycle() {
        return true;
    }
    if operation == Operation::LastActiveDates {
        return switches.scoped_last_active == Verdict::Reject;
    }
    match (operation.scope(), &switches.key_scopes) {
        (Some(scope), Some(scopes)) => !scopes.iter().any(|own| own == scope),
        (Some(_), None) => false,
        (None, _) => switches.undocumented_scope == Leniency::Reject,
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

async fn sleep(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}

fn compute(state: &State, faults: &FaultState, request: &Request) -> Result<String, Refusal> {
    let now_ms = chrono::Utc::now().timestamp_millis();
    state.read(|org| answer(&Context { state, org, request, faults, seed: state.config.seed, now_ms }))
}

fn answer(context: &Context<'_>) -> Result<String, Refusal> {
    match context.request.operation {
        Operation::Orgs => orgs::list(context),
        Operation::OrgById => Ok(orgs::one(context)),
        Operation::ManagedAccounts => managed_accounts::list(context),
        Operation::Domains => domains::list(context),
        Operation::Domain => domains::one(context),
        Operation::Policies => policies::list(context),
        Operation::Policy => policies::one(context),
        Operation::Events => events::search(context),
        Operation::EventsStream => events::stream(context),
        Operation::Event => events::one(context),
        Operation::EventActions => Ok(events::actions()),
        Operation::LastActiveDates => last_active::dates(context),
        Operation::Directories => directories::list(context),
        Operation::Workspaces => workspaces::search(context),
        Operation::Users => users::list(context),
        Operation::UsersSearch => users::search(context),
        Operation::UsersCount => users::count(context),
        Operation::UsersStats => users::stats(context),
        Operation::User => users::one(context),
        Operation::UserRoles => user_roles::list(context),
        Operation::Groups => groups::list(context),
        Operation::GroupsSearch => groups::search(context),
        Operation::GroupsCount => groups::count(context),
        Operation::GroupsStats => groups::stats(context),
        Operation::Group => groups::one(context),
        Operation::GroupRoles => group_roles::list(context),
        Operation::ManagePermissions => management::permissions(context),
        Operation::ManagedProfile => management::profile(context),
        // Writes go another way, and what has no operation was refused before.
        _ => Err(Refusal::no_route("No message available")),
    }
}
