//! What every page of a signed-in person has around it: who they are, and how fresh the mirror is.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use chrono::TimeDelta;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_store::browse::pulse::Pulse;

use crate::Console;
use crate::layout::{self, Place};
use crate::problem::PageProblem;
use crate::routes::Routes;
use crate::visitor::Visitor;
use crate::words::{about, ago};

/// After so long without a full sync, what is shown is called stale: a daily one was missed.
const STALE: TimeDelta = TimeDelta::hours(36);

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

/// The freshness pill of the top bar. Where scripts run it is asked for again now and then, more often while a sync runs.
pub(crate) async fn pill(console: &Console) -> Result<Markup, PageProblem> {
    let pulse = console.store().pulse(console.org()).await?;
    let run = pulse.run_to_show();
    let address = run.map_or_else(|| "/syncs".to_owned(), |run| format!("/syncs/{}", run.run_id));
    let again = if run.is_some() { "every 3s" } else { "every 20s" };
    let urgent = run.is_some_and(|run| run.hold.is_some());
    Ok(html! {
        a #pill .pill .alarm[urgent] href=(address) hx-get="/pill" hx-trigger=(again) hx-swap="outerHTML" { (words(&pulse)) }
    })
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/pill", Need::by_site(Role::Viewer), async |State(console): State<Console>| pill(&console).await)
}

fn words(pulse: &Pulse) -> Markup {
    if let Some(run) = pulse.run_to_show() {
        if let Some(hold) = run.hold {
            return html! { "Held · " (hold.in_words()) " · look" };
        }
        if run.phase.is_active() {
            let part = run.part_done().map(|part| format!(" · {:.0} %", (part * 100.0).floor()));
            let left = run.pace(pulse.now).map(|(_, left)| format!(" · {} left", about(left)));
            return html! { "Syncing" (part.unwrap_or_default()) (left.unwrap_or_default()) };
        }
        return html! { "A sync is about to start" };
    }
    match pulse.fresh_as_of {
        None => html! { "Never synced" },
        Some(at) if pulse.now - at > STALE => html! { "Stale · " (ago(at, pulse.now)) },
        Some(at) => html! { "Fresh · " (ago(at, pulse.now)) },
    }
}
