//! `orgmirror bulk`: shows what an operation would do, or asks for it and waits for its end.

use std::time::Duration;

use anyhow::{Context, Result};
use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{GroupId, OrgKey, ResourceId};
use orgmirror_domain::operation::OperationState;
use orgmirror_runtime::config::Config;
use orgmirror_runtime::shutdown;
use orgmirror_store::Store;
use orgmirror_store::operation::request::{Asked, Wanted, new_id};
use orgmirror_store::operation::view::OperationView;
use serde_json::json;

use super::{accounts, print_json};
use crate::cli::{ActionWord, Bulk};
use crate::outcome::Outcome;
use crate::{operation_text, wiring};

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) async fn run(config: &Config, arguments: Bulk, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let limits = wiring::limits(config)?;
    let Some(action) = action(&store, org, &arguments).await? else { return Ok(Outcome::WrongUsage) };
    let accounts = accounts::accounts(&store, org, &arguments.selection, limits.max_items).await?;
    if arguments.dry_run {
        let preview = store.preview_operation(org, &action, &accounts.ids, &limits).await?;
        if json {
            print_json(&preview)?;
        } else {
            println!("{}", operation_text::preview(&action, &preview));
        }
        return Ok(Outcome::Done);
    }
    let (accounts, filter) = (accounts.ids, accounts.filter);
    let wanted = Wanted { id: new_id(), action, accounts, requested_by: arguments.by, filter };
    let asked = store.request_operation(org, &wanted, &limits).await?;
    if asked.state == OperationState::Approval {
        eprintln!("A second person must approve: orgmirror operations {} --approve {} --by NAME", wanted.id, asked.revision);
    }
    if !arguments.wait {
        if json {
            print_json(&json!({ "id": wanted.id, "state": asked.state, "revision": asked.revision }))?;
        } else {
            eprintln!("Operation {} was asked for; `orgmirror operations {}` shows how far it is.", wanted.id, wanted.id);
        }
        return Ok(if asked.state == OperationState::Approval { Outcome::Held } else { Outcome::Done });
    }
    let ended = until_ended(&store, org, asked).await?;
    if json {
        print_json(&json!({ "operation": ended, "items": store.operation_items(ended.operation).await? }))?;
    } else {
        println!("{}", operation_text::summary(&ended));
    }
    Ok(outcome(&ended))
}

/// Tells what the operation waits for until it has ended, a person must act, or the command is stopped.
async fn until_ended(store: &Store, org: OrgKey, asked: Asked) -> Result<OperationView> {
    let stop = shutdown::on_signal()?;
    let mut told = None;
    loop {
        let now = store.operations(org, Some(asked.operation), 1).await?.into_iter().next().context("the operation has gone")?;
        if now.state.has_ended() || now.state == OperationState::Approval || stop.is_cancelled() {
            return Ok(now);
        }
        if told != now.waits_for {
            if let Some(reason) = &now.waits_for {
                eprintln!("waiting: {reason}");
            }
            told.clone_from(&now.waits_for);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// The exit status that an operation's end means.
fn outcome(ended: &OperationView) -> Outcome {
    match ended.state {
        OperationState::Approval => Outcome::Held,
        _ if ended.items.not_fresh > 0 => Outcome::NotFresh,
        OperationState::Settled if ended.items.failed == 0 => Outcome::Done,
        _ => Outcome::Failed,
    }
}

/// The action, or `None` after saying what it lacks.
async fn action(store: &Store, org: OrgKey, arguments: &Bulk) -> Result<Option<Action>> {
    let group = arguments.group.map(GroupId);
    let role = arguments.resource.as_deref().map(ResourceId::from).zip(arguments.role.clone());
    let directory = store.only_directory(org).await?;
    let (action, lacks) = match arguments.action {
        ActionWord::AddToGroup => (group.map(|group| Action::AddToGroup { group }), "--group"),
        ActionWord::RemoveFromGroup => (group.map(|group| Action::RemoveFromGroup { group }), "--group"),
        ActionWord::GrantRole => (role.map(|(resource, role)| Action::GrantRole { resource, role }), "--resource and --role"),
        ActionWord::RevokeRole => (role.map(|(resource, role)| Action::RevokeRole { resource, role }), "--resource and --role"),
        ActionWord::Disable => (Some(Action::Disable), ""),
        ActionWord::Enable => (Some(Action::Enable), ""),
        ActionWord::Suspend => (directory.map(|directory| Action::Suspend { directory }), ONE_DIRECTORY),
        ActionWord::Restore => (directory.map(|directory| Action::Restore { directory }), ONE_DIRECTORY),
        ActionWord::RemoveFromDirectory => (directory.map(|directory| Action::RemoveFromDirectory { directory }), ONE_DIRECTORY),
    };
    if action.is_none() {
        eprintln!("error: this action needs {lacks}");
    }
    Ok(action)
}

/// The mirror does not hold which directories an account is in, and so could not see what came of it.
const ONE_DIRECTORY: &str = "an organisation with exactly one directory in the mirror; sync first if there was no sync yet";
