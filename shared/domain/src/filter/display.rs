//! The canonical text of a filter: lists after commas, quotes only where they are needed, days as days.

use std::fmt::{self, Display, Formatter, Write};

use super::{Access, Condition, Days, Expression, Filter, GroupRef, RoleAt};
use crate::ids::GroupId;

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |expression| expression.fmt(f))
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(members) => joined(f, members, " ", |member, f| match member {
                Self::Any(_) => write!(f, "({member})"),
                other => other.fmt(f),
            }),
            Self::Any(members) => joined(f, members, " OR ", Display::fmt),
            Self::Not(inner) => match **inner {
                Self::All(_) | Self::Any(_) => write!(f, "-({inner})"),
                _ => write!(f, "-{inner}"),
            },
            Self::Is(condition) => condition.fmt(f),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(words) => list(f, "status", words, Display::fmt),
            Self::Claim(words) => list(f, "claim", words, Display::fmt),
            Self::Product(places) => list(f, "product", places, Display::fmt),
            Self::Site(names) => list(f, "site", names, |name, f| value(f, name)),
            Self::Role(roles) => list(f, "role", roles, Display::fmt),
            Self::Group(groups) => list(f, "group", groups, Display::fmt),
            Self::Domain(names) => list(f, "domain", names, |name, f| value(f, name)),
            Self::Directory(names) => list(f, "directory", names, |name, f| value(f, name)),
            Self::Inactive { on: None, longer_than } => write!(f, "inactive>{longer_than}"),
            Self::Inactive { on: Some(access), longer_than } => write!(f, "inactive:{access}>{longer_than}"),
            Self::Billable(word) => write!(f, "billable:{word}"),
            Self::Flag(word) => write!(f, "is:{word}"),
            Self::Text(text) => value(f, text),
        }
    }
}

impl Display for Access {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        value(f, &self.product)?;
        self.site.as_ref().map_or(Ok(()), |site| {
            f.write_char('@')?;
            value(f, site)
        })
    }
}

impl Display for RoleAt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.role.fmt(f)?;
        self.on.as_ref().map_or(Ok(()), |access| write!(f, "@{access}"))
    }
}

impl Display for GroupRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            // Quotes tell a name that looks like an id from that id.
            Self::Name(name) if GroupId::parse(name).is_some() => quoted(f, name),
            Self::Name(name) => value(f, name),
        }
    }
}

impl Display for Days {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

fn list<T>(f: &mut Formatter<'_>, key: &str, items: &[T], show: impl Fn(&T, &mut Formatter<'_>) -> fmt::Result) -> fmt::Result {
    write!(f, "{key}:")?;
    joined(f, items, ",", show)
}

fn joined<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    between: &str,
    show: impl Fn(&T, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            f.write_str(between)?;
        }
        show(item, f)?;
    }
    Ok(())
}

/// Bare where that reads back the same everywhere, else in quotes.
fn value(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let keyword = ["and", "or", "not"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if !text.is_empty() && !text.starts_with('-') && !keyword && text.chars().all(plain) {
        f.write_str(text)
    } else {
        quoted(f, text)
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    f.write_char('"')
}
