//! `orgmirror bulk`: shows what an operation would do, or asks for it and waits for its end.

use std::time::Duration;

use anyhow::{Context, Result};
use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{OperationId, OrgKey};
use orgmirror_domain::operation::{Limits, OperationState};
use orgmirror_runtime::config::Config;
use orgmirror_runtime::shutdown;
use orgmirror_store::Store;
use orgmirror_store::operation::request::{Asked, Wanted, new_id};
use orgmirror_store::operation::view::OperationView;
use serde::Serialize;
use serde_json::json;

use super::accounts::{self, Accounts};
use super::{bulk_actions, print_json};
use crate::cli::Bulk;
use crate::forecast::Forecast;
use crate::outcome::Outcome;
use crate::{operation_text, wiring};

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) async fn run(config: &Config, arguments: Bulk, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let limits = wiring::limits(config)?;
    let actions = match bulk_actions::actions(&store, org, &arguments).await? {
        Ok(actions) => actions,
        Err(lacks) => {
            eprintln!("error: this action needs {lacks}");
            return Ok(Outcome::WrongUsage);
        }
    };
    let accounts = accounts::accounts(&store, org, &arguments.selection, limits.max_items).await?;
    if arguments.dry_run {
        return show(config, &store, org, &actions, &accounts, &limits, json).await;
    }
    let mut asked = Vec::with_capacity(actions.len());
    for action in actions {
        let (id, filter) = (new_id(), accounts.filter.clone());
        let wanted = Wanted { id, action, accounts: accounts.ids.clone(), requested_by: arguments.by.clone(), filter };
        asked.push((id, store.request_operation(org, &wanted, &limits).await?));
    }
    for (id, asked) in asked.iter().filter(|(_, asked)| asked.state == OperationState::Approval) {
        eprintln!("A second person must approve: orgmirror operations {id} --approve {} --by NAME", asked.revision);
    }
    if arguments.wait { wait(&store, org, &asked, json).await } else { told(&asked, json) }
}

/// What each operation would do.
async fn show(
    config: &Config,
    store: &Store,
    org: OrgKey,
    actions: &[Action],
    accounts: &Accounts,
    limits: &Limits,
    json: bool,
) -> Result<Outcome> {
    let rate = Forecast::new(config, store, org).await.general().await.and_then(|general| general.learnt_per_minute);
    let mut previews = Vec::with_capacity(actions.len());
    for action in actions {
        previews.push(store.preview_operation(org, action, &accounts.ids, limits).await?.at_rate(rate));
    }
    if json {
        print_one_or_all(&previews)?;
    } else {
        for (action, preview) in actions.iter().zip(&previews) {
            println!("{}", operation_text::preview(action, preview));
        }
    }
    Ok(Outcome::Done)
}

/// Says what was asked for, and ends.
fn told(asked: &[(OperationId, Asked)], json: bool) -> Result<Outcome> {
    if json {
        let told = |(id, asked): &(OperationId, Asked)| json!({ "id": id, "state": asked.state, "revision": asked.revision });
        print_one_or_all(&asked.iter().map(told).collect::<Vec<_>>())?;
    } else {
        for (id, _) in asked {
            eprintln!("Operation {id} was asked for; `orgmirror operations {id}` shows how far it is.");
        }
    }
    let held = asked.iter().any(|(_, asked)| asked.state == OperationState::Approval);
    Ok(if held { Outcome::Held } else { Outcome::Done })
}

/// Waits for each; the first that did not end well gives the exit status.
async fn wait(store: &Store, org: OrgKey, asked: &[(OperationId, Asked)], json: bool) -> Result<Outcome> {
    let (mut shown, mut status) = (Vec::with_capacity(asked.len()), Outcome::Done);
    for (_, asked) in asked {
        let ended = until_ended(store, org, *asked).await?;
        if status == Outcome::Done {
            status = outcome(&ended);
        }
        if json {
            shown.push(json!({ "operation": ended, "items": store.operation_items(ended.operation).await? }));
        } else {
            println!("{}", operation_text::summary(&ended));
        }
    }
    if json {
        print_one_or_all(&shown)?;
    }
    Ok(status)
}

/// One document: what there is of it, or a list where there are several.
fn print_one_or_all<T: Serialize>(documents: &[T]) -> Result<()> {
    match documents {
        [one] => print_json(one),
        all => print_json(&all),
    }
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
