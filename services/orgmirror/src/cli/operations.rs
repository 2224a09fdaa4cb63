//! Commands that change accounts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use orgmirror_domain::ids::OperationId;
use uuid::Uuid;

use crate::export::Format;

/// What `orgmirror bulk` does to each account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActionWord {
    /// Make it a member of --group.
    AddToGroup,
    /// Take it out of --group.
    RemoveFromGroup,
    /// Take its access to all apps away, and keep its roles and groups.
    Suspend,
    /// Give that back.
    Restore,
    /// Remove it from the directory, with all its roles and groups.
    RemoveFromDirectory,
    /// Deactivate a managed account everywhere.
    Disable,
    /// Reactivate a managed account.
    Enable,
    /// Give it --role on --resource.
    GrantRole,
    /// Take --role on --resource away.
    RevokeRole,
}

#[derive(Args, Debug)]
pub(crate) struct Bulk {
    /// What to do to each account.
    #[arg(value_enum)]
    pub(crate) action: ActionWord,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// The group, for actions of a group.
    #[arg(long, value_name = "ID")]
    pub(crate) group: Option<Uuid>,
    /// The directory's id or name, for suspend, restore and remove-from-directory; all directories one after the other if none is named.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) directory: Option<String>,
    /// The resource's ARI, for roles.
    #[arg(long, value_name = "ARI")]
    pub(crate) resource: Option<String>,
    /// The role, such as atlassian/user.
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// End with the operation. Status 3: a second person must approve; 4: some accounts could not be read freshly.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Who asks.
    #[arg(long, env = "USER", value_name = "NAME")]
    pub(crate) by: String,
}

/// Which accounts; one way of saying so.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Selection {
    /// These accounts, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "ID,..")]
    pub(crate) accounts: Vec<String>,
    /// Whoever matches this filter, or `@NAME` of a saved one, in the mirror as it is now.
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Those of a CSV file: a column `account_id` or `email`, or ids or addresses in the first column.
    #[arg(long, value_name = "CSV")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Operations {
    /// All about this one.
    #[arg(value_parser = operation_id)]
    pub(crate) id: Option<OperationId>,
    /// How many.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u16,
    /// How to show what came of each account.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Approve the list of this revision, as a second person.
    #[arg(long, value_name = "REVISION", requires = "id", conflicts_with_all = ["cancel", "retry"])]
    pub(crate) approve: Option<i32>,
    /// Stop it: what has not begun is not done.
    #[arg(long, requires = "id", conflicts_with = "retry")]
    pub(crate) cancel: bool,
    /// Try again what failed.
    #[arg(long, requires = "id")]
    pub(crate) retry: bool,
    /// Who approves, cancels or tries again.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(crate) by: String,
}

fn operation_id(text: &str) -> Result<OperationId, String> {
    Uuid::parse_str(text)
        .map(OperationId)
        .map_err(|_| "an operation's id is a UUID; `orgmirror operations` shows them".to_owned())
}
