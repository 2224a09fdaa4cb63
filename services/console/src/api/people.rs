//! People who may use the console.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use orgmirror_domain::access::{Need, Rights, Role};
use orgmirror_store::console::person::Person;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::ApiProblem;
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::{Console, people};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/people", Need::whole(Role::Admin), list)
        .post("/api/v1/people", Need::whole(Role::Admin), add)
        .put("/api/v1/people/{name}", Need::whole(Role::Admin), change)
        .post("/api/v1/people/{name}/link", Need::whole(Role::Admin), link)
}

/// Everybody, by name.
#[utoipa::path(get, path = "/api/v1/people", tag = "people", responses((status = 200, body = Vec<Person>)))]
pub(super) async fn list(State(console): State<Console>) -> Result<Json<Vec<Person>>, ApiProblem> {
    Ok(Json(console.store().people(console.org()).await?))
}

/// What a person may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Allowed {
    role: Role,
    /// Only on these sites, by id; all without this.
    site_ids: Option<Vec<String>>,
    /// Whether they may sign in.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Added {
    /// As they sign in.
    name: String,
    role: Role,
    /// Only on these sites, by id; all without this.
    site_ids: Option<Vec<String>>,
}

/// A link by which a person chooses a password, once. It is shown this time and never again.
#[derive(Serialize, ToSchema)]
pub(super) struct Link {
    link: String,
}

/// Adds a person, and answers the link to hand to them.
#[utoipa::path(post, path = "/api/v1/people", tag = "people", request_body = Added, responses((status = 201, body = Link), (status = 409, description = "The name is taken")))]
pub(super) async fn add(
    State(console): State<Console>,
    visitor: Visitor,
    Json(added): Json<Added>,
) -> Result<(StatusCode, Json<Link>), ApiProblem> {
    let rights = Rights { role: added.role, sites: added.site_ids.into() };
    Ok((StatusCode::CREATED, Json(Link { link: people::add(&console, &added.name, &rights, &visitor.actor()).await? })))
}

/// Changes what a person may do.
#[utoipa::path(put, path = "/api/v1/people/{name}", tag = "people", params(("name" = String, Path, description = "Their name")), request_body = Allowed, responses((status = 204, description = "Changed"), (status = 409, description = "Nobody could administer the console after it")))]
pub(super) async fn change(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
    Json(allowed): Json<Allowed>,
) -> Result<StatusCode, ApiProblem> {
    let rights = Rights { role: allowed.role, sites: allowed.site_ids.into() };
    console.store().set_rights(console.org(), &name, &rights, allowed.enabled, &visitor.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link by which a person chooses another password.
#[utoipa::path(post, path = "/api/v1/people/{name}/link", tag = "people", params(("name" = String, Path, description = "Their name")), responses((status = 201, body = Link)))]
pub(super) async fn link(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<Link>), ApiProblem> {
    Ok((StatusCode::CREATED, Json(Link { link: people::link(&console, &name, &visitor.actor()).await? })))
}
