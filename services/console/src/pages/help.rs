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

/// Terms, in the order in which a newcomer meets them.
const TERMS: [(&str, &str); 13] = [
    (
        "Mirror",
        "The copy of your organisation that this console shows. It is read from Atlassian by syncs and changed by nothing else.",
    ),
    ("Fresh as of", "What is shown was true at that moment or later. Whatever changed at Atlassian since may not be here yet."),
    (
        "Sync, run",
        "A sync reads the organisation; each time it does is a run. A full run reads everything, others only the users and groups they name.",
    ),
    (
        "Held",
        "A run waits for a person: the API key was refused, or more would leave the mirror than may without approval. The run's page says what to do.",
    ),
    (
        "Discrepancy",
        "The API counts something else than it lists, and asking again did not settle it. Named on the run, never hidden.",
    ),
    (
        "Active, last active",
        "Atlassian tells the day of the last activity on each product, up to 24 hours late. Never means that none is known.",
    ),
    ("Product access", "A user may use a product on a site: directly, or because a group grants a role there."),
    (
        "Billable, seat",
        "An active user with a role that takes a seat. Guests of Confluence, customers of Jira Service Management and contributors of Jira Product Discovery take none.",
    ),
    ("SCIM group", "Kept by your identity provider. Its members are changed there; here it is read-only."),
    (
        "Operation",
        "One change for many users. It is shown before it happens, reads each user anew before changing them, and looks afterwards whether Atlassian shows the result.",
    ),
    (
        "Settled, differs",
        "Settled: Atlassian shows what was done. Differs: it shows something else, and the operation names both.",
    ),
    (
        "Gate",
        "No change is made on a reading older than the request for it. A user whose reading is older waits until they were read again.",
    ),
    ("Task", "An operation that runs on a schedule, for whoever matches a saved filter at that time."),
];

const FILTERS: [(&str, &str); 12] = [
    ("ana", "name or address contains it"),
    ("status:active,suspended", "one of these states"),
    ("product:confluence", "may use Confluence; with a site: product:confluence@example"),
    ("inactive>90d", "in the organisation for longer and not active within 90 days"),
    ("inactive:confluence>90d", "may use Confluence and did not within 90 days"),
    ("is:never-active", "no activity is known"),
    ("site:example", "may use a product of the site"),
    ("group:\"jira admins\"", "member of the group"),
    ("role:org-admin", "holds the role; on a product: role:admin@confluence"),
    ("domain:example.com", "address ends with it"),
    ("billable:yes", "certainly takes a seat"),
    ("-group:contractors", "not; OR and parentheses work as expected"),
];

const KEYS: [(&str, &str); 7] = [
    ("/", "to the search field"),
    ("j, k", "next and previous row"),
    ("x", "select the row"),
    ("enter", "open the row's page"),
    ("o", "open the row here: groups and access"),
    ("g then u, g, d, o, s", "to Users, Groups, Dashboard, Operations, Syncs"),
    ("?", "this help"),
];

async fn page(frame: Frame) -> Result<Markup, PageProblem> {
    let content = html! {
        section #terms { h2 { "Terms" } (list(&TERMS)) }
        section #filters { h2 { "Filters" } p { "Conditions that stand side by side must all hold. Each example is a link." }
            dl.terms { @for (text, meaning) in FILTERS { dt { a.code href=(super::users::Address::of(text)) { (text) } } dd { (meaning) } } } }
        section #keys { h2 { "Keys" } dl.terms { @for (key, meaning) in KEYS { dt { kbd { (key) } } dd { (meaning) } } } }
    };
    Ok(frame.page(Place::Help, "Help", content))
}

fn list(entries: &[(&str, &str)]) -> Markup {
    html! { dl.terms { @for (term, meaning) in entries { dt { (term) } dd { (meaning) } } } }
}
