//! What can go wrong with the database, by what the caller can do about it.

use orgmirror_domain::words::UnknownWord;

use crate::health::Unwritable;

/// The result of a statement or transaction.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why the database did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is wrong, the server is away, or it refuses us.
    #[error("cannot connect to Postgres; check ORGMIRROR_DATABASE_URL and that the server is running")]
    Connecting(#[source] sqlx::Error),
    /// The schema is not this program's.
    #[error(
        "the database has {applied} of {known} migrations; run `orgmirror migrate`, or a newer orgmirror if the database has more"
    )]
    Schema {
        /// Migrations the database has.
        applied: usize,
        /// Migrations this program knows.
        known: usize,
    },
    /// A migration failed; nothing of it was kept.
    #[error("cannot migrate the database")]
    Migrating(#[source] Box<sqlx::migrate::MigrateError>),
    /// A row holds what this program cannot read: written by a newer version, or by hand.
    #[error("the database holds a word that this version does not know")]
    Word(#[from] UnknownWord),
    /// A JSON column holds another shape than this program writes.
    #[error("column {column} holds JSON that this version cannot read")]
    Json {
        /// Table and column.
        column: &'static str,
        /// How it failed.
        #[source]
        source: serde_json::Error,
    },
    /// A text column holds a filter, schedule or name that this program cannot read: written by a newer version, or by hand.
    #[error("column {column} holds a text that this version cannot read")]
    SavedText {
        /// Table and column.
        column: &'static str,
        /// How it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The name is taken.
    #[error("there is a {what} {name} already; choose another name")]
    Taken {
        /// What kind of thing.
        what: &'static str,
        /// The name given.
        name: String,
    },
    /// What was asked for is not there.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// The id given.
        id: String,
    },
    /// A change of people after which nobody could change people.
    #[error("nobody could administer the console after this; make somebody else an administrator of all sites first")]
    LastAdmin,
    /// A filter names what the mirror does not know.
    #[error(
        "there is no {what} {name:?} in the mirror{}",
        near.as_ref().map(|near| format!("; did you mean {near:?}?")).unwrap_or_default()
    )]
    UnknownName {
        /// What kind of thing.
        what: &'static str,
        /// The name given.
        name: String,
        /// One that is like it.
        near: Option<String>,
    },
    /// The API's list leads back to where it has been.
    #[error("the pages of partition {partition} lead back to one that was read: the API's list has no end")]
    CursorLoop {
        /// Which partition; negative for a group's member list.
        partition: i32,
    },
    /// The run is not in a state that allows this.
    #[error("run {run} is {is}; {remedy}")]
    WrongState {
        /// Which run.
        run: String,
        /// Its state in words.
        is: String,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A bulk operation over more accounts than the settings allow.
    #[error(
        "{accounts} accounts or more are more than one operation may change ({limit}); ask for less at once, or raise ORGMIRROR_OPERATION__MAX_ITEMS"
    )]
    TooLarge {
        /// Accounts asked for.
        accounts: usize,
        /// The limit.
        limit: usize,
    },
    /// Postgres is there and cannot write.
    #[error("{why}")]
    Unwritable {
        /// Why.
        why: Unwritable,
        /// What was refused; none if it was asked for.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// Anything else.
    #[error("Postgres failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match Unwritable::told_by(&source) {
            Some(why) => Self::Unwritable { why, source: Some(source) },
            None => Self::Database(source),
        }
    }
}

impl StoreError {
    /// Whether Postgres cannot write just now, which says nothing about what it was asked to write.
    pub fn is_unwritable(&self) -> bool {
        matches!(self, Self::Unwritable { .. })
    }

    pub(crate) fn connecting(source: sqlx::Error) -> Self {
        Self::Connecting(source)
    }

    pub(crate) fn migrating(source: sqlx::migrate::MigrateError) -> Self {
        Self::Migrating(Box::new(source))
    }

    /// Whether Postgres ended the transaction for another one's sake (deadlock, serialisation): it may be repeated whole.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        matches!(error.code().as_deref(), Some("40P01" | "40001"))
    }
}
