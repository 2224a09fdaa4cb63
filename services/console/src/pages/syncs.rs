//! Syncs: what ran, what runs, what waits and why.

use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};

use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/syncs", Need::whole(Role::Viewer), page)
}

async fn page(frame: Frame) -> Result<Markup, PageProblem> {
    Ok(frame.page(Place::Syncs, "Syncs", html! { p { "Not built yet." } }))
}
