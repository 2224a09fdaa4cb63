//! Users by filter, in pages and as files.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::AccountKey;
use orgmirror_store::filter::{Caveat, User};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::cursor;
use crate::export::{self, FileFormat};
use crate::problem::{ApiProblem, Problem};
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::{Console, filter};

/// Rows of a page, unless asked otherwise, and at most.
const PAGE: u16 = 100;
const LARGEST_PAGE: u16 = 1_000;
/// Rows that an export asks of Postgres at once.
const EXPORT_PAGE: u16 = 2_000;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/users", Need::by_site(Role::Viewer), list).get(
        "/api/v1/users/export",
        Need::by_site(Role::Viewer),
        export,
    )
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// A filter, or `@NAME` of a saved one; everybody without one.
    #[serde(default)]
    filter: String,
    /// Fields to answer, separated by commas; all without this.
    columns: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page, 100 unless said, 1000 at most.
    limit: Option<u16>,
}

/// Part of a list of users, in a stable order.
#[derive(Serialize, ToSchema)]
pub(super) struct UserList {
    /// The filter, as it was understood.
    #[schema(value_type = String)]
    filter: Filter,
    /// How many users it selects.
    total: i64,
    /// With the fields that were asked for.
    #[schema(value_type = Vec<User>)]
    users: Vec<Value>,
    /// `cursor` of the next page; null at the end.
    next: Option<String>,
    /// What limits the answer, for people.
    notes: Vec<&'static str>,
}

/// Users that a filter selects.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(Asked), responses((status = 200, body = UserList)))]
pub(super) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Json<UserList>, ApiProblem> {
    let (filter, selection) = filter::select(&console, &visitor, &asked.filter).await?;
    let after = asked.cursor.as_deref().map(cursor::read).transpose()?.map(AccountKey);
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let (total, page) =
        tokio::try_join!(console.store().count_users(&selection), console.store().users(&selection, after, limit))?;
    let columns: Option<Vec<&str>> = asked.columns.as_deref().map(|text| text.split(',').map(str::trim).collect());
    let users = page.users.iter().map(|user| chosen(user, columns.as_deref())).collect::<Result<_, _>>()?;
    let notes = selection.caveats().into_iter().map(Caveat::in_words).collect();
    Ok(Json(UserList { filter, total, users, next: page.next.map(|key| cursor::after(key.0)), notes }))
}

/// A user with these fields alone.
fn chosen(user: &User, columns: Option<&[&str]>) -> Result<Value, Problem> {
    let all = serde_json::to_value(user).map_err(|error| Problem::defect(&error))?;
    let (Some(columns), Value::Object(mut all)) = (columns, all.clone()) else { return Ok(all) };
    let mut some = Map::new();
    for column in columns {
        let (name, value) = all.remove_entry(*column).ok_or_else(|| {
            Problem::unreadable(format!("`columns` names {column:?}, which is no field of a user, or names it twice"))
        })?;
        some.insert(name, value);
    }
    Ok(Value::Object(some))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// A filter, or `@NAME` of a saved one; everybody without one.
    #[serde(default)]
    filter: String,
    /// What kind of file.
    #[serde(default)]
    format: FileFormat,
}

/// All users that a filter selects, as a file of any length.
#[utoipa::path(get, path = "/api/v1/users/export", tag = "users", params(Wanted), responses((status = 200, description = "A file")))]
pub(super) async fn export(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiProblem> {
    Ok(file(&console, &visitor, &wanted.filter, wanted.format).await?)
}

/// The file, for the API and for pages.
pub(crate) async fn file(console: &Console, visitor: &Visitor, typed: &str, format: FileFormat) -> Result<Response, Problem> {
    let (_, selection) = filter::select(console, visitor, typed).await?;
    let (console, selection) = (console.clone(), std::sync::Arc::new(selection));
    let pages = export::pages(move |after| {
        let (console, selection) = (console.clone(), selection.clone());
        async move {
            let page = console.store().users(&selection, after, EXPORT_PAGE).await?;
            Ok((page.users, page.next))
        }
    });
    export::file("users", format, pages).await
}
