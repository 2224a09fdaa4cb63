//! Commands that keep filters.

use clap::{Args, Subcommand};
use orgmirror_domain::name::Name;

#[derive(Debug, Subcommand)]
pub(crate) enum Filters {
    /// All that are saved.
    ///
    /// Example: `orgmirror filters list`
    List,
    /// Keeps a filter under a name; one of that name before is replaced.
    ///
    /// Example: `orgmirror filters save idle 'status:active inactive>90d'`
    Save(Save),
    /// Forgets a saved filter.
    ///
    /// Example: `orgmirror filters delete idle`
    Delete(Delete),
    /// Tells how a filter is understood, and how many users each of its conditions finds.
    ///
    /// Example: `orgmirror filters explain 'product:confluence -group:"jira admins"'`
    Explain(Explain),
}

#[derive(Args, Debug)]
pub(crate) struct Save {
    /// Letters, digits, `-`, `_` and `.`, at most 64.
    pub(crate) name: Name,
    /// The filter.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: String,
    /// Who asks, for the audit log.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Its name, as `orgmirror filters list` shows it.
    pub(crate) name: Name,
    /// Who asks, for the audit log.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The filter, or `@NAME` of a saved one.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: String,
}
