//! Commands that read the mirror.

use clap::Args;
use orgmirror_domain::filter::Days;

use crate::export::Format;

#[derive(Args, Debug)]
pub(crate) struct Users {
    /// Only these: a filter, or `@NAME` of a saved one.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) filter: Option<String>,
    /// A table shows 50 rows, the others all, unless `--limit` says how many.
    #[arg(long, value_enum, conflicts_with = "json")]
    pub(crate) format: Option<Format>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Groups {
    /// Only those with this in their name; capitals and small letters are the same.
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// A table shows 50 rows, the others all, unless `--limit` says how many.
    #[arg(long, value_enum, conflicts_with = "json")]
    pub(crate) format: Option<Format>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct Licenses {
    /// Who did not use a product for longer than this is inactive on it: 90d, 12w.
    #[arg(long, default_value = "90d", value_name = "TIME", value_parser = days)]
    pub(crate) inactive: Days,
    /// How the rows are written; JSON is one document.
    #[arg(long, value_enum, conflicts_with = "json")]
    pub(crate) format: Option<Format>,
}

fn days(text: &str) -> Result<Days, String> {
    text.parse().map_err(|expected| format!("expected {expected}"))
}
