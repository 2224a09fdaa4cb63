//! Settings: what the installation does, and who may use it.

use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};

use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/settings", Need::whole(Role::Admin), page)
}

async fn page(frame: Frame) -> Result<Markup, PageProblem> {
    Ok(frame.page(Place::Settings, "Settings", html! { p { "Not built yet." } }))
}
