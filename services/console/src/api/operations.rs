//! Bulk operations: what one would do, asking for it, and what a person does with it.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::action::Action;
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::{AccountId, OperationId};
use orgmirror_domain::operation::{NoApproval, OperationState};
use orgmirror_store::StoreError;
use orgmirror_store::operation::preview::Preview;
use orgmirror_store::operation::request::Wanted;
use orgmirror_store::operation::view::{ItemView, OperationView};
use orgmirror_store::run::Moved;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::idempotency::Started;
use crate::export::{self, FileFormat};
use crate::problem::{ApiProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::{Console, filter};

/// Operations of a list, unless asked otherwise, and at most.
const LIST: i64 = 20;
const LONGEST_LIST: i64 = 200;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/operations", Need::whole(Role::Viewer), list)
        .post("/api/v1/operations", Need::whole(Role::Operator), request)
        .post("/api/v1/operations/preview", Need::whole(Role::Operator), preview)
        .get("/api/v1/operations/{id}", Need::whole(Role::Viewer), one)
        .get("/api/v1/operations/{id}/items", Need::whole(Role::Viewer), items)
        .post("/api/v1/operations/{id}/approve", Need::whole(Role::Operator), approve)
        .post("/api/v1/operations/{id}/cancel", Need::whole(Role::Operator), cancel)
        .post("/api/v1/operations/{id}/retry", Need::whole(Role::Operator), retry)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Listed {
    /// How many, 20 unless said, 200 at most.
    limit: Option<i64>,
}

/// Operations, newest first.
#[utoipa::path(get, path = "/api/v1/operations", tag = "operations", params(Listed), responses((status = 200, body = Vec<OperationView>)))]
pub(super) async fn list(
    State(console): State<Console>,
    Query(asked): Query<Listed>,
) -> Result<Json<Vec<OperationView>>, ApiProblem> {
    let limit = asked.limit.unwrap_or(LIST).clamp(1, LONGEST_LIST);
    Ok(Json(console.store().operations(console.org(), None, limit).await?))
}

/// What to do, and to whom: by accounts or by a filter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// As `{"type":"add_to_group","group":"<uuid>"}`; the types are those of `orgmirror bulk`, with `_`.
    #[schema(value_type = Object)]
    action: Action,
    /// These accounts, by id.
    accounts: Option<Vec<String>>,
    /// Whoever matches this filter, or `@NAME` of a saved one, in the mirror as it is now.
    filter: Option<String>,
}

/// Shows what an operation would do if what the mirror knows is still true. Changes nothing.
#[utoipa::path(post, path = "/api/v1/operations/preview", tag = "operations", request_body = Order, responses((status = 200, body = Preview)))]
pub(super) async fn preview(
    State(console): State<Console>,
    visitor: Visitor,
    Json(order): Json<Order>,
) -> Result<Json<Preview>, ApiProblem> {
    let (accounts, _) = accounts(&console, &visitor, &order).await?;
    let limits = &console.settings().limits;
    Ok(Json(console.store().preview_operation(console.org(), &order.action, &accounts, limits).await?))
}

/// What was asked for.
#[derive(Serialize, ToSchema)]
pub(super) struct Asked {
    id: Uuid,
    /// Running, or waiting for a second person's approval.
    state: OperationState,
    /// The list's revision, which an approval names.
    revision: i32,
}

/// Asks for an operation. Nothing is changed before each account was read anew.
#[utoipa::path(post, path = "/api/v1/operations", tag = "operations", request_body = Order, responses((status = 202, body = Asked)))]
pub(super) async fn request(
    State(console): State<Console>,
    visitor: Visitor,
    Started(id): Started,
    Json(order): Json<Order>,
) -> Result<(StatusCode, Json<Asked>), ApiProblem> {
    let (accounts, filter) = accounts(&console, &visitor, &order).await?;
    let wanted = Wanted { id: OperationId(id), action: order.action, accounts, requested_by: visitor.name, filter };
    let asked = console.store().request_operation(console.org(), &wanted, &console.settings().limits).await?;
    Ok((StatusCode::ACCEPTED, Json(Asked { id, state: asked.state, revision: asked.revision })))
}

async fn accounts(console: &Console, visitor: &Visitor, order: &Order) -> Result<(Vec<AccountId>, Option<Filter>), Problem> {
    let typed = match (&order.accounts, &order.filter) {
        (Some(ids), None) if !ids.is_empty() => return Ok((ids.iter().map(|id| AccountId::from(id.as_str())).collect(), None)),
        (None, Some(typed)) => typed,
        _ => return Err(Problem::unreadable("name accounts, one or more, or a filter, and not both")),
    };
    let (filter, selection) = filter::select(console, visitor, typed).await?;
    let limit = console.settings().limits.max_items;
    let ids: Vec<AccountId> = console.store().chosen(&selection, limit + 1).await?.into_iter().map(|(_, id)| id).collect();
    match ids.len() {
        0 => Err(Problem::unfit("nobody in the mirror matches the filter")),
        matching if matching > limit => Err(StoreError::TooLarge { accounts: matching, limit }.into()),
        _ => Ok((ids, Some(filter))),
    }
}

/// One operation.
#[utoipa::path(get, path = "/api/v1/operations/{id}", tag = "operations", params(("id" = Uuid, Path, description = "The operation's id")), responses((status = 200, body = OperationView)))]
pub(super) async fn one(State(console): State<Console>, Path(id): Path<Uuid>) -> Result<Json<OperationView>, ApiProblem> {
    Ok(Json(find(&console, id).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ItemsAsked {
    /// A file; one JSON document without this.
    format: Option<FileFormat>,
}

/// What came of each account.
#[utoipa::path(get, path = "/api/v1/operations/{id}/items", tag = "operations", params(("id" = Uuid, Path, description = "The operation's id"), ItemsAsked), responses((status = 200, body = Vec<ItemView>)))]
pub(super) async fn items(
    State(console): State<Console>,
    Path(id): Path<Uuid>,
    Query(asked): Query<ItemsAsked>,
) -> Result<Response, ApiProblem> {
    let operation = find(&console, id).await?;
    // An operation's size is limited, so its items fit into memory.
    let items = console.store().operation_items(operation.operation).await?;
    match asked.format {
        None => Ok(Json(items).into_response()),
        Some(format) => {
            let page = Box::pin(futures::stream::once(async { Ok(items) }));
            Ok(export::file(&format!("operation-{id}"), format, page).await?)
        }
    }
}

/// Which list is agreed to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// `revision` of the operation that was looked at.
    revision: i32,
}

/// Agrees to an operation, as a second person.
#[utoipa::path(post, path = "/api/v1/operations/{id}/approve", tag = "operations", params(("id" = Uuid, Path, description = "The operation's id")), request_body = Approval, responses((status = 200, body = OperationView), (status = 409, description = "It waits for no approval, has another list, or the same person asked for it")))]
pub(super) async fn approve(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
    Json(approval): Json<Approval>,
) -> Result<Json<OperationView>, ApiProblem> {
    let operation = find(&console, id).await?;
    let refused = match console.store().approve_operation(operation.operation, &visitor.name, approval.revision).await? {
        Ok(()) => return Ok(Json(find(&console, id).await?)),
        Err(NoApproval::SamePerson) => format!("{} asked for it; somebody else has to approve", operation.requested_by),
        Err(NoApproval::OtherList) => format!("the list has revision {}; look at it, then approve that", operation.revision),
        Err(NoApproval::NotAwaited) => format!("the operation is {}; it waits for no approval", operation.state),
    };
    Err(Problem::conflict(refused).into())
}

/// Stops an operation: what has not begun is not done.
#[utoipa::path(post, path = "/api/v1/operations/{id}/cancel", tag = "operations", params(("id" = Uuid, Path, description = "The operation's id")), responses((status = 200, body = OperationView), (status = 409, description = "It has ended")))]
pub(super) async fn cancel(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
) -> Result<Json<OperationView>, ApiProblem> {
    let operation = find(&console, id).await?;
    match console.store().cancel_operation(operation.operation, &visitor.actor()).await? {
        Moved::Yes => Ok(Json(find(&console, id).await?)),
        Moved::TooLate => {
            Err(Problem::conflict(format!("the operation is {}; there is nothing left to cancel", operation.state)).into())
        }
    }
}

/// Tries again what failed.
#[utoipa::path(post, path = "/api/v1/operations/{id}/retry", tag = "operations", params(("id" = Uuid, Path, description = "The operation's id")), responses((status = 200, body = OperationView), (status = 409, description = "Nothing failed")))]
pub(super) async fn retry(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<Uuid>,
) -> Result<Json<OperationView>, ApiProblem> {
    let operation = find(&console, id).await?;
    match console.store().retry_operation(operation.operation, &visitor.actor()).await? {
        0 => Err(Problem::conflict("nothing of the operation failed, so there is nothing to try again").into()),
        _ => Ok(Json(find(&console, id).await?)),
    }
}

async fn find(console: &Console, id: Uuid) -> Result<OperationView, Problem> {
    let key = console.store().operation_key(console.org(), OperationId(id)).await?;
    let found = console.store().operations(console.org(), Some(key), 1).await?.into_iter().next();
    found.ok_or_else(|| Problem::not_found(format!("there is no operation {id}")))
}
