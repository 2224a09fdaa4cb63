//! Filters under names, and how one is understood.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::filter::{Expression, Filter};
use orgmirror_domain::name::{Name, NoName};
use orgmirror_store::filter::Caveat;
use orgmirror_store::filter::saved::SavedFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::{ApiProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::{Console, filter};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/filters", Need::by_site(Role::Viewer), list)
        .get("/api/v1/filters/explain", Need::by_site(Role::Viewer), explain)
        .put("/api/v1/filters/{name}", Need::whole(Role::Operator), save)
        .delete("/api/v1/filters/{name}", Need::whole(Role::Operator), delete)
}

/// All that are saved.
#[utoipa::path(get, path = "/api/v1/filters", tag = "filters", responses((status = 200, body = Vec<SavedFilter>)))]
pub(super) async fn list(State(console): State<Console>) -> Result<Json<Vec<SavedFilter>>, ApiProblem> {
    Ok(Json(console.store().saved_filters(console.org()).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// A filter, or `@NAME` of a saved one.
    filter: String,
}

/// How a filter is understood.
#[derive(Serialize, ToSchema)]
pub(super) struct Explained {
    #[schema(value_type = String)]
    expression: Filter,
    /// How many users it selects.
    users: i64,
    /// Those that must all hold, each by itself.
    conditions: Vec<Counted>,
    /// What limits the answer, for people.
    notes: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Counted {
    #[schema(value_type = String)]
    expression: Filter,
    users: i64,
}

/// Tells how a filter is understood, and how many users each of its conditions finds.
#[utoipa::path(get, path = "/api/v1/filters/explain", tag = "filters", params(Asked), responses((status = 200, body = Explained)))]
pub(super) async fn explain(
    State(console): State<Console>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Json<Explained>, ApiProblem> {
    let (expression, selection) = filter::select(&console, &visitor, &asked.filter).await?;
    let mut conditions = Vec::new();
    if let Some(Expression::All(members)) = &expression.0 {
        for member in members {
            let (expression, alone) = filter::select(&console, &visitor, &Filter(Some(member.clone())).to_string()).await?;
            conditions.push(Counted { users: console.store().count_users(&alone).await?, expression });
        }
    }
    let notes = selection.caveats().into_iter().map(Caveat::in_words).collect();
    Ok(Json(Explained { users: console.store().count_users(&selection).await?, expression, conditions, notes }))
}

/// A filter to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// The filter.
    expression: String,
}

/// Keeps a filter under a name; one of that name before is replaced.
#[utoipa::path(put, path = "/api/v1/filters/{name}", tag = "filters", params(("name" = String, Path, description = "Letters, digits, `-`, `_` and `.`, at most 64")), request_body = Kept, responses((status = 204, description = "Kept")))]
pub(super) async fn save(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
    Json(kept): Json<Kept>,
) -> Result<StatusCode, ApiProblem> {
    let name: Name = name.parse().map_err(|error: NoName| Problem::unfit(error.to_string()))?;
    let (filter, _) = filter::select(&console, &visitor, &kept.expression).await?;
    console.store().save_filter(console.org(), name.as_str(), &filter, &visitor.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a saved filter.
#[utoipa::path(delete, path = "/api/v1/filters/{name}", tag = "filters", params(("name" = String, Path, description = "Its name")), responses((status = 204, description = "Forgotten"), (status = 422, description = "There is none of that name")))]
pub(super) async fn delete(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    console.store().delete_filter(console.org(), &name, &visitor.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
