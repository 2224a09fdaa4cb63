//! The audit log: who asked for what.

use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};

use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::PageProblem;
use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/audit", Need::whole(Role::Admin), page)
}

async fn page(frame: Frame) -> Result<Markup, PageProblem> {
    Ok(frame.page(Place::Audit, "Audit", html! { p { "Not built yet." } }))
}
