//! Array literals: Postgres has no array of arrays of different lengths, so arrays of several rows travel as texts.

use std::fmt::{Display, Write};

/// The array as Postgres writes it: `{1,NULL,3}`.
pub(crate) fn literal<T: Display>(values: impl IntoIterator<Item = Option<T>>) -> String {
    let mut text = String::from("{");
    for (position, value) in values.into_iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        match value {
            // Writing to a String cannot fail.
            Some(value) => drop(write!(text, "{value}")),
            None => text.push_str("NULL"),
        }
    }
    text.push('}');
    text
}
