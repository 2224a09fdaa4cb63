//! Calls that change the organisation.
//!
//! Each is decided and done under one lock: it is refused as a whole, or its effect is whole. What it changed is read from the journal.

mod accounts;
mod directory_users;
mod group_roles;
mod groups;
mod invite;
mod memberships;
mod user_roles;

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::input::body_object;
use super::refusal::Refusal;
use super::request::{Body, Request};
use super::response::Reply;
use crate::audit::Origin;
use crate::catalog::seeded_uuid;
use crate::faults::FaultState;
use crate::group::{Group, parse_group_id};
use crate::operation::Operation;
use crate::org::Org;
use crate::role::Role;
use crate::state::State;
use crate::switches::{Lag, Verdict};
use crate::writes::{Target, Write};

/// What a write works with.
struct Writing<'a> {
    org: &'a mut Org,
    request: &'a Request,
    faults: &'a FaultState,
    seed: u64,
    now_ms: i64,
}

/// Does a write, and gives the number under which it is recorded.
pub(super) fn perform(state: &State, faults: &FaultState, request: &Request) -> (Result<Reply, Refusal>, u64) {
    let lag = lag_of(request.operation, &faults.switches.lag);
    state.change_later(Origin::Api, lag, |org| {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let result = dispatch(&mut Writing { org, request, faults, seed: state.config.seed, now_ms });
        let status = match &result {
            Ok(reply) => reply.status,
            Err(refusal) => refusal.status,
        };
        let changed = !org.journal.is_empty();
        (result, state.writes.record(Write { status: Some(status), changed, ..recorded(request) }))
    })
}

/// Records a write that was refused or lost before it was begun.
pub(super) fn not_begun(state: &State, request: &Request) -> u64 {
    state.writes.record(recorded(request))
}

fn recorded(request: &Request) -> Write {
    let body = match &request.body {
        Body::Whole(body) => String::from_utf8_lossy(body).into_owned(),
        Body::TooLarge => "(too large)".to_owned(),
    };
    let id = (!request.id.is_empty()).then(|| request.id.clone());
    let of_group = request.path.contains("/groups/");
    let named = body_object(request).ok().and_then(|body| Some(body.get("accountId")?.as_str()?.to_owned()));
    let member = Some(request.member_id.clone()).filter(|id| !id.is_empty()).or(named);
    let target = Target {
        path: request.path.clone(),
        directory_id: request.directory_id.clone(),
        account_id: if of_group { member } else { id.clone() },
        group_id: id.filter(|_| of_group),
    };
    Write {
        sequence: 0,
        at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        operation: request.operation,
        target,
        body,
        status: None,
        changed: false,
        answered: "abandoned".to_owned(),
    }
}

fn dispatch(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    for id in [&writing.request.id, &writing.request.member_id] {
        super::touch(writing.faults, &parse_group_id(id).map_or_else(|| id.clone(), |bare| bare.to_string()))?;
    }
    match writing.request.operation {
        Operation::CreateGroup => groups::create(writing),
        Operation::DeleteGroup => groups::delete(writing),
        Operation::AddMember => memberships::add(writing),
        Operation::RemoveMember => memberships::remove(writing),
        Operation::AssignGroupRole => group_roles::assign(writing),
        Operation::RevokeGroupRole => group_roles::revoke(writing),
        Operation::SuspendUser => directory_users::set_suspended(writing, true),
        Operation::RestoreUser => directory_users::set_suspended(writing, false),
        Operation::RemoveUser => directory_users::remove(writing),
        Operation::AssignUserRole => user_roles::change(writing, user_roles::Wanted::Assigned),
        Operation::RevokeUserRole => user_roles::change(writing, user_roles::Wanted::Revoked),
        Operation::AssignOrgRole => user_roles::change_org_role(writing, user_roles::Wanted::Assigned),
        Operation::RevokeOrgRole => user_roles::change_org_role(writing, user_roles::Wanted::Revoked),
        Operation::Invite => invite::invite(writing),
        Operation::DisableAccount => accounts::disable(writing),
        Operation::EnableAccount => accounts::enable(writing),
        Operation::DeleteAccount => accounts::delete(writing),
        Operation::CancelDeletion => accounts::cancel_deletion(writing),
        _ => Err(Refusal::no_route("No message available")),
    }
}

fn lag_of(operation: Operation, lag: &Lag) -> Duration {
    Duration::from_millis(match operation {
        Operation::CreateGroup | Operation::DeleteGroup => lag.group_ms,
        Operation::AddMember | Operation::RemoveMember => lag.membership_ms,
        Operation::AssignGroupRole | Operation::RevokeGroupRole => lag.role_ms,
        Operation::AssignUserRole | Operation::RevokeUserRole => lag.role_ms,
        Operation::AssignOrgRole | Operation::RevokeOrgRole => lag.org_role_ms,
        Operation::SuspendUser | Operation::RestoreUser => lag.suspend_ms,
        Operation::RemoveUser => lag.removal_ms,
        Operation::Invite => lag.invite_ms,
        _ => lag.lifecycle_ms,
    })
}

impl Writing<'_> {
    /// The directory of the path; `None` is `-`, where that is accepted.
    fn directory(&self) -> Result<Option<u8>, Refusal> {
        match &self.request.directory_id {
            Some(id) => self.org.catalog.directory_by_id(id).map(Some).ok_or_else(|| Refusal::no_directory(id)),
            None if self.faults.switches.dash_in_writes == Verdict::Accept => Ok(None),
            None => Err(Refusal::management(400, "ADMIN-400-4", "A write must name its directory.")),
        }
    }

    /// The group of the path, if it is in the directory of the path.
    fn group(&self) -> Result<(u32, &Group), Refusal> {
        let id = &self.request.id;
        let directory = self.directory()?;
        let found = parse_group_id(id).and_then(|id| self.org.group_slot(id));
        let found = found.and_then(|slot| Some((slot, self.org.groups.get(slot)?)));
        found
            .filter(|(_, group)| directory.is_none_or(|directory| group.directory == directory))
            .ok_or_else(|| Refusal::no_group(id))
    }

    fn body(&self) -> Result<Map<String, Value>, Refusal> {
        body_object(self.request)
    }

    /// A UUID for something that is created, decided by the seed and by how many were before.
    fn next_id(&mut self, what: &str) -> Uuid {
        self.org.created += 1;
        seeded_uuid(self.seed, &format!("{what} {}", self.org.created))
    }
}

/// A text that the body must have.
fn required<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let text = body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| Refusal::bad_input(format!("Invalid request body: {name} must be a text.")))
}

/// The resource with this ARI, in the words in which a wrong one was seen to be refused.
fn resource(org: &Org, id: &str) -> Result<u16, Refusal> {
    if !id.starts_with("ari:cloud:") {
        return Err(Refusal::management(400, "ADMIN-UAM-400-1", "Invalid request body"));
    }
    org.catalog.resource_by_id(id).ok_or_else(|| Refusal::management(404, "ADMIN-UAM-404-1", "Unknown Resource"))
}

/// A role that can be given on this resource.
fn role_on(org: &Org, resource: u16, id: &str) -> Result<Role, Refusal> {
    let wrong = |detail: String| Refusal::management(400, "ADMIN-UAM-400-3", detail);
    let role = Role::parse(id).ok_or_else(|| wrong(format!("There is no role {id}.")))?;
    let owner = org.catalog.resources[usize::from(resource)].owner;
    let fits = match role {
        Role::Customer | Role::Stakeholder => owner == "jira-servicedesk",
        Role::Contributor => owner == "jira-product-discovery",
        Role::OrgAdmin | Role::SiteAdmin | Role::AiAccess => false,
        _ => true,
    };
    if fits { Ok(role) } else { Err(wrong(format!("The role {id} is not valid for {owner}."))) }
}

fn licence_limit() -> Refusal {
    Refusal::management(409, "ADMIN-UAM-409-3", "Product License Limit Exceeded")
}
