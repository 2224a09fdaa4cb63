//! `orgmirror cancel`, `approve` and `resume`.

use anyhow::{Context, Result};
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::RunId;
use orgmirror_runtime::config::Config;
use orgmirror_store::progress::{RunView, Which};
use orgmirror_store::run::Moved;
use orgmirror_store::{Store, StoreError};

use crate::cli::OneRun;
use crate::outcome::Outcome;
use crate::wiring;

pub(crate) async fn cancel(config: &Config, OneRun { id, by }: OneRun) -> Result<Outcome> {
    let by = Actor::person(by);
    let (store, run) = find(config, id).await?;
    match store.cancel_run(run.run, &by).await? {
        Moved::Yes => done(format!("Cancelled run {id}.")),
        Moved::TooLate => too_late(&store, run, "it has ended already").await,
    }
}

pub(crate) async fn approve(config: &Config, OneRun { id, by }: OneRun) -> Result<Outcome> {
    let by = Actor::person(by);
    let (store, run) = find(config, id).await?;
    match store.approve_run(run.run, run.sweep_revision, &by).await? {
        Moved::Yes => done(format!("Approved run {id}: what it listed is removed from the mirror now.")),
        Moved::TooLate => too_late(&store, run, "only a run that waits for approval can be approved").await,
    }
}

pub(crate) async fn resume(config: &Config, OneRun { id, by }: OneRun) -> Result<Outcome> {
    let by = Actor::person(by);
    let (store, run) = find(config, id).await?;
    let org = wiring::known_org(config, &store).await?;
    wiring::make_key_current(config, &store, org).await?;
    match store.resume_run(run.run, Some(&by)).await? {
        Moved::Yes => done(format!("Run {id} goes on where it stopped.")),
        Moved::TooLate => {
            too_late(&store, run, "only a held run can be resumed; one that waits for approval needs `orgmirror approve`").await
        }
    }
}

async fn find(config: &Config, id: RunId) -> Result<(Store, RunView)> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let key = store.run_key(org, id).await?;
    let run = store.runs(Which::One(key)).await?.into_iter().next().context("the run has gone")?;
    Ok((store, run))
}

fn done(text: String) -> Result<Outcome> {
    eprintln!("{text}");
    Ok(Outcome::Done)
}

async fn too_late(store: &Store, run: RunView, remedy: &'static str) -> Result<Outcome> {
    let now = store.runs(Which::One(run.run)).await?.into_iter().next().unwrap_or(run);
    let is = now.hold.map_or_else(|| now.phase.to_string(), |hold| format!("{}, held: {}", now.phase, hold.in_words()));
    Err(StoreError::WrongState { run: now.run_id.to_string(), is, remedy }.into())
}
