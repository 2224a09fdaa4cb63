//! `orgmirror tasks`: automated tasks, and what their runs did.

use std::time::Duration;

use anyhow::{Context, Result};
use orgmirror_domain::action::{Action, ActionError};
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::OrgKey;
use orgmirror_domain::name::Name;
use orgmirror_domain::operation::OperationState;
use orgmirror_domain::task::{ACTIONS_MAX, Task, TaskRunState};
use orgmirror_runtime::config::Config;
use orgmirror_runtime::shutdown;
use orgmirror_store::Store;
use orgmirror_store::task::view::TaskRunView;
use serde_json::json;

use super::{bulk_actions, print_json};
use crate::cli::{CreateTask, RunTask, TaskLog, Tasks};
use crate::outcome::Outcome;
use crate::{task_text, typed_filter, wiring};

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) async fn run(config: &Config, command: Tasks, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    match command {
        Tasks::List => list(&store, org, json).await,
        Tasks::Show(one) => show(&store, org, &one.name, json).await,
        Tasks::Create(arguments) => create(&store, org, arguments, json).await,
        Tasks::Enable(one) => {
            store.enable_task(org, &one.name, &Actor::person(&one.by)).await?;
            show(&store, org, &one.name, json).await
        }
        Tasks::Disable(one) => {
            store.disable_task(org, &one.name, &Actor::person(&one.by)).await?;
            show(&store, org, &one.name, json).await
        }
        Tasks::Delete(one) => {
            store.delete_task(org, &one.name, &Actor::person(&one.by)).await?;
            if json {
                print_json(&json!({ "deleted": one.name }))?;
            } else {
                eprintln!("Deleted {}.", one.name);
            }
            Ok(Outcome::Done)
        }
        Tasks::Run(arguments) => ask(&store, org, &arguments, json).await,
        Tasks::Log(arguments) => log(&store, org, &arguments, json).await,
    }
}

async fn list(store: &Store, org: OrgKey, json: bool) -> Result<Outcome> {
    let tasks = store.tasks(org, None).await?;
    if json {
        print_json(&tasks)?;
    } else if tasks.is_empty() {
        eprintln!("There is no task. `orgmirror tasks create --help` shows how to make one.");
    } else {
        println!("{}", task_text::list(&tasks));
    }
    Ok(Outcome::Done)
}

async fn show(store: &Store, org: OrgKey, name: &Name, json: bool) -> Result<Outcome> {
    let task = store.tasks(org, Some(name)).await?.pop();
    let task = task.with_context(|| format!("there is no task {name}; `orgmirror tasks list` shows all"))?;
    if json {
        print_json(&task)?;
    } else {
        println!("{}", task_text::task(&task));
    }
    Ok(Outcome::Done)
}

async fn create(store: &Store, org: OrgKey, arguments: CreateTask, json: bool) -> Result<Outcome> {
    let (filter, selection) = typed_filter::select(store, org, &arguments.filter).await?;
    let mut actions = Vec::with_capacity(arguments.actions.len());
    for text in &arguments.actions {
        match action(store, org, text).await? {
            Ok(action) => actions.push(action),
            Err(problem) => {
                eprintln!("error: {problem}");
                return Ok(Outcome::WrongUsage);
            }
        }
    }
    if actions.len() > ACTIONS_MAX {
        eprintln!("error: {} actions are more than a task may have ({ACTIONS_MAX})", actions.len());
        return Ok(Outcome::WrongUsage);
    }
    let name = arguments.name.clone();
    let task = Task { name: arguments.name, filter, actions, schedule: arguments.schedule, max_items: arguments.max };
    store.create_task(org, &task, !arguments.disabled, &Actor::person(&arguments.by)).await?;
    typed_filter::tell_caveats(&selection);
    let matching = store.count_users(&selection).await?;
    if matching > i64::from(arguments.max) {
        eprintln!("note: {matching} accounts match by now, and a run that matches more than {} does nothing", arguments.max);
    }
    show(store, org, &name, json).await
}

/// An action as it is typed, or what is wrong with it. A directory may be its name; the only one need not be named.
async fn action(store: &Store, org: OrgKey, text: &str) -> Result<Result<Action, String>> {
    let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let text = if matches!(word, "suspend" | "restore" | "remove-from-directory") {
        let wanted = Some(rest.trim()).filter(|rest| !rest.is_empty());
        match bulk_actions::directories(store, org, wanted).await?.as_slice() {
            [directory] => format!("{word} {directory}"),
            _ => return Ok(Err(format!("there are several directories; say which: '{word} DIRECTORY'"))),
        }
    } else {
        text.to_owned()
    };
    Ok(text.parse().map_err(|error: ActionError| error.to_string()))
}

/// Asks for a run, and waits for it if told to.
async fn ask(store: &Store, org: OrgKey, arguments: &RunTask, json: bool) -> Result<Outcome> {
    let newest = async || -> Result<Option<TaskRunView>> { Ok(store.task_runs(org, &arguments.name, None, 1).await?.pop()) };
    let before = newest().await?.map(|run| run.key);
    store.ask_for_task_run(org, &arguments.name, &Actor::person(&arguments.by)).await?;
    if !arguments.wait {
        if json {
            print_json(&json!({ "requested": true }))?;
        } else {
            eprintln!("A run was asked for; `orgmirror tasks log {}` shows what it does.", arguments.name);
        }
        return Ok(Outcome::Done);
    }
    let stop = shutdown::on_signal()?;
    loop {
        // A run that was open before is not the answer; the answer is the only one after it.
        if let Some(run) = newest().await?.filter(|run| Some(run.key) != before) {
            let held = run.operations.iter().any(|step| step.state == OperationState::Approval);
            if run.state.has_ended() || held || stop.is_cancelled() {
                if json {
                    print_json(&run)?;
                } else {
                    println!("{}", task_text::run(&run));
                }
                return Ok(if held { Outcome::Held } else { outcome(&run) });
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => {}
        }
        if stop.is_cancelled() {
            return Ok(Outcome::Failed);
        }
    }
}

fn outcome(run: &TaskRunView) -> Outcome {
    let shown = run.operations.iter().all(|step| step.state == OperationState::Settled && step.failed == 0);
    if run.state == TaskRunState::Done && shown { Outcome::Done } else { Outcome::Failed }
}

async fn log(store: &Store, org: OrgKey, arguments: &TaskLog, json: bool) -> Result<Outcome> {
    if let Some(id) = arguments.run {
        let run = store.task_run(org, id).await?;
        let lists = store.task_run_lists(run.key).await?;
        if json {
            print_json(&json!({ "run": run, "dropped": lists.dropped, "appeared": lists.appeared }))?;
        } else {
            println!("{}\n{}", task_text::run(&run), task_text::lists(&lists));
        }
        return Ok(Outcome::Done);
    }
    let runs = store.task_runs(org, &arguments.name, None, arguments.limit).await?;
    if json {
        print_json(&runs)?;
    } else if runs.is_empty() {
        eprintln!("{} has not run yet.", arguments.name);
    } else {
        println!("{}", task_text::log(&runs));
    }
    Ok(Outcome::Done)
}
