//! The filter language: which users of the mirror are meant.
//!
//! One language for the command line, operations, tasks and the console: `status:active inactive:confluence>90d -group:"jira admins"`.
//! It is described for people in `docs/filters.md`. A filter is text at the border and this tree inside; the tree's own text
//! ([`std::fmt::Display`]) is canonical and parses to the same tree, so a saved filter means the same for ever.
//!
//! Logic has two values. What the mirror does not know matches no condition, so the negation of that condition matches it.
//!
//! Absent: names of groups, products and sites that exist, and SQL (`store::filter`); the clock, since ages count back from a moment
//! that whoever evaluates the filter gives.

mod condition;
mod display;
mod error;
mod parse;
#[cfg(test)]
mod tests;
mod word;

use serde::{Deserialize, Serialize};

pub use error::{FilterError, nearest};
pub use word::{Billable, Claim, Flag, Role, Status};

use crate::ids::GroupId;

/// Longest text of a filter, in bytes.
pub const LENGTH_MAX: usize = 10_000;
/// How deep parentheses and negations may nest.
pub const DEPTH_MAX: usize = 32;
/// The longest inactivity that can be asked for, in days.
pub const DAYS_MAX: u32 = 36_500;

/// A filter; an empty one means everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter(pub Option<Expression>);

/// What must hold.
///
/// Invariant, kept by [`Expression::all`] and [`Expression::any`]: a list has two members or more, and no member of the list's own
/// kind. So two texts with the same structure give the same tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Every one.
    All(Vec<Expression>),
    /// One or more.
    Any(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// A condition.
    Is(Condition),
}

/// What is asked of one user. Where there is a list, one member is enough; no list is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The composite status.
    Status(Vec<Status>),
    /// Whether the organisation claimed the account.
    Claim(Vec<Claim>),
    /// May use a product.
    Product(Vec<Access>),
    /// May use any product of a site: its name, address or id.
    Site(Vec<String>),
    /// Holds a role.
    Role(Vec<RoleAt>),
    /// Is a member of a group.
    Group(Vec<GroupRef>),
    /// The part of the e-mail address after `@`, in lower case.
    Domain(Vec<String>),
    /// Is in a directory: its name or id.
    Directory(Vec<String>),
    /// Has been in the organisation and not active for longer than that.
    Inactive {
        /// On this product; the user may use it. `None`: on any product.
        on: Option<Access>,
        /// So long.
        longer_than: Days,
    },
    /// Whether the account takes a paid seat.
    Billable(Billable),
    /// A property without a value.
    Flag(Flag),
    /// Name or e-mail address contains this; capitals and small letters are the same.
    Text(String),
}

/// A product, on one site or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The API's word: `confluence`, `jira-software`.
    pub product: String,
    /// Name, address or id of the site.
    pub site: Option<String>,
}

/// A role, on one product or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAt {
    /// The role.
    pub role: Role,
    /// Where; `None` for anywhere, the organisation included.
    pub on: Option<Access>,
}

/// A group, as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRef {
    /// By its id.
    Id(GroupId),
    /// By its whole name; capitals and small letters are the same.
    Name(String),
}

/// A number of days, 1 to [`DAYS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(u32);

impl Days {
    /// So many; `None` outside the range.
    pub fn new(days: u32) -> Option<Self> {
        (1..=DAYS_MAX).contains(&days).then_some(Self(days))
    }

    /// So many, for arithmetic.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl std::str::FromStr for Days {
    type Err = String;

    /// Days or weeks: `90d`, `12w`. The error says what was expected.
    fn from_str(text: &str) -> Result<Self, String> {
        let number =
            text.strip_suffix('d').map(|number| (number, 1)).or_else(|| text.strip_suffix('w').map(|number| (number, 7)));
        let days = number.and_then(|(number, factor)| number.parse::<u32>().ok()?.checked_mul(factor));
        days.and_then(Self::new).ok_or_else(|| format!("days or weeks, as 90d or 12w, at most {DAYS_MAX}d"))
    }
}

impl Expression {
    /// All of them; `None` of none.
    pub fn all(members: impl IntoIterator<Item = Self>) -> Option<Self> {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::All(inner) => inner,
            other => vec![other],
        });
        Self::list(flat.collect(), Self::All)
    }

    /// Any of them; `None` of none.
    pub fn any(members: impl IntoIterator<Item = Self>) -> Option<Self> {
        let flat = members.into_iter().flat_map(|member| match member {
            Self::Any(inner) => inner,
            other => vec![other],
        });
        Self::list(flat.collect(), Self::Any)
    }

    fn list(mut members: Vec<Self>, kind: fn(Vec<Self>) -> Self) -> Option<Self> {
        if members.len() > 1 { Some(kind(members)) } else { members.pop() }
    }

    /// Every condition, in the order of the text.
    pub fn conditions(&self) -> Vec<&Condition> {
        match self {
            Self::All(members) | Self::Any(members) => members.iter().flat_map(Self::conditions).collect(),
            Self::Not(inner) => inner.conditions(),
            Self::Is(condition) => vec![condition],
        }
    }
}

impl Filter {
    /// Every condition, in the order of the text.
    pub fn conditions(&self) -> Vec<&Condition> {
        self.0.as_ref().map(Expression::conditions).unwrap_or_default()
    }
}

impl TryFrom<String> for Filter {
    type Error = FilterError;

    fn try_from(text: String) -> Result<Self, FilterError> {
        text.parse()
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.to_string()
    }
}
