//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use orgmirror_domain::filter::Days;
use orgmirror_domain::ids::{OperationId, RunId};
use orgmirror_runtime::config::Rate;
use uuid::Uuid;

use crate::export::Format;

/// Mirrors an Atlassian organisation into Postgres: users, groups, memberships, product access, sites.
///
/// Example: `orgmirror up --demo` shows all of it with a simulated organisation.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// File with settings; it need not exist.
    #[arg(long, global = true, default_value = "orgmirror.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// One JSON document on standard output, nothing else there.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Logs as JSON, one document a line.
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process; starts a private Postgres and Redis unless their URLs are set.
    ///
    /// Example: `orgmirror up --demo --once`
    Up(Up),
    /// Plans runs, publishes jobs, watches barriers. Any number may run.
    ///
    /// Example: `orgmirror coordinator`
    Coordinator,
    /// Works on jobs. Add as many as you like, stop them whenever you like.
    ///
    /// Example: `ORGMIRROR_WORKER__CONCURRENCY=4 orgmirror worker`
    Worker,
    /// Pages for people and an HTTP API for programs. Any number may run.
    ///
    /// Example: `ORGMIRROR_CONSOLE__LISTEN=127.0.0.1:8080 orgmirror console`
    Console,
    /// Brings the database's schema up to date, or says that it is.
    ///
    /// Example: `orgmirror migrate`
    Migrate,
    /// A simulated organisation behind the Organization API, for trying and testing.
    ///
    /// Example: `orgmirror orgsim --users 5000 --groups 2000 --listen 127.0.0.1:9000`
    Orgsim(Orgsim),
    /// Asks for a sync. Asking while one runs is fine: the request is answered by the next one.
    ///
    /// Example: `orgmirror sync --wait`
    Sync(Sync),
    /// How fresh the mirror is, what runs, what waits and why.
    ///
    /// Example: `orgmirror status --json`
    Status,
    /// Runs, newest first; with an id, all about one.
    ///
    /// Example: `orgmirror runs --limit 5`
    Runs(Runs),
    /// Who is in the mirror, by filter.
    ///
    /// Example: `orgmirror users --filter 'status:active inactive:confluence>90d' --format csv > idle.csv`
    ///
    /// `docs/filters.md` describes filters; `orgmirror filters explain` tells how one is understood.
    Users(Users),
    /// Which groups are in the mirror.
    ///
    /// Example: `orgmirror groups --name admins`
    Groups(Groups),
    /// Seats of each product and site: active, inactive, billable, and what unused ones cost.
    ///
    /// Example: `orgmirror licenses --inactive 60d`
    Licenses(Licenses),
    /// Keeps filters under names, and tells how one is understood.
    ///
    /// Example: `orgmirror filters save idle 'status:active inactive>90d'`
    #[command(subcommand)]
    Filters(Filters),
    /// Stops a run.
    ///
    /// Example: `orgmirror cancel 0192f3a0-0000-7000-8000-000000000000`
    Cancel(OneRun),
    /// Agrees to what a held run would remove from the mirror.
    ///
    /// Example: `orgmirror approve 0192f3a0-0000-7000-8000-000000000000`
    Approve(OneRun),
    /// Lets a held run go on, with the key of the settings as the current one.
    ///
    /// Example: `orgmirror resume 0192f3a0-0000-7000-8000-000000000000`
    Resume(OneRun),
    /// Asks every part that an installation needs, and says what to do about each that fails.
    ///
    /// Example: `orgmirror doctor`
    Doctor,
    /// Encrypts an API key from standard input for the key file.
    ///
    /// Example: `orgmirror seal-key --expires 2027-03-01 < key > /etc/orgmirror/key`
    SealKey(SealKey),
    /// Changes many accounts, each on a reading that is newer than the request.
    ///
    /// Example: `orgmirror bulk add-to-group --group 6a1e0b2c-0000-4000-8000-000000000001 --file people.csv --dry-run`
    Bulk(Bulk),
    /// Bulk operations, newest first; with an id, what came of each account.
    ///
    /// Example: `orgmirror operations 0192f3a0-0000-7000-8000-000000000000 --format csv`
    Operations(Operations),
}

#[derive(Args, Debug)]
pub(crate) struct SealKey {
    /// The key's last day, as its maker chose it.
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Option<NaiveDate>,
}

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
    /// Who approves.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Simulate an organisation and sync it, with progress bars.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Users of the simulated organisation.
    #[arg(long, default_value_t = 120_000, value_name = "N")]
    pub(crate) demo_users: usize,
    /// Groups of the simulated organisation.
    #[arg(long, default_value_t = 110_000, value_name = "N")]
    pub(crate) demo_groups: usize,
    /// Workers in this process.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) workers: usize,
    /// End after the sync, with its summary.
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the private servers keep their data.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Orgsim {
    /// How many users.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) users: usize,
    /// How many groups.
    #[arg(long, default_value_t = 200)]
    pub(crate) groups: usize,
    /// The same seed gives the same organisation.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,
    /// The key that callers must present.
    #[arg(long)]
    pub(crate) api_key: Option<String>,
    /// The organisation's id.
    #[arg(long)]
    pub(crate) org_id: Option<String>,
    /// Directories; users and groups are spread evenly over them.
    #[arg(long, default_value_t = 1)]
    pub(crate) directories: usize,
    /// How long each answer takes.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    pub(crate) latency: Duration,
    /// By how much that varies.
    #[arg(long, default_value = "0ms", value_parser = humantime::parse_duration)]
    pub(crate) jitter: Duration,
    /// Calls granted, as 200/min.
    #[arg(long)]
    pub(crate) rate_limit: Option<Rate>,
}

#[derive(Args, Debug)]
pub(crate) struct Sync {
    /// Only these accounts, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "ID,..", conflicts_with = "groups")]
    pub(crate) accounts: Vec<String>,
    /// Only these groups and their members, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "ID,..")]
    pub(crate) groups: Vec<Uuid>,
    /// Show progress, and end with the run.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Only if the mirror is not at least as fresh as this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) fresh_since: Option<DateTime<Utc>>,
}

#[derive(Args, Debug)]
pub(crate) struct Runs {
    /// All about this one.
    #[arg(value_parser = run_id)]
    pub(crate) id: Option<RunId>,
    /// How many.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u16,
}

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
    pub(crate) name: FilterName,
    /// The filter.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: String,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Its name, as `orgmirror filters list` shows it.
    pub(crate) name: FilterName,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The filter, or `@NAME` of a saved one.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: String,
}

/// A saved filter's name; the table refuses others.
#[derive(Clone, Debug)]
pub(crate) struct FilterName(pub(crate) String);

impl std::str::FromStr for FilterName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if name.len() <= 64 && name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && name.chars().all(inside) {
            Ok(Self(name.to_owned()))
        } else {
            Err("a name has letters, digits, `-`, `_` and `.`, begins with a letter or digit, and has at most 64".to_owned())
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct OneRun {
    /// The run's id, as `orgmirror runs` shows it.
    #[arg(value_parser = run_id)]
    pub(crate) id: RunId,
}

fn operation_id(text: &str) -> Result<OperationId, String> {
    Uuid::parse_str(text)
        .map(OperationId)
        .map_err(|_| "an operation's id is a UUID; `orgmirror operations` shows them".to_owned())
}

fn run_id(text: &str) -> Result<RunId, String> {
    Uuid::parse_str(text).map(RunId).map_err(|_| "a run's id is a UUID; `orgmirror runs` shows them".to_owned())
}
