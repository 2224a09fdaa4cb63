//! Commands about automated tasks.

use clap::{Args, Subcommand};
use orgmirror_domain::ids::TaskRunId;
use orgmirror_domain::name::Name;
use orgmirror_domain::schedule::Schedule;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(crate) enum Tasks {
    /// All of them, each in a sentence.
    ///
    /// Example: `orgmirror tasks list`
    List,
    /// All about one.
    ///
    /// Example: `orgmirror tasks show idle`
    Show(OneTask),
    /// Makes a task. What its schedule planned before is not caught up.
    ///
    /// Example: `orgmirror tasks create idle --filter @idle --action suspend --schedule 'weekly mon 06:00 Europe/Berlin' --max 200`
    Create(CreateTask),
    /// Lets the schedule start a task, from now on.
    ///
    /// Example: `orgmirror tasks enable idle`
    Enable(OneTask),
    /// Switches a task off, and stops a run that has not acted yet. Operations under way are cancelled by `orgmirror operations ID --cancel`.
    ///
    /// Example: `orgmirror tasks disable idle`
    Disable(OneTask),
    /// Deletes a task.
    ///
    /// Example: `orgmirror tasks delete idle`
    Delete(OneTask),
    /// Asks for a run beside the schedule.
    ///
    /// Example: `orgmirror tasks run idle --wait`
    Run(RunTask),
    /// What its runs did, newest first; of one run also who dropped out, and who matched only after the refresh.
    ///
    /// Example: `orgmirror tasks log idle --limit 5`
    Log(TaskLog),
}

#[derive(Args, Debug)]
pub(crate) struct OneTask {
    /// Its name, as `orgmirror tasks list` shows it.
    pub(crate) name: Name,
    /// Who asks.
    #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct CreateTask {
    /// Letters, digits, `-`, `_` and `.`, at most 64.
    pub(crate) name: Name,
    /// Whom it is about: a filter, or `@NAME` of a saved one as it is now.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) filter: String,
    /// What is done to each of them, as `orgmirror bulk` names it: 'add-to-group GROUP', 'suspend', 'revoke-role ROLE RESOURCE'. Several are done in
    /// this order, each for those for whom the one before was done.
    #[arg(long = "action", value_name = "ACTION", required = true)]
    pub(crate) actions: Vec<String>,
    /// When: 'weekdays 06:00 Europe/Berlin', 'weekly mon,thu 03:00', 'once 2026-12-01 03:00', 'every 6h', cron; then 'except sat,sun; 08:00-18:00'.
    #[arg(long, value_name = "TIMES")]
    pub(crate) schedule: Schedule,
    /// A run that matches more accounts does nothing.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pub(crate) max: u32,
    /// Do not start it by its schedule before `orgmirror tasks enable`.
    #[arg(long)]
    pub(crate) disabled: bool,
    /// Who asks.
    #[arg(long, env = "USER", value_name = "NAME")]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct RunTask {
    /// Its name.
    pub(crate) name: Name,
    /// End with the run: 0 if it did what there was to do, 1 if not, 3 if a second person must approve.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Who asks.
    #[arg(long, env = "USER", value_name = "NAME")]
    pub(crate) by: String,
}

#[derive(Args, Debug)]
pub(crate) struct TaskLog {
    /// Its name.
    pub(crate) name: Name,
    /// All about this run.
    #[arg(long, value_name = "ID", value_parser = run_id)]
    pub(crate) run: Option<TaskRunId>,
    /// How many.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u16,
}

fn run_id(text: &str) -> Result<TaskRunId, String> {
    Uuid::parse_str(text).map(TaskRunId).map_err(|_| "a run's id is a UUID; `orgmirror tasks log NAME` shows them".to_owned())
}
