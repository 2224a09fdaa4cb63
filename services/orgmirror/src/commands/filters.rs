//! `orgmirror filters`: keep filters under names, and see how one is understood.

use anyhow::Result;
use indicatif::HumanCount;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::filter::{Expression, Filter};
use orgmirror_domain::ids::OrgKey;
use orgmirror_runtime::config::Config;
use orgmirror_store::Store;
use orgmirror_store::filter::Caveat;
use serde::Serialize;
use serde_json::json;

use super::print_json;
use crate::cli::{Explain, Filters, Save};
use crate::export::{Export, Format};
use crate::outcome::Outcome;
use crate::{typed_filter, wiring};

/// What `explain --json` prints.
#[derive(Serialize)]
struct Explained {
    expression: Filter,
    users: i64,
    /// Those that must all hold, each by itself.
    conditions: Vec<Counted>,
    notes: Vec<&'static str>,
}

#[derive(Serialize)]
struct Counted {
    expression: Filter,
    users: i64,
}

pub(crate) async fn run(config: &Config, command: Filters, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    match command {
        Filters::List => list(&store, org, json).await,
        Filters::Save(arguments) => save(&store, org, &arguments, json).await,
        Filters::Delete(named) => {
            store.delete_filter(org, named.name.as_str(), &Actor::person(named.by)).await?;
            if json {
                print_json(&json!({ "deleted": named.name }))?;
            } else {
                eprintln!("Deleted {}.", named.name);
            }
            Ok(Outcome::Done)
        }
        Filters::Explain(arguments) => explain(&store, org, &arguments, json).await,
    }
}

async fn list(store: &Store, org: OrgKey, json: bool) -> Result<Outcome> {
    let saved = store.saved_filters(org).await?;
    if json {
        print_json(&saved)?;
        return Ok(Outcome::Done);
    }
    if saved.is_empty() {
        eprintln!("No filter is saved. For example: orgmirror filters save idle 'status:active inactive>90d'");
    }
    let mut export = Export::new(Format::Table, &["name", "filter", "saved"])?;
    for filter in &saved {
        let saved_at = filter.saved_at.format("%Y-%m-%d %H:%M").to_string();
        export.row(filter, vec![filter.name.clone(), filter.expression.clone(), saved_at])?;
    }
    export.finish()?;
    Ok(Outcome::Done)
}

/// A filter is saved only if it can be used: what it names must be there.
async fn save(store: &Store, org: OrgKey, arguments: &Save, json: bool) -> Result<Outcome> {
    let (filter, selection) = typed_filter::select(store, org, &arguments.expression).await?;
    let name = arguments.name.as_str();
    let replaced = store.save_filter(org, name, &filter, &Actor::person(&arguments.by)).await?;
    if json {
        print_json(&json!({ "name": name, "expression": filter, "replaced": replaced }))?;
    } else {
        let verb = if replaced { "Replaced" } else { "Saved" };
        eprintln!("{verb} {name}: {filter}");
        eprintln!("Use it by `orgmirror users --filter @{name}`.");
        typed_filter::tell_caveats(&selection);
    }
    Ok(Outcome::Done)
}

async fn explain(store: &Store, org: OrgKey, arguments: &Explain, json: bool) -> Result<Outcome> {
    let (filter, selection) = typed_filter::select(store, org, &arguments.expression).await?;
    let mut conditions = Vec::new();
    if let Some(Expression::All(members)) = &filter.0 {
        for member in members {
            let expression = Filter(Some(member.clone()));
            let alone = typed_filter::find(store, org, &expression, &arguments.expression).await?;
            conditions.push(Counted { users: store.count_users(&alone).await?, expression });
        }
    }
    let notes = selection.caveats().into_iter().map(Caveat::in_words).collect();
    let explained = Explained { users: store.count_users(&selection).await?, expression: filter, conditions, notes };
    if json {
        print_json(&explained)?;
        return Ok(Outcome::Done);
    }
    let mut export = Export::new(Format::Table, &["condition", "users"])?;
    let count = |users: i64| HumanCount(users.max(0).unsigned_abs()).to_string();
    for condition in &explained.conditions {
        export.row(condition, vec![condition.expression.to_string(), count(condition.users)])?;
    }
    let whole = if explained.expression.0.is_none() { "(everybody)".to_owned() } else { explained.expression.to_string() };
    export.row(&explained, vec![whole, count(explained.users)])?;
    export.finish()?;
    typed_filter::tell_caveats(&selection);
    if explained.users == 0 {
        let remedy = "A line above that finds nobody, if there is one, says which condition it is.";
        typed_filter::tell_empty(store, org, "user", remedy).await?;
    }
    Ok(Outcome::Done)
}
