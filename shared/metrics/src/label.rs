//! Labels, and what their values may be.

use std::sync::Arc;

use orgmirror_domain::ids::OrgId;

/// A label of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Which values it takes, for people.
    pub values: &'static str,
}

/// A label's value. There is no way to make one of text that came from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A word of the program.
    Word(&'static str),
    /// A status of HTTP.
    Status(u16),
    /// The organisation that the process serves.
    Org(Arc<str>),
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<u16> for Value {
    fn from(status: u16) -> Self {
        Self::Status(status)
    }
}

impl From<&OrgId> for Value {
    fn from(org: &OrgId) -> Self {
        Self::Org(org.as_str().into())
    }
}

impl From<Value> for opentelemetry::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Word(word) => word.into(),
            Value::Status(status) => status.to_string().into(),
            Value::Org(org) => org.into(),
        }
    }
}
