//! A statement that grows: literals and bound values, nothing else.

use sqlx::postgres::Postgres;
use sqlx::{Encode, QueryBuilder, Type};

/// A statement under construction.
pub(super) struct Statement(pub(super) QueryBuilder<Postgres>);

impl Statement {
    pub(super) fn new(name_and_start: &'static str) -> Self {
        Self(QueryBuilder::new(name_and_start))
    }

    /// Text of this crate; a value cannot come this way.
    pub(super) fn text(&mut self, sql: &'static str) -> &mut Self {
        self.0.push(sql);
        self
    }

    /// A value.
    pub(super) fn bind<'t, T: Encode<'t, Postgres> + Type<Postgres>>(&mut self, value: T) -> &mut Self {
        self.0.push_bind(value);
        self
    }

    /// What `each` writes for every item, with `between` in between.
    pub(super) fn joined<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        between: &'static str,
        mut each: impl FnMut(&mut Self, T),
    ) {
        for (position, item) in items.into_iter().enumerate() {
            if position > 0 {
                self.text(between);
            }
            each(self, item);
        }
    }
}
