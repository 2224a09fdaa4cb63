//! Groups by name, in pages and as files.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::ids::GroupKey;
use orgmirror_store::groups::Group;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cursor;
use crate::Console;
use crate::export::{self, FileFormat};
use crate::problem::ApiProblem;
use crate::routes::Routes;

/// Rows of a page, unless asked otherwise, and at most.
const PAGE: u16 = 100;
const LARGEST_PAGE: u16 = 1_000;
/// Rows that an export asks of Postgres at once.
const EXPORT_PAGE: u16 = 5_000;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/groups", Need::whole(Role::Viewer), list).get("/api/v1/groups/export", Need::whole(Role::Viewer), export)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those with this in their name; capitals and small letters are the same.
    name: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 100 unless said, 1000 at most.
    limit: Option<u16>,
}

/// Part of a list of groups, in a stable order.
#[derive(Serialize, ToSchema)]
pub(super) struct GroupList {
    /// How many there are.
    total: i64,
    groups: Vec<Group>,
    /// `cursor` of the next page; null at the end.
    next: Option<String>,
}

/// Groups by a part of their name.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", params(Asked), responses((status = 200, body = GroupList)))]
pub(super) async fn list(State(console): State<Console>, Query(asked): Query<Asked>) -> Result<Json<GroupList>, ApiProblem> {
    let (store, org, name) = (console.store(), console.org(), asked.name.as_deref());
    let after = asked.cursor.as_deref().map(cursor::read).transpose()?.map(GroupKey);
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let (total, groups) = tokio::try_join!(store.count_groups(org, name), store.groups(org, name, after, limit))?;
    let next = groups.last().filter(|_| groups.len() == usize::from(limit)).map(|group| cursor::after(group.group_key));
    Ok(Json(GroupList { total, groups, next }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those with this in their name.
    name: Option<String>,
    /// What kind of file.
    #[serde(default)]
    format: FileFormat,
}

/// All groups with that in their name, as a file of any length.
#[utoipa::path(get, path = "/api/v1/groups/export", tag = "groups", params(Wanted), responses((status = 200, description = "A file")))]
pub(super) async fn export(State(console): State<Console>, Query(wanted): Query<Wanted>) -> Result<Response, ApiProblem> {
    let pages = export::pages(move |after| {
        let (console, name) = (console.clone(), wanted.name.clone());
        async move {
            let groups = console.store().groups(console.org(), name.as_deref(), after, EXPORT_PAGE).await?;
            let full = groups.len() == usize::from(EXPORT_PAGE);
            let next = groups.last().filter(|_| full).map(|group| GroupKey(group.group_key));
            Ok((groups, next))
        }
    });
    Ok(export::file("groups", wanted.format, pages).await?)
}
