//! The command line: one file for each group of commands.

mod audit;
mod filters;
mod operations;
mod people;
mod reading;
mod services;
mod syncs;
mod tasks;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use audit::{Audit, AuditCommand, Verify};
pub(crate) use filters::{Explain, Filters, Save};
pub(crate) use operations::{ActionWord, Bulk, Operations, Selection};
pub(crate) use people::{Allowed, People, Tokens};
pub(crate) use reading::{Groups, Licenses, Users};
pub(crate) use services::{Orgsim, SealKey, Up};
pub(crate) use syncs::{OneRun, Runs, Sync};
pub(crate) use tasks::{CreateTask, RunTask, TaskLog, Tasks};

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
    /// Who may use the console.
    ///
    /// Example: `orgmirror people add ana --role operator`
    #[command(subcommand)]
    People(People),
    /// Tokens by which programs use the HTTP API.
    ///
    /// Example: `orgmirror tokens make reports --role viewer --life 90days`
    #[command(subcommand)]
    Tokens(Tokens),
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
    /// Shows the settings in effect and where each comes from. Secrets are masked.
    ///
    /// Example: `orgmirror config | grep environment`
    Config,
    /// Asks every part that an installation needs, and says what to do about each that fails.
    ///
    /// Example: `orgmirror doctor`
    Doctor,
    /// Asks the service beside it, at its `metrics.listen`, whether it is ready; for health checks of containers.
    ///
    /// Example: `ORGMIRROR_METRICS__LISTEN=0.0.0.0:9464 orgmirror healthcheck`
    Healthcheck,
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
    /// Does something again and again to whoever matches a filter, on readings of its own.
    ///
    /// Example: `orgmirror tasks create idle --filter 'status:active inactive>90d' --action 'remove-from-group ID' --schedule 'weekdays 06:00 Europe/Berlin'`
    #[command(subcommand)]
    Tasks(Tasks),
    /// Who asked for what, decided on which freshness, with which result. Newest first.
    ///
    /// Example: `orgmirror audit --since 2026-11-01T00:00:00Z --event operation_requested`
    Audit(Audit),
}
