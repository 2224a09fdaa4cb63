//! Commands about the audit log.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use orgmirror_domain::audit::Event;
use orgmirror_store::audit::Head;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    /// Only entries of this time or later (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Only entries of this event, such as operation_requested.
    #[arg(long, value_name = "EVENT", value_parser = event)]
    pub(crate) event: Option<Event>,
    /// Only what this person or program did.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Only what happened to this: the id of a run or operation, the name of a task or filter.
    #[arg(long, value_name = "ID")]
    pub(crate) about: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Computes the chain of all entries anew: one that was changed, removed or inserted is named. Ends with status 1 then.
    ///
    /// Example: `orgmirror audit verify --known 1284:9f4efe1d...`
    Verify(Verify),
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The newest entry of an earlier check, as that printed it: it must be there as it was. Keep it where nobody can write who can write to Postgres.
    #[arg(long, value_name = "NUMBER:HASH", value_parser = head)]
    pub(crate) known: Option<Head>,
}

fn event(word: &str) -> Result<Event, String> {
    Event::from_str(word).map_err(|_| {
        let words: Vec<&str> = Event::ALL.iter().map(|event| event.as_str()).collect();
        format!("events are {}", words.join(", "))
    })
}

fn head(text: &str) -> Result<Head, String> {
    let head = text.split_once(':').and_then(|(number, hash)| {
        let digits = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = number.parse().ok().filter(|_| digits)?;
        Some(Head { number, hash: hash.to_ascii_lowercase() })
    });
    head.ok_or_else(|| "write NUMBER:HASH as `orgmirror audit verify` printed it, with 64 digits of hash".to_owned())
}
