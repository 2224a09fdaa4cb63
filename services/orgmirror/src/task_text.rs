//! What people read of automated tasks.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use orgmirror_store::task::view::{ListedAccount, TaskRunLists, TaskRunView, TaskView};

/// Tasks, a line each.
pub(crate) fn list(tasks: &[TaskView]) -> Table {
    let mut table = plain(["task", "next run", "last run", "what it does"]);
    for task in tasks {
        let last = task.last_run.as_ref().map(|run| format!("{} {}", run.state, time(run.started_at)));
        table.add_row([task.name.to_string(), next(task), last.unwrap_or_else(|| "none yet".to_owned()), task.sentence.clone()]);
    }
    table
}

/// All about one task.
pub(crate) fn task(task: &TaskView) -> String {
    let mut text = format!("{}\n  task          {}\n  next run      {}", task.sentence, task.name, next(task));
    // Writing to a string cannot fail.
    let mut row = |label: &str, value: &str| {
        let _never = write!(text, "\n  {label:<14}{value}");
    };
    row("schedule", &task.schedule);
    for action in &task.actions {
        row("action", &action.to_string());
    }
    row("asked for by", &task.asked_by);
    if let Some(last) = &task.last_run {
        row("last run", &run(last).replace('\n', "\n  "));
    }
    text
}

/// What a run did, in a few lines.
pub(crate) fn run(run: &TaskRunView) -> String {
    let mut text = format!("{} ({}), began {}, asked for by {}", run.state, run.id, time(run.started_at), run.asked_by);
    let _never = write!(text, "\n  chosen        {} accounts", run.selected);
    if let (Some(dropped), Some(appeared)) = (run.dropped, run.appeared) {
        let _never = write!(text, "; {dropped} dropped out when read anew, {appeared} matched only then and were left alone");
    }
    for step in &run.operations {
        let _never = write!(text, "\n  operation     {} {}: {} done, {} failed", step.id, step.state, step.done, step.failed);
    }
    if let Some(reason) = &run.reason {
        let _never = write!(text, "\n  reason        {reason}");
    }
    text
}

/// The log of a task, a line for each run.
pub(crate) fn log(runs: &[TaskRunView]) -> Table {
    let mut table = plain(["run", "began", "state", "chosen", "dropped", "appeared", "operations", "reason"]);
    for run in runs {
        let count = |count: Option<i64>| count.map(|count| count.to_string()).unwrap_or_default();
        let operations: Vec<String> = run.operations.iter().map(|step| format!("{} {}", step.id, step.state)).collect();
        table.add_row([
            run.id.to_string(),
            time(run.started_at),
            run.state.to_string(),
            run.selected.to_string(),
            count(run.dropped),
            count(run.appeared),
            operations.join(", "),
            run.reason.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// Whom a run did not act on.
pub(crate) fn lists(lists: &TaskRunLists) -> Table {
    let mut table = plain(["account", "name", "why nothing was done"]);
    let mut add = |accounts: &[ListedAccount], why: &str| {
        for account in accounts {
            table.add_row([account.account_id.as_str(), account.name.as_deref().unwrap_or_default(), why]);
        }
    };
    add(&lists.dropped, "did not match any more when read anew");
    add(&lists.appeared, "matched only when read anew");
    table
}

fn next(task: &TaskView) -> String {
    match (task.next_at, task.active) {
        _ if task.run_asked_by.is_some() => "as soon as possible".to_owned(),
        (Some(at), _) => time(at),
        (None, true) => "nothing is planned any more".to_owned(),
        (None, false) => "switched off".to_owned(),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn plain<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings);
    table
}
