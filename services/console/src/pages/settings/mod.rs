//! Settings: what the installation does and where that is set, and who may use the console.

mod installation;
mod people;
mod tokens;

use axum::extract::State;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;

/// Everything here is about the organisation, and for who administers it.
const NEED: Need = Need::whole(Role::Admin);

pub(crate) fn routes(routes: Routes) -> Routes {
    tokens::routes(people::routes(routes.get("/settings", NEED, settings)))
}

async fn settings(frame: Frame, State(console): State<Console>) -> Result<Markup, PageProblem> {
    page(&frame, &console, None).await
}

/// The page, and on top what was just done: a link or token is shown this once.
async fn page(frame: &Frame, console: &Console, done: Option<Markup>) -> Result<Markup, PageProblem> {
    let content = html! {
        @if let Some(done) = done { div.note role="status" { (done) } }
        (installation::section(console).await?)
        (people::section(console).await?)
        (tokens::section(console).await?)
    };
    Ok(frame.page(Place::Settings, "Settings", content))
}

/// What a form refused, on the page that it came from.
async fn refused(frame: &Frame, console: &Console, problem: &Problem) -> Result<Markup, PageProblem> {
    page(frame, console, Some(html! { p.wrong role="alert" { "That was not done: " (problem.detail()) "." } })).await
}

/// A choice of roles.
fn roles(id: &str, chosen: Role) -> Markup {
    html! {
        select id=(id) name="role" {
            @for role in Role::ALL { option value=(role) selected[*role == chosen] { (role) } }
        }
    }
}

/// Site ids from a field: separated by commas or spaces; `None` for an empty field, which means all sites.
fn site_ids(field: &str) -> Option<Vec<String>> {
    let ids: Vec<String> = field.split([',', ' ']).map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    (!ids.is_empty()).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_site_is_named_by_an_empty_field() {
        assert_eq!(site_ids(" , "), None);
        assert_eq!(site_ids("a, b c"), Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
    }
}
