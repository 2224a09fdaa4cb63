//! Tokens by which programs use this API.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use orgmirror_domain::access::{Need, Rights, Role};
use orgmirror_store::console::token::Token;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{ApiProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::{Console, people};

/// Days that a token works at most: a year and a day.
const LONGEST_DAYS: u32 = 366;
const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/tokens", Need::whole(Role::Admin), list).post("/api/v1/tokens", Need::whole(Role::Admin), make).delete(
        "/api/v1/tokens/{id}",
        Need::whole(Role::Admin),
        revoke,
    )
}

/// All that work, newest first.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", responses((status = 200, body = Vec<Token>)))]
pub(super) async fn list(State(console): State<Console>) -> Result<Json<Vec<Token>>, ApiProblem> {
    Ok(Json(console.store().tokens(console.org()).await?))
}

/// A token to be made. It never may more than whoever makes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// What it is for.
    name: String,
    role: Role,
    /// Only on these sites, by id; all without this.
    site_ids: Option<Vec<String>>,
    /// How many days it works, 366 at most.
    days: u32,
}

/// A token, shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    id: i32,
    /// To be sent as `Authorization: Bearer TOKEN`.
    token: String,
}

/// Makes a token.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = Wanted, responses((status = 201, body = Made)))]
pub(super) async fn make(
    State(console): State<Console>,
    visitor: Visitor,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let rights = Rights { role: wanted.role, sites: wanted.site_ids.into() }.bounded_by(&visitor.rights);
    let life = life(wanted.days)?;
    let (id, secret) = people::new_token(&console, &wanted.name, visitor.person, &rights, life, &visitor.actor()).await?;
    Ok((StatusCode::CREATED, Json(Made { id, token: secret.reveal().to_owned() })))
}

/// How long a token of so many days works.
pub(crate) fn life(days: u32) -> Result<Duration, Problem> {
    if (1..=LONGEST_DAYS).contains(&days) {
        Ok(Duration::from_secs(u64::from(days) * SECONDS_OF_A_DAY))
    } else {
        Err(Problem::unfit(format!("a token works between 1 and {LONGEST_DAYS} days")))
    }
}

/// Refuses a token from now on.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = i32, Path, description = "Its number")), responses((status = 204, description = "Refused from now on")))]
pub(super) async fn revoke(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i32>,
) -> Result<StatusCode, ApiProblem> {
    console.store().revoke_token(console.org(), id, &visitor.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
