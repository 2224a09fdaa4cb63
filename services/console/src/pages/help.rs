//! Help: the terms, short.

use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};

use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/help", Need::by_site(Role::Viewer), page)
}

async fn page(frame: Frame) -> Result<Markup, PageProblem> {
    Ok(frame.page(Place::Help, "Help", html! { p { "Not built yet." } }))
}
