//! `orgmirror doctor`: asks every part that an installation needs, and says of each that fails what to do.

use anyhow::{Result, bail};
use chrono::Utc;
use orgmirror_atlassian::{KeyLife, Lane, Operation};
use orgmirror_runtime::config::Config;
use orgmirror_runtime::health::{Condition, Finding};
use orgmirror_store::progress::Which;

use super::print_json;
use crate::outcome::Outcome;
use crate::{observe, wiring};

pub(crate) async fn run(config: &Config, json: bool) -> Result<Outcome> {
    let found = [
        ("database", database(config).await),
        ("queue", queue(config).await),
        ("API key", key(config)),
        ("API", api(config).await),
        ("syncs", syncs(config).await),
    ];
    let findings: Vec<Finding> = found
        .into_iter()
        .map(|(part, found)| {
            // The first line says what failed, the rest why.
            let (health, found) = found.unwrap_or_else(|error| (Condition::Bad, format!("{error:#}")));
            Finding { part, health, found }
        })
        .collect();
    if json {
        print_json(&findings)?;
    } else {
        for Finding { part, health, found } in &findings {
            let mark = match health {
                Condition::Good => "good   ",
                Condition::Warning => "WARNING",
                Condition::Bad => "BAD    ",
            };
            println!("{mark}  {part:<8}  {found}");
        }
    }
    Ok(if findings.iter().any(|finding| finding.health == Condition::Bad) { Outcome::Failed } else { Outcome::Done })
}

async fn database(config: &Config) -> Result<(Condition, String)> {
    let store = wiring::store(config, 1).await?;
    store.check_room().await?;
    observe::database(&store).await
}

async fn queue(config: &Config) -> Result<(Condition, String)> {
    let publisher = wiring::publisher(config)?;
    publisher.check().await?;
    let (depth, workers) = tokio::try_join!(publisher.depth(), publisher.workers())?;
    Ok(match (workers, depth.dead) {
        (0, _) => (
            Condition::Warning,
            "Redis answers, and no worker was heard of: nothing is read; start `orgmirror worker`".to_owned(),
        ),
        (_, 0) => (Condition::Good, format!("Redis answers, workers: {workers}")),
        (_, dead) => (
            Condition::Warning,
            format!(
                "Redis answers, workers: {workers}; {dead} jobs were set aside since they ended their worker again and again: see the workers' logs"
            ),
        ),
    })
}

fn key(config: &Config) -> Result<(Condition, String)> {
    let life = KeyLife::of(wiring::key_source(config)?.read()?.expires_on, Utc::now());
    let health = match life {
        KeyLife::Long { .. } => Condition::Good,
        KeyLife::Unknown | KeyLife::Soon { .. } => Condition::Warning,
        KeyLife::Over { .. } => Condition::Bad,
    };
    Ok((health, life.to_string()))
}

/// One call, the first that every sync makes.
async fn api(config: &Config) -> Result<(Condition, String)> {
    let client = wiring::client(config)?;
    let permit = match client.permit(Lane::Interactive, Operation::Directories).await {
        Ok(permit) => permit,
        Err(wait) => return Ok((Condition::Warning, format!("not asked: {wait}"))),
    };
    let directories = client.directories(permit, None).await?.rows.len();
    if directories == 0 {
        bail!(
            "it answers at {}, and the key sees no directory of the organisation; check the key's scopes",
            config.atlassian.base_url
        );
    }
    Ok((Condition::Good, format!("it answers at {}, directories: {directories}", config.atlassian.base_url)))
}

async fn syncs(config: &Config) -> Result<(Condition, String)> {
    let store = wiring::store(config, 1).await?;
    let org = wiring::known_org(config, &store).await?;
    let held = store.runs(Which::Open(org)).await?.into_iter().find_map(|run| Some((run.run_id, run.hold_reason?)));
    if let Some((run, reason)) = held {
        return Ok((Condition::Warning, format!("run {run} is held: {reason}")));
    }
    Ok(match store.freshness(org).await?.watermark_at {
        Some(at) => (Condition::Good, format!("the mirror is fresh as of {}", at.format("%Y-%m-%d %H:%M:%S UTC"))),
        None => (Condition::Warning, "never synced; `orgmirror sync --wait` asks for a sync".to_owned()),
    })
}
