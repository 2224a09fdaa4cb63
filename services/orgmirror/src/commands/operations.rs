//! `orgmirror operations`: bulk operations, what came of their accounts, and what a person does with them.

use anyhow::{Context, Result};
use orgmirror_console::rows::Row;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::operation::NoApproval;
use orgmirror_runtime::config::Config;
use orgmirror_store::Store;
use orgmirror_store::operation::view::{ItemView, OperationView};
use orgmirror_store::run::Moved;
use serde_json::json;

use super::print_json;
use crate::cli::Operations;
use crate::export::{Export, Format};
use crate::outcome::Outcome;
use crate::{operation_text, wiring};

pub(crate) async fn run(config: &Config, arguments: Operations, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let Some(id) = arguments.id else {
        let operations = store.operations(org, None, arguments.limit.into()).await?;
        if json || arguments.format == Format::Json {
            print_json(&operations)?;
        } else {
            println!("{}", operation_text::list(&operations));
        }
        return Ok(Outcome::Done);
    };
    let key = store.operation_key(org, id).await?;
    let operation = store.operations(org, Some(key), 1).await?.into_iter().next().context("the operation has gone")?;
    if let Some(revision) = arguments.approve {
        if arguments.by.trim().is_empty() {
            eprintln!("error: say who approves: --by NAME");
            return Ok(Outcome::WrongUsage);
        }
        return approve(&store, &operation, &arguments.by, revision).await;
    }
    let by = Actor::person(&arguments.by);
    if arguments.cancel {
        return match store.cancel_operation(key, &by).await? {
            Moved::Yes => done("Cancelled: what had not begun is not done."),
            Moved::TooLate => refused(&format!("the operation is {}; there is nothing left to cancel", operation.state)),
        };
    }
    if arguments.retry {
        return match store.retry_operation(key, &by).await? {
            0 => refused("nothing of the operation failed, so there is nothing to try again"),
            items => done(&format!("{items} accounts are read and tried again.")),
        };
    }
    let items = store.operation_items(key).await?;
    match (json, arguments.format) {
        (true, _) | (_, Format::Json) => print_json(&json!({ "operation": operation, "items": items }))?,
        (_, Format::Csv) => csv(&items)?,
        (_, Format::Table) => println!("{}\n{}", operation_text::summary(&operation), operation_text::items(&items)),
    }
    Ok(Outcome::Done)
}

async fn approve(store: &Store, operation: &OperationView, person: &str, revision: i32) -> Result<Outcome> {
    match store.approve_operation(operation.operation, person, revision).await? {
        Ok(()) => done("Approved: its accounts are read now, and changed when they are fresh."),
        Err(NoApproval::SamePerson) => refused(&format!("{} asked for it; somebody else has to approve", operation.requested_by)),
        Err(NoApproval::OtherList) => {
            refused(&format!("the list has changed: it has revision {} now; look at it, then approve that", operation.revision))
        }
        Err(NoApproval::NotAwaited) => refused(&format!("the operation is {}; it waits for no approval", operation.state)),
    }
}

fn done(text: &str) -> Result<Outcome> {
    eprintln!("{text}");
    Ok(Outcome::Done)
}

fn refused(text: &str) -> Result<Outcome> {
    eprintln!("error: {text}");
    Ok(Outcome::Failed)
}

/// A line for each account, under headings.
fn csv(items: &[ItemView]) -> Result<()> {
    let mut lines = Export::new(Format::Csv, ItemView::COLUMNS)?;
    for item in items {
        lines.row(item, item.cells())?;
    }
    lines.finish()
}
