//! `orgmirror sync`: asks for a sync, and waits for it if told to.

use anyhow::Result;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::{AccountId, GroupId};
use orgmirror_domain::run::{RunKind, Scope};
use orgmirror_runtime::config::Config;
use orgmirror_runtime::shutdown;
use serde_json::json;
use uuid::Uuid;

use super::print_json;
use crate::cli::Sync;
use crate::forecast::Forecast;
use crate::outcome::Outcome;
use crate::{summary, watch, wiring};

pub(crate) async fn run(config: &Config, arguments: Sync, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::org(config, &store).await?;
    if let Some(since) = arguments.fresh_since {
        if since > store.now().await? {
            eprintln!("error: --fresh-since {since} is in the future; nothing can be fresher than now");
            return Ok(Outcome::WrongUsage);
        }
        if let Some(fresh) = store.watermark_at(org).await?.filter(|fresh| *fresh >= since) {
            if json {
                print_json(&json!({ "requested": false, "fresh_as_of": fresh }))?;
            } else {
                eprintln!("The mirror is fresh as of {fresh} already; no sync was asked for.");
            }
            return Ok(Outcome::Done);
        }
    }
    let scope = scope(&arguments);
    let request = Uuid::now_v7();
    // As programs tell their children; what cannot be read links nothing.
    let asker = std::env::var("TRACEPARENT").ok().and_then(|text| text.parse().ok());
    let by = Actor::person(&arguments.by);
    let ticket = store.request_sync_from(org, request, RunKind::Manual, &scope, &by, asker).await?;
    if !arguments.wait {
        if json {
            print_json(&json!({ "requested": true, "id": ticket.run_id }))?;
        } else {
            eprintln!("Run {} will answer; `orgmirror runs {}` shows how far it is.", ticket.run_id, ticket.run_id);
        }
        return Ok(Outcome::Done);
    }
    let forecast = Forecast::new(config, &store, org).await;
    let run = watch::until_answered(&store, request, forecast, json, &shutdown::on_signal()?).await?;
    if json {
        print_json(&run)?;
    } else {
        println!("{}", summary::summary(&run, Some(&store.freshness(org).await?)));
    }
    Ok(watch::outcome(&run))
}

fn scope(arguments: &Sync) -> Scope {
    if !arguments.accounts.is_empty() {
        Scope::Accounts { ids: arguments.accounts.iter().map(|id| AccountId::from(id.as_str())).collect() }
    } else if !arguments.groups.is_empty() {
        Scope::Groups { ids: arguments.groups.iter().copied().map(GroupId).collect() }
    } else {
        Scope::Full
    }
}
