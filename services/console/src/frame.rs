//! What every page of a signed-in person has around it: who they are, and how fresh the mirror is.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use maud::{Markup, html};

use crate::Console;
use crate::layout::{self, Place};
use crate::problem::PageProblem;
use crate::visitor::Visitor;

/// The frame of a page. A handler of a page takes it, and puts its content into it by [`Frame::page`].
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Who looks.
    pub(crate) visitor: Visitor,
    /// Freshness in a few words; links to what it is about.
    pill: Markup,
}

impl FromRequestParts<Console> for Frame {
    type Rejection = PageProblem;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, PageProblem> {
        let visitor = Visitor::from_request_parts(parts, console).await?;
        Ok(Self { visitor, pill: pill(console).await? })
    }
}

impl Frame {
    /// A whole page.
    pub(crate) fn page(&self, place: Place, title: &str, content: Markup) -> Markup {
        layout::page(&self.visitor, place, title, &self.pill, &content)
    }
}

/// The freshness pill of the top bar.
pub(crate) async fn pill(console: &Console) -> Result<Markup, PageProblem> {
    let watermark = console.store().watermark_at(console.org()).await?;
    Ok(html! {
        a.pill href="/syncs" {
            @match watermark {
                Some(at) => { "Fresh as of " time datetime=(at.to_rfc3339()) { (at.format("%Y-%m-%d %H:%M UTC")) } }
                None => "Never synced",
            }
        }
    })
}
