//! `orgmirror audit`: the audit log, and whether it is whole.

use anyhow::Result;
use orgmirror_domain::ids::OrgKey;
use orgmirror_runtime::config::Config;
use orgmirror_store::Store;
use orgmirror_store::audit::{AuditEntry, Wanted};

use super::print_json;
use crate::cli::{Audit, AuditCommand, Verify};
use crate::export::{Export, Format};
use crate::outcome::Outcome;
use crate::wiring;

pub(crate) async fn run(config: &Config, arguments: Audit, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    match &arguments.command {
        Some(AuditCommand::Verify(verify)) => check(&store, org, verify, json).await,
        None => list(&store, org, &arguments, json).await,
    }
}

async fn list(store: &Store, org: OrgKey, arguments: &Audit, json: bool) -> Result<Outcome> {
    let wanted = Wanted {
        since: arguments.since,
        event: arguments.event,
        actor: arguments.by.as_deref(),
        subject: arguments.about.as_deref(),
        before: None,
    };
    let entries = store.audit(org, &wanted, arguments.limit).await?;
    if json {
        print_json(&entries)?;
        return Ok(Outcome::Done);
    }
    if entries.is_empty() {
        eprintln!("The audit log has no such entry.");
    }
    let mut export = Export::new(Format::Table, &["number", "time", "who", "what", "about", "more"])?;
    for entry in &entries {
        export.row(entry, cells(entry))?;
    }
    export.finish()?;
    Ok(Outcome::Done)
}

fn cells(entry: &AuditEntry) -> Vec<String> {
    let who = if entry.actor.is_empty() { &entry.actor_kind } else { &entry.actor };
    vec![
        entry.number.to_string(),
        entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        who.clone(),
        entry.event.replace('_', " "),
        entry.subject.clone(),
        entry.detail.to_string(),
    ]
}

async fn check(store: &Store, org: OrgKey, verify: &Verify, json: bool) -> Result<Outcome> {
    let verified = store.verify_audit(org, verify.known.as_ref()).await?;
    if json {
        print_json(&verified)?;
    } else {
        for fault in &verified.faults {
            println!("entry {}: {}", fault.number, fault.what);
        }
        match &verified.head {
            Some(head) if verified.faults.is_empty() => {
                println!("{} entries are as they were written. The newest is {}:{}", verified.entries, head.number, head.hash);
            }
            None if verified.faults.is_empty() => println!("The audit log is empty."),
            _ => eprintln!("error: the audit log of {} entries was changed past the program", verified.entries),
        }
    }
    Ok(if verified.faults.is_empty() { Outcome::Done } else { Outcome::Failed })
}
