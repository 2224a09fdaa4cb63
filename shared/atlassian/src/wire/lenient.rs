//! Texts that are read into something better, without a copy in between.

use std::fmt;
use std::marker::PhantomData;

use orgmirror_domain::ids::GroupId;
use serde::Deserializer;
use serde::de::{Error, Visitor};

/// A group's id as UUID or ARI; `None` where it is neither.
pub(super) fn group_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<GroupId>, D::Error> {
    text(deserializer, GroupId::parse)
}

/// A text through `read`. Null, a number or a boolean is `None`, like a text that `read` refuses.
pub(super) fn text<'de, D: Deserializer<'de>, T>(deserializer: D, read: fn(&str) -> Option<T>) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Text { read, of: PhantomData })
}

struct Text<T> {
    read: fn(&str) -> Option<T>,
    of: PhantomData<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or null")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((self.read)(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
}
