//! What a row says of one property, in whatever form it says it, and which rows of a page say less than they should.
//!
//! The documents require nothing, so a row without a property is no error. But what most rows of a page tell and a few do not was left
//! out on the way, and writing "none" for it would be a guess: such properties are named with their row. What many rows lack, the
//! API does not tell, and naming it would name everybody.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::time;

/// A property's value, or why there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Told<T> {
    /// The row does not have the property.
    #[default]
    Absent,
    Null,
    /// It has something that the property cannot be.
    Unreadable,
    Is(T),
}

impl<T> Told<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Null | Self::Unreadable => None,
        }
    }

    /// The same without the value.
    pub(super) fn whether(&self) -> Told<()> {
        match self {
            Self::Absent => Told::Absent,
            Self::Null => Told::Null,
            Self::Unreadable => Told::Unreadable,
            Self::Is(_) => Told::Is(()),
        }
    }
}

/// A list, as read: the outer `None` is an absent property, the inner one null.
pub(super) fn list<T>(read: &Option<Option<Vec<T>>>) -> Told<()> {
    match read {
        None => Told::Absent,
        Some(None) => Told::Null,
        Some(Some(_)) => Told::Is(()),
    }
}

/// Reads a property that is there, so that null is told from absent.
pub(super) fn if_present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads a count, as a number or as text; without one there is no answer.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let told = Told::<i64>::deserialize(deserializer)?.value();
    told.and_then(|count| u64::try_from(count).ok()).ok_or_else(|| D::Error::custom("no count"))
}

/// When a row should say something of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// A value, in every row.
    Always,
    /// A value or null. Where the page has no null at all, absent says the same as null.
    OrNull,
    /// A value, null, or nothing where it is hidden.
    OrHidden,
}

/// A page's rows may lack a property in so many cases, whatever the page's size...
const FEW: usize = 5;
/// ... or in one of so many of them, and are then named.
const ONE_OF: usize = 10;

/// Of each row, the properties that it should have told and did not. `rows` say of each of `properties`, in order, whether they told it.
pub(super) fn untold<const N: usize>(
    properties: &[(&'static str, Expected); N],
    rows: &[[Told<()>; N]],
) -> Vec<Vec<&'static str>> {
    let has_nulls = rows.iter().flatten().any(|told| *told == Told::Null);
    let lacks = |expected: Expected, told: Told<()>| match told {
        Told::Is(()) => false,
        Told::Unreadable => true,
        Told::Null => expected == Expected::Always,
        Told::Absent => expected == Expected::Always || (expected == Expected::OrNull && has_nulls),
    };
    let mut untold = vec![Vec::new(); rows.len()];
    for (at, (name, expected)) in properties.iter().enumerate() {
        let lacking = |row: &[Told<()>; N]| lacks(*expected, row[at]);
        if rows.iter().filter(|row| lacking(row)).count() > FEW.max(rows.len() / ONE_OF) {
            tracing::debug!(property = name, "many rows do not tell a property, taken as one that the API does not tell");
            continue;
        }
        for (untold, _) in untold.iter_mut().zip(rows).filter(|(_, row)| lacking(row)) {
            untold.push(*name);
        }
    }
    untold
}

/// What a property may hold, from whichever JSON says it.
pub(super) trait Readable: Sized {
    fn from_text(text: &str) -> Option<Self>;

    fn from_flag(_: bool) -> Option<Self> {
        None
    }

    fn from_number(_: i64) -> Option<Self> {
        None
    }
}

impl Readable for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn from_number(number: i64) -> Option<Self> {
        Some(number.to_string())
    }
}

impl Readable for bool {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl Readable for i64 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_number(number: i64) -> Option<Self> {
        Some(number)
    }
}

impl Readable for DateTime<Utc> {
    fn from_text(text: &str) -> Option<Self> {
        time::parse(text)
    }
}

impl<'de, T: Readable> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Readable> Visitor<'de> for Reader<T> {
    type Value = Told<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(text).map_or(Told::Unreadable, Told::Is))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(T::from_flag(flag).map_or(Told::Unreadable, Told::Is))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::from_number(number).map_or(Told::Unreadable, Told::Is))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number).map_or(Ok(Told::Unreadable), |number| self.visit_i64(number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Told::Unreadable)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Told::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Told::Unreadable)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Told::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Readable + PartialEq + fmt::Debug>(json: &str, expected: Told<T>) {
        assert_eq!(serde_json::from_str::<Told<T>>(json).unwrap(), expected, "{json}");
    }

    #[test]
    fn a_value_is_read_in_every_form_and_nothing_else_is_taken_for_one() {
        check("\"ada\"", Told::Is("ada".to_owned()));
        check("42", Told::Is("42".to_owned()));
        check("\"true\"", Told::Is(true));
        check("false", Told::Is(false));
        check("\"812\"", Told::Is(812_i64));
        check("812", Told::Is(812_i64));
        check::<bool>("null", Told::Null);
        for odd in ["1", "\"yes\"", "[true]", "{\"value\":true}", "1.5"] {
            check::<bool>(odd, Told::Unreadable);
        }
        for odd in ["\"long ago\"", "1700000000", "[]"] {
            check::<DateTime<Utc>>(odd, Told::Unreadable);
        }
    }

    const PROPERTIES: [(&str, Expected); 3] =
        [("status", Expected::Always), ("title", Expected::OrNull), ("email", Expected::OrHidden)];
    const WHOLE: [Told<()>; 3] = [Told::Is(()); 3];

    /// A page of so many whole rows, and one that tells `last`.
    fn named(whole: usize, last: [Told<()>; 3]) -> Vec<&'static str> {
        let mut rows = vec![WHOLE; whole];
        rows.push(last);
        untold(&PROPERTIES, &rows).pop().unwrap()
    }

    #[test]
    fn what_a_row_alone_does_not_tell_is_named() {
        let is = Told::Is(());
        assert!(named(20, WHOLE).is_empty());
        assert_eq!(named(20, [Told::Absent, is, is]), ["status"]);
        assert_eq!(named(20, [Told::Null, is, Told::Unreadable]), ["status", "email"]);
        assert!(named(20, [is, Told::Null, Told::Absent]).is_empty(), "null is an answer, and addresses may be hidden");
        assert_eq!(named(0, [Told::Absent, is, is]), ["status"]);
    }

    #[test]
    fn absent_is_null_where_a_page_writes_no_nulls() {
        let is = Told::Is(());
        let page = |other| untold(&PROPERTIES, &[[is, other, is], [is, Told::Absent, is]]).pop().unwrap();
        assert!(page(is).is_empty());
        assert_eq!(page(Told::Null), ["title"]);
    }

    #[test]
    fn what_many_rows_lack_is_not_told_by_the_api() {
        let lacking = [Told::Absent, Told::Is(()), Told::Is(())];
        let count = |lacks: usize, of: usize| {
            let mut rows = vec![lacking; lacks];
            rows.resize(of, WHOLE);
            untold(&PROPERTIES, &rows).iter().filter(|names| !names.is_empty()).count()
        };
        assert_eq!((count(5, 10), count(6, 10)), (5, 0));
        assert_eq!((count(10, 100), count(11, 100)), (10, 0));
    }
}
