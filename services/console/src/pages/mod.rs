//! Pages for people, one file a place.
//!
//! A page's handler takes a [`crate::frame::Frame`], reads what it shows from the store, and returns `Result<Markup, PageProblem>`. Its
//! file names its routes and what they need; a page that a person limited to sites may open narrows what it shows to those.

mod audit;
mod changes;
mod dashboard;
mod group;
mod groups;
mod help;
mod operations;
mod run;
mod settings;
pub(crate) mod sign_in;
mod syncs;
mod tasks;
mod user;
mod users;
pub(crate) mod welcome;

use axum::response::Redirect;
use orgmirror_domain::access::{Need, Role};

use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/", Need::by_site(Role::Viewer), async || Redirect::to("/dashboard"));
    let routes = welcome::routes(sign_in::routes(routes));
    let routes = user::routes(users::routes(routes));
    let routes = changes::routes(dashboard::routes(group::routes(groups::routes(routes))));
    let routes = run::routes(syncs::routes(tasks::routes(operations::routes(routes))));
    help::routes(settings::routes(audit::routes(routes)))
}
