//! `orgmirror runs`.

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use orgmirror_domain::run::Hold;
use orgmirror_runtime::config::Config;
use orgmirror_store::exception::Exception;
use orgmirror_store::progress::{Going, RunView, Which};
use serde::Serialize;

use super::print_json;
use crate::cli::Runs;
use crate::outcome::Outcome;
use crate::{summary, wiring};

/// Accounts and groups named at most; the run tells how many there are.
const MOST_UNREADABLE: i64 = 1_000;

pub(crate) async fn run(config: &Config, arguments: Runs, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    if let Some(id) = arguments.id {
        let run = store.run_key(org, id).await?;
        for run in store.runs(Which::One(run)).await? {
            let list = if run.hold == Some(Hold::Approval) { store.sweep_list(run.run).await? } else { Vec::new() };
            let unreadable = store.exceptions(run.run, MOST_UNREADABLE).await?;
            if json {
                print_json(&Shown { run, unreadable, would_remove: list })?;
                continue;
            }
            println!("{}", summary::summary(&run, None));
            for one in unreadable {
                println!("  unreadable    {} {}: {}", one.kind, one.id, one.reason);
            }
            for row in list {
                println!(
                    "  would remove  {} {} {} {}",
                    row.kind,
                    row.id,
                    row.name.unwrap_or_default(),
                    row.email.unwrap_or_default()
                );
            }
        }
        return Ok(Outcome::Done);
    }
    let runs = store.runs(Which::Newest(org, arguments.limit.into())).await?;
    if json {
        print_json(&runs)?;
    } else if runs.is_empty() {
        eprintln!("There were no syncs yet; `orgmirror sync --wait` asks for one.");
    } else {
        println!("{}", table(&runs));
    }
    Ok(Outcome::Done)
}

/// A run, what it could not read, and the list that waits for a person's approval.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    run: RunView,
    unreadable: Vec<Exception>,
    would_remove: Vec<Going>,
}

/// Runs as a table.
pub(super) fn table(runs: &[RunView]) -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["run", "kind", "scope", "state", "requested", "calls", "added", "changed", "removed", "discrepancies"]);
    for run in runs {
        let state = summary::held(run).map_or_else(|| run.phase.to_string(), |held| format!("{}, {held}", run.phase));
        table.add_row([
            run.run_id.to_string(),
            run.kind.to_string(),
            run.scope.clone(),
            state,
            run.requested_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            run.calls.to_string(),
            run.rows_added.to_string(),
            run.rows_changed.to_string(),
            run.rows_removed.to_string(),
            run.discrepancies.len().to_string(),
        ]);
    }
    table
}
