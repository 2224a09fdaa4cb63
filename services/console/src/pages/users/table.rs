//! The table of users: a selection, sortable columns, pages.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::listing::{Direction, UserSort};
use orgmirror_store::browse::users::{UserList, UserRow};

use super::{Address, of_everybody};
use crate::words::{ago, ago_short, clock, count, name, product, product_short, spoken};

/// A column after the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Email,
    Status,
    LastActive,
    Products,
    Sites,
    Groups,
    Added,
    Claim,
    Roles,
    Id,
}

impl Column {
    const ALL: [Self; 10] = [
        Self::Email,
        Self::Status,
        Self::LastActive,
        Self::Products,
        Self::Sites,
        Self::Groups,
        Self::Added,
        Self::Claim,
        Self::Roles,
        Self::Id,
    ];
    const USUAL: [Self; 5] = [Self::Email, Self::Status, Self::LastActive, Self::Products, Self::Groups];

    fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Status => "status",
            Self::LastActive => "last-active",
            Self::Products => "products",
            Self::Sites => "sites",
            Self::Groups => "groups",
            Self::Added => "added",
            Self::Claim => "claim",
            Self::Roles => "roles",
            Self::Id => "id",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Email => "E-mail",
            Self::Status => "Status",
            Self::LastActive => "Last active",
            Self::Products => "Products",
            Self::Sites => "Sites",
            Self::Groups => "Groups",
            Self::Added => "Added",
            Self::Claim => "Managed",
            Self::Roles => "Roles",
            Self::Id => "Account id",
        }
    }

    fn sort(self) -> Option<UserSort> {
        match self {
            Self::Email => Some(UserSort::Email),
            Self::Status => Some(UserSort::Status),
            Self::LastActive => Some(UserSort::LastActive),
            Self::Groups => Some(UserSort::Groups),
            Self::Added => Some(UserSort::Added),
            Self::Products | Self::Sites | Self::Claim | Self::Roles | Self::Id => None,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Groups)
    }

    /// Those that an address asks for, in the order of [`Self::ALL`].
    fn chosen(text: &str) -> Vec<Self> {
        let named: Vec<Self> = Self::ALL.into_iter().filter(|column| text.split(',').any(|word| word == column.word())).collect();
        if named.is_empty() { Self::USUAL.to_vec() } else { named }
    }
}

pub(super) fn list(
    address: &Address,
    filter: &Filter,
    list: &UserList,
    everybody: usize,
    may_operate: bool,
    now: DateTime<Utc>,
) -> Markup {
    let columns = Column::chosen(&address.cols);
    let total = list.window.total;
    html! {
        div.above {
            p.total role="status" { (of_everybody(total, everybody)) span.faint { " · as of " (ago(list.window.as_of, now)) } }
            div.tools { (column_menu(address, &columns)) (exports(address)) }
        }
        @for caveat in &list.caveats { p.note { "Note: " (caveat.in_words()) "." } }
        @if total == 0 {
            (nobody(address, everybody))
        } @else {
            form #selection method="post" action="/operations/prepare" {
                input type="hidden" name="q" value=(address.q);
                div.scroll tabindex="0" {
                    table.rows {
                        caption.hidden { "Users, " (of_everybody(total, everybody)) }
                        thead { tr {
                            @if may_operate { th.tick scope="col" { label.tick-all { input #all type="checkbox" disabled aria-label="Select this page"; } } }
                            (heading(address, "Name", Some(UserSort::Name), false))
                            @for column in &columns { (heading(address, column.title(), column.sort(), column.is_number())) }
                        } }
                        tbody {
                            @for user in &list.users { (row(user, filter, &columns, may_operate, now)) }
                        }
                    }
                }
                @if may_operate { (selection(total, &address.q)) }
            }
            (pages(address, list))
        }
    }
}

fn nobody(address: &Address, everybody: usize) -> Markup {
    html! {
        div.empty {
            @if everybody == 0 {
                p { strong { "There are no users in the mirror yet." } }
                p { "They come with the first sync. " a href="/syncs" { "See how far it is, or ask for one" } "." }
            } @else {
                p { strong { "Nobody matches this filter." } }
                p { "Take a condition away, or " a href=(address.with_filter("")) { "show everybody" } "." }
            }
        }
    }
}

fn heading(address: &Address, title: &str, sort: Option<UserSort>, is_number: bool) -> Markup {
    let Some(sort) = sort else { return html! { th scope="col" .number[is_number] { (title) } } };
    let current = (address.sort() == sort).then(|| address.direction());
    let next = if current == Some(Direction::Ascending) { Direction::Descending } else { Direction::Ascending };
    let (state, arrow) = match current {
        Some(Direction::Ascending) => (Some("ascending"), " \u{2191}"),
        Some(Direction::Descending) => (Some("descending"), " \u{2193}"),
        None => (None, ""),
    };
    html! {
        th scope="col" aria-sort=[state] .number[is_number] {
            a.sort href=(address.clone().ordered(sort, next)) { (title) span aria-hidden="true" { (arrow) } }
        }
    }
}

fn row(user: &UserRow, filter: &Filter, columns: &[Column], may_operate: bool, now: DateTime<Utc>) -> Markup {
    let page = format!("/users/{}", user.account_id);
    html! {
        tr {
            @if may_operate {
                td.tick { input type="checkbox" name="account" value=(user.account_id) aria-label={ "Select " (user.name.as_deref().unwrap_or("user without name")) ", " (user.email.as_deref().unwrap_or(&user.account_id)) }; }
            }
            th scope="row" {
                a.expand href=(page) hx-get={ (page) "/row" } hx-target="closest tr" hx-swap="afterend" aria-expanded="false"
                    aria-label={ "Groups and access of " (user.name.as_deref().unwrap_or("user without name")) } { span aria-hidden="true" { "\u{203a}" } }
                a.open href=(page) { (name(user.name.as_deref())) }
            }
            @for column in columns { (cell(*column, user, filter, now)) }
        }
    }
}

fn cell(column: Column, user: &UserRow, filter: &Filter, now: DateTime<Utc>) -> Markup {
    let or_dash = |text: Option<&str>| html! { @match text { Some(text) => (text), None => span.faint title="The API hides it, or did not tell" { "–" } } };
    html! {
        td .number[column.is_number()] .status[column == Column::Status] .mail[column == Column::Email] data-title=(column.title()) {
            @match column {
                Column::Email => @match &user.email { Some(email) => bdi { (email) }, None => (or_dash(None)) },
                Column::Status => span class={ "state " (user.status.as_deref().unwrap_or("unknown")) } { (user.status.as_deref().map(spoken).unwrap_or_else(|| "Unknown".to_owned())) },
                Column::LastActive => (last_active(user, filter, now)),
                Column::Products => span.products { @for word in &user.products { abbr title=(product(word)) { (product_short(word)) } " " } @if user.products.is_empty() { span.faint { "none" } } },
                Column::Sites => (user.sites.join(", ")),
                Column::Groups => (count(user.groups)),
                Column::Added => @match user.added_to_org_at { Some(at) => (clock(at)), None => (or_dash(None)) },
                Column::Claim => (or_dash(user.claim_status.as_deref())),
                Column::Roles => (user.platform_roles.iter().map(|role| spoken(role)).collect::<Vec<_>>().join(", ")),
                Column::Id => span.code { (user.account_id) },
            }
        }
    }
}

/// With the product that it comes from; on the product in view, that one alone counts.
fn last_active(user: &UserRow, filter: &Filter, now: DateTime<Utc>) -> Markup {
    let in_view = filter.product_in_view().map(|access| access.product.as_str());
    html! {
        @match (user.last_active_at, user.last_active_on.as_deref().or(in_view)) {
            (Some(at), on) => { (ago_short(at, now)) @if let Some(on) = on { " " abbr.faint title=(product(on)) { (product_short(on)) } } },
            (None, Some(on)) => { "never " abbr.faint title=(product(on)) { (product_short(on)) } },
            (None, None) => "never",
        }
    }
}

/// What is done with whoever is selected. Without scripts both buttons stand there; with them, the words follow the ticks.
fn selection(total: usize, filter: &str) -> Markup {
    let task = serde_html_form::to_string([("filter", filter)]).unwrap_or_default();
    html! {
        div.selection {
            p #chosen role="status" data-total=(total) { "Tick rows to select them." }
            button type="submit" name="of" value="ticked" { "Change the selected\u{2026}" }
            button.plain type="submit" name="of" value="all" { "Change all " (count(total)) " that match\u{2026}" }
            @if !filter.is_empty() { a href={ "/tasks/new?" (task) } { "Make a task of this filter" } }

        }
    }
}

fn pages(address: &Address, list: &UserList) -> Markup {
    let window = list.window;
    let (first, last) = (list.users.first(), list.users.last());
    html! {
        nav.pages aria-label="Pages" {
            @if let Some(first) = first.filter(|_| window.has_before()) { a rel="prev" href=(address.before(&first.account_id, window.first)) { "Previous" } }
            span { (count(window.first + 1)) "–" (count(window.first + window.rows)) " of " (count(window.total)) }
            @if let Some(last) = last.filter(|_| window.has_after()) { a rel="next" href=(address.after(&last.account_id, window.first + window.rows)) { "Next" } }
        }
    }
}

/// Links that take a column away or add it.
fn column_menu(address: &Address, columns: &[Column]) -> Markup {
    html! {
        details.menu {
            summary { "Columns" }
            ul.sheet.plain-list {
                @for column in Column::ALL {
                    @let shown = columns.contains(&column);
                    @let then = Column::ALL.into_iter().filter(|other| columns.contains(other) != (*other == column)).map(Column::word).collect::<Vec<_>>().join(",");
                    li { a href=(address.with_columns(&then)) aria-current=[shown.then_some("true")] { (column.title()) } }
                }
            }
        }
    }
}

fn exports(address: &Address) -> Markup {
    let query = serde_html_form::to_string([("filter", &address.q)]).unwrap_or_default();
    html! {
        details.menu {
            summary { "Export" }
            ul.sheet.plain-list {
                @for (format, title) in [("csv", "CSV"), ("xlsx", "Excel"), ("json", "JSON")] {
                    li { a href={ "/api/v1/users/export?format=" (format) "&" (query) } download { (title) } }
                }
            }
        }
    }
}
