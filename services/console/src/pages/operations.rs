//! Bulk operations: select, preview, watch.

use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};

use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/operations", Need::whole(Role::Viewer), page)
}

async fn page(frame: Frame) -> Result<Markup, PageProblem> {
    Ok(frame.page(Place::Operations, "Operations", html! { p { "Not built yet." } }))
}
