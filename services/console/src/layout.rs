//! The layout of every page: rail, top bar, content.

use maud::{DOCTYPE, Markup, html};

use crate::assets;
use crate::visitor::Visitor;

/// A place of the console, as the rail names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Users,
    Groups,
    Dashboard,
    Operations,
    Tasks,
    Syncs,
    Audit,
    Settings,
    Help,
}

/// Of htmx: no script is made from text, no style is put into the page, and only this host is asked. The content security policy
/// would refuse the first two anyway, with an error in the log.
const HTMX: &str = r#"{"allowEval":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,"historyCacheSize":0}"#;

impl Place {
    const ALL: [Self; 9] = [
        Self::Users,
        Self::Groups,
        Self::Dashboard,
        Self::Operations,
        Self::Tasks,
        Self::Syncs,
        Self::Audit,
        Self::Settings,
        Self::Help,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Users => "Users",
            Self::Groups => "Groups",
            Self::Dashboard => "Dashboard",
            Self::Operations => "Operations",
            Self::Tasks => "Tasks",
            Self::Syncs => "Syncs",
            Self::Audit => "Audit",
            Self::Settings => "Settings",
            Self::Help => "Help",
        }
    }

    fn address(self) -> &'static str {
        match self {
            Self::Users => "/users",
            Self::Groups => "/groups",
            Self::Dashboard => "/dashboard",
            Self::Operations => "/operations",
            Self::Tasks => "/tasks",
            Self::Syncs => "/syncs",
            Self::Audit => "/audit",
            Self::Settings => "/settings",
            Self::Help => "/help",
        }
    }
}

/// A page of a signed-in person.
pub(crate) fn page(visitor: &Visitor, place: Place, title: &str, pill: &Markup, content: &Markup) -> Markup {
    let body = html! {
        a.skip href="#content" { "Skip to the content" }
        nav.rail aria-label="Places" {
            a.brand href="/" { "Orgmirror" }
            ul {
                @for entry in Place::ALL {
                    li { a href=(entry.address()) aria-current=[(entry == place).then_some("page")] { (entry.name()) } }
                }
            }
        }
        header.bar {
            h1 { (title) }
            div.bar-end {
                (pill)
                span.who { (visitor.name) }
                form method="post" action="/sign-out" { button.quiet type="submit" { "Sign out" } }
            }
        }
        main #content tabindex="-1" { (content) }
    };
    document(title, "app", &body)
}

/// A page of somebody who is not signed in: one thing in the middle.
pub(crate) fn bare(title: &str, content: &Markup) -> Markup {
    document(title, "bare", &html! { main #content { h1 { (title) } (content) } })
}

/// What went wrong, and what to do.
pub(crate) fn error(title: &str, detail: &str) -> Markup {
    bare(title, &html! { p { (sentence(detail)) } p { a href="/" { "Back to the start" } } })
}

fn document(title: &str, class: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (title) " · Orgmirror" }
                link rel="stylesheet" href=(assets::address("console.css"));
                link rel="icon" type="image/svg+xml" href=(assets::address("icon.svg"));
                script src=(assets::address("htmx.min.js")) defer {}
                script src=(assets::address("console.js")) defer {}
            }
            body class=(class) { (body) }
        }
    }
}

/// With a capital at its start and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
