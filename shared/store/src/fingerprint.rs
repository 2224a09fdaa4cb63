//! A number that stands for all that an observation says, so that an unchanged row is recognised without sending it.
//!
//! 64 bits of XXH3 over the fields in a fixed order. Two different states of the same row share one by chance once in 2^64; the row would
//! then change with its next change. The order and the spelling of fields are part of the stored numbers: a program that spells them
//! in another way reads each row once, finds it equal, and leaves the number that it makes itself.

use chrono::{DateTime, Utc};
use xxhash_rust::xxh3::Xxh3Default;

/// Collects fields, each so that it cannot run into the next.
#[derive(Default)]
pub(crate) struct Fingerprint(Xxh3Default);

impl Fingerprint {
    pub(crate) fn text(&mut self, text: Option<&str>) -> &mut Self {
        let length = text.map_or(-1, |text| i64::try_from(text.len()).unwrap_or(i64::MAX));
        self.number(Some(length));
        self.0.update(text.unwrap_or_default().as_bytes());
        self
    }

    pub(crate) fn number(&mut self, number: Option<i64>) -> &mut Self {
        self.0.update(&[u8::from(number.is_some())]);
        self.0.update(&number.unwrap_or_default().to_le_bytes());
        self
    }

    pub(crate) fn flag(&mut self, flag: Option<bool>) -> &mut Self {
        self.number(flag.map(i64::from))
    }

    /// As exact as Postgres keeps it.
    pub(crate) fn time(&mut self, time: Option<DateTime<Utc>>) -> &mut Self {
        self.number(time.map(|time| time.timestamp_micros()))
    }

    pub(crate) fn list<T>(&mut self, items: &[T], each: impl for<'a> Fn(&'a mut Self, &T) -> &'a mut Self) -> &mut Self {
        self.number(i64::try_from(items.len()).ok());
        for item in items {
            each(self, item);
        }
        self
    }

    pub(crate) fn finish(&self) -> i64 {
        self.0.digest().cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[Option<&str>]) -> i64 {
        let mut fingerprint = Fingerprint::default();
        for field in fields {
            fingerprint.text(*field);
        }
        fingerprint.finish()
    }

    #[test]
    fn a_text_that_moves_to_the_next_field_is_a_difference() {
        assert_ne!(of(&[Some("ab"), Some("c")]), of(&[Some("a"), Some("bc")]));
    }

    #[test]
    fn nothing_is_not_an_empty_text() {
        assert_ne!(of(&[None]), of(&[Some("")]));
        assert_ne!(of(&[None, Some("")]), of(&[Some(""), None]));
    }

    /// Stored numbers outlive the program that made them.
    #[test]
    fn the_number_does_not_depend_on_the_computer() {
        assert_eq!(of(&[Some("ada"), None]), -7_033_023_339_935_955_805);
    }
}
