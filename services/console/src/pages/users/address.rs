//! The state of the list is its address: filter, order, columns, page. Copied, it shows a colleague the same.

use std::fmt::{self, Display, Formatter};

use maud::{Markup, html};
use orgmirror_domain::listing::{Direction, UserSort};
use orgmirror_store::browse::Place;
use serde::{Deserialize, Serialize};

/// Rows of a page, unless asked otherwise.
const ROWS: usize = 50;
/// And at most.
const ROWS_MAX: usize = 200;

/// What the address says. Anything that cannot be read counts as not said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    /// The filter, as typed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sort: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    dir: String,
    /// Columns after the name, in commas; the usual ones if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) cols: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    after: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
    /// Position that belongs to `after` or `before`.
    #[serde(skip_serializing_if = "String::is_empty")]
    at: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    rows: String,
}

impl Address {
    /// The first page of a filter.
    pub(crate) fn of(filter: &str) -> Self {
        Self { q: filter.to_owned(), ..Self::default() }
    }

    /// The same, in an order.
    pub(crate) fn ordered(self, sort: UserSort, direction: Direction) -> Self {
        Self { sort: sort.to_string(), dir: direction.to_string(), ..self.first_page() }
    }

    pub(super) fn sort(&self) -> UserSort {
        self.sort.parse().unwrap_or(UserSort::Name)
    }

    pub(super) fn direction(&self) -> Direction {
        self.dir.parse().unwrap_or(Direction::Ascending)
    }

    pub(super) fn limit(&self) -> usize {
        self.rows.parse().unwrap_or(ROWS).clamp(1, ROWS_MAX)
    }

    pub(super) fn place(&self) -> Place {
        let at = self.at.parse().unwrap_or_default();
        if !self.after.is_empty() {
            Place::After { id: self.after.clone(), at }
        } else if !self.before.is_empty() {
            Place::Before { id: self.before.clone(), at }
        } else {
            Place::Start
        }
    }

    /// Another filter, from its first page.
    pub(crate) fn with_filter(&self, filter: &str) -> Self {
        Self { q: filter.to_owned(), ..self.clone().first_page() }
    }

    pub(super) fn with_columns(&self, columns: &str) -> Self {
        Self { cols: columns.to_owned(), ..self.clone() }
    }

    pub(super) fn after(&self, id: &str, at: usize) -> Self {
        Self { after: id.to_owned(), at: at.to_string(), ..self.clone().first_page() }
    }

    pub(super) fn before(&self, id: &str, at: usize) -> Self {
        Self { before: id.to_owned(), at: at.to_string(), ..self.clone().first_page() }
    }

    fn first_page(self) -> Self {
        Self { after: String::new(), before: String::new(), at: String::new(), ..self }
    }

    /// What a form that changes the filter must keep.
    pub(super) fn hidden_but_filter(&self) -> Markup {
        html! {
            @for (name, value) in [("sort", &self.sort), ("dir", &self.dir), ("cols", &self.cols), ("rows", &self.rows)] {
                @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
            }
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let query = serde_html_form::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str("/users")?;
        if query.is_empty() { Ok(()) } else { write!(f, "?{query}") }
    }
}

impl maud::Render for Address {
    fn render_to(&self, buffer: &mut String) {
        maud::Render::render_to(&self.to_string().as_str(), buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_only_what_differs() {
        assert_eq!(Address::default().to_string(), "/users");
        assert_eq!(Address::of("inactive>90d müller").to_string(), "/users?q=inactive%3E90d+m%C3%BCller");
        let sorted = Address::of("a").ordered(UserSort::LastActive, Direction::Ascending);
        assert_eq!(sorted.after("712020:x", 50).to_string(), "/users?q=a&sort=last-active&dir=asc&after=712020%3Ax&at=50");
        assert_eq!(sorted.after("712020:x", 50).with_filter("b").to_string(), "/users?q=b&sort=last-active&dir=asc");
    }
}
