//! Names under which people keep things: saved filters and tasks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at most 64. Tables refuse others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Name(String);

/// A text that cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name: a name has letters, digits, `-`, `_` and `.`, begins with a letter or digit, and has at most 64")]
pub struct NoName(pub String);

impl Name {
    /// As typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NoName;

    fn from_str(name: &str) -> Result<Self, NoName> {
        let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if name.len() <= 64 && name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && name.chars().all(inside) {
            Ok(Self(name.to_owned()))
        } else {
            Err(NoName(name.to_owned()))
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NoName;

    fn try_from(name: String) -> Result<Self, NoName> {
        name.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
