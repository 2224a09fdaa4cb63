//! Seats of each product on each site.

use axum::Json;
use axum::extract::{Query, State};
use chrono::{DateTime, TimeDelta, Utc};
use orgmirror_domain::access::{Need, Role, Sites};
use orgmirror_domain::filter::Days;
use orgmirror_domain::ids::ResourceId;
use orgmirror_domain::licence::Savings;
use orgmirror_store::filter::Caveat;
use orgmirror_store::licence::Licence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Console;
use crate::problem::{ApiProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;

/// Without this a seat is unused when nobody was active on it for so long.
const INACTIVE: &str = "90d";

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/licences", Need::by_site(Role::Viewer), list)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Who did not use a product for longer is inactive on it: `90d`, `12w`.
    inactive: Option<String>,
}

/// Seats, and what unused ones cost.
#[derive(Serialize, ToSchema)]
pub(super) struct Report {
    /// Who was active since then is active.
    active_since: DateTime<Utc>,
    currency: Option<String>,
    licences: Vec<Priced>,
    /// What limits the answer, for people.
    notes: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Priced {
    #[serde(flatten)]
    licence: Licence,
    /// Of the settings; null if they tell none.
    price_per_seat: Option<f64>,
    savings: Option<Savings>,
}

/// Seats of each product on each site.
#[utoipa::path(get, path = "/api/v1/licences", tag = "licences", params(Asked), responses((status = 200, body = Report)))]
pub(super) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Json<Report>, ApiProblem> {
    let days: Days = asked
        .inactive
        .as_deref()
        .unwrap_or(INACTIVE)
        .parse()
        .map_err(|expected| Problem::unreadable(format!("`inactive` is no length of time; expected {expected}")))?;
    let active_since = console.store().now().await? - TimeDelta::days(days.get().into());
    let prices = &console.settings().prices;
    let seen = |licence: &Licence| match &visitor.rights.sites {
        Sites::All => true,
        Sites::Only(ids) => ids.iter().any(|id| id == ResourceId::from(licence.resource_id.as_str()).site()),
    };
    let all = console.store().licences(console.org(), active_since).await?;
    let licences = all.into_iter().filter(seen).map(|licence| {
        let price = prices.per_seat.get(&licence.product).copied();
        Priced { savings: price.map(|price| licence.seats.savings(price)), price_per_seat: price, licence }
    });
    let notes = console.store().role_caveat(console.org()).await?.into_iter().map(Caveat::in_words).collect();
    Ok(Json(Report { active_since, currency: prices.currency.clone(), licences: licences.collect(), notes }))
}
