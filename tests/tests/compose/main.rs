//! docker-compose.yml, started for real: a sync whose workers come and go, dashboards that show it, and an image without a way in.
//!
//! Run by `make test-compose`, which brings an Engine and images; nothing of it is part of `make test`. It prints what it saw.
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]
#![expect(clippy::print_stdout, reason = "it is run by hand, to be read")]

mod containers;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use orgmirror_tests::{Comparison, Prometheus, Sim, alert_metrics, panels, until};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::containers::{Containers, ORG};

/// Rates are taken over so long a time: Prometheus asks every fifteen seconds.
const RATES_OVER: &str = "1m";
/// So long back panels may have had their data.
const SINCE_S: u32 = 1_800;
/// The simulated organisation's limit: slow enough for workers to come and go in mid-run.
const CALLS_A_MINUTE: u32 = 150;

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_in_containers() -> Result<()> {
    let containers = Containers::up().await?;
    let outcome = story(&containers).await;
    if outcome.is_err() {
        containers.tell_logs().await?;
    }
    containers.down().await?;
    outcome
}

async fn story(containers: &Containers) -> Result<()> {
    for service in ["coordinator", "worker", "console"] {
        containers.healthy(service).await?;
    }
    println!("up: every service says that it is ready");
    the_image_has_no_way_in(containers).await?;

    let sim =
        Sim::elsewhere(format!("http://{}:8081", containers.address("orgsim").await?), ORG.to_owned(), "orgsim-key".to_owned());
    sim.faults(json!({ "latency_ms": 50, "rate_limit_per_minute": CALLS_A_MINUTE })).await?;
    a_sync_whose_workers_come_and_go(containers, &sim).await?;
    a_bulk_operation(containers).await?;
    dashboards(containers).await?;
    telemetry_arrives(containers).await
}

/// Workers go 1 -> 4 -> 2 while one full sync runs, and the mirror equals the truth.
async fn a_sync_whose_workers_come_and_go(containers: &Containers, sim: &Sim) -> Result<()> {
    let started = Instant::now();
    let asked = containers.command(&["sync", "--json"]).await?;
    let id = asked["id"].as_str().context("a run's id")?.to_owned();
    for workers in [1_u64, 4, 2] {
        containers.scale(workers).await?;
        // Those that left are forgotten after a lease.
        until_soon("the workers are as many as wanted", Duration::from_secs(180), async || {
            let status = containers.command(&["status", "--json"]).await?;
            Ok((status["queue"]["workers"] == json!(workers)).then_some(()))
        })
        .await?;
        let run = containers.command(&["runs", &id, "--json"]).await?;
        println!("{:>4} s: {workers} workers, the run is {}, {} calls", started.elapsed().as_secs(), run["state"], run["calls"]);
        ensure!(
            run["finished_at"].is_null(),
            "the run ended before workers came and went; give the simulator more users: ORGSIM_USERS"
        );
    }
    let run = until_soon("the run completes", Duration::from_secs(600), async || {
        let run = containers.command(&["runs", &id, "--json"]).await?;
        Ok((!run["finished_at"].is_null() || !run["hold"].is_null()).then_some(run))
    })
    .await?;
    ensure!(run["state"] == "completed" && run["discrepancies"] == json!([]), "{run}");
    println!("{:>4} s: completed, {} calls, {} rows", started.elapsed().as_secs(), run["calls"], run["rows_added"]);

    let pool =
        PgPool::connect(&format!("postgres://orgmirror:orgmirror@{}:5432/orgmirror", containers.address("postgres").await?))
            .await?;
    Comparison { sim, pool }.assert_equal().await?;
    println!("the mirror equals the simulator's truth, row by row");
    Ok(())
}

async fn a_bulk_operation(containers: &Containers) -> Result<()> {
    let users = containers.lines(&["users", "--filter", "status:active", "--format", "json"]).await?;
    let groups = containers.lines(&["groups", "--format", "json"]).await?;
    let accounts: Vec<&str> = users.iter().filter_map(|user| user["account_id"].as_str()).take(10).collect();
    let group = groups.iter().find(|group| group["scim_managed"] == json!(false)).context("a group that may be changed")?;
    let group = group["group_id"].as_str().context("a group's id")?;
    let add =
        ["bulk", "add-to-group", "--group", group, "--accounts", &accounts.join(","), "--by", "compose", "--wait", "--json"];
    let ended = containers.command(&add).await?;
    println!("a bulk operation over {} accounts: {}", accounts.len(), ended["operation"]["state"]);
    Ok(())
}

async fn dashboards(containers: &Containers) -> Result<()> {
    let prometheus = Prometheus::at(containers.url("prometheus", 9090).await?);
    let panels = panels()?;
    let mut missing = Vec::new();
    let all = until_soon("every panel has data", Duration::from_secs(120), async || {
        missing.clear();
        for panel in &panels {
            if !panel.has_data(&prometheus, RATES_OVER, SINCE_S).await? {
                missing.push(panel.name.clone());
            }
        }
        Ok(missing.is_empty().then_some(()))
    })
    .await;
    all.with_context(|| format!("panels without data: {missing:?}"))?;
    for metric in alert_metrics()? {
        ensure!(!prometheus.query_range(&metric, SINCE_S).await?.is_empty(), "an alert asks for {metric}, which nothing tells");
    }
    let firing = prometheus.query("ALERTS{alertstate=\"firing\"}").await?;
    let firing: Vec<&Value> = firing.iter().map(|(labels, _)| &labels["alertname"]).collect();
    ensure!(firing.is_empty(), "alerts of an installation without trouble: {firing:?}");

    let grafana = containers.url("grafana", 3000).await?;
    let shown: Value = reqwest::get(format!("{grafana}/api/search?type=dash-db")).await?.json().await?;
    let shown: Vec<&Value> = shown.as_array().into_iter().flatten().map(|one| &one["title"]).collect();
    ensure!(shown.len() == 5, "Grafana shows {shown:?}");
    println!("{} expressions of panels have data, no alert fires, Grafana shows {shown:?}", panels.len());
    Ok(())
}

async fn telemetry_arrives(containers: &Containers) -> Result<()> {
    let collector = format!("http://{}:4318/", containers.address("collector").await?);
    let received = until("traces, metrics and logs arrive", async || {
        let received: Value = reqwest::get(&collector).await?.json().await?;
        let all = ["traces", "metrics", "logs"].iter().all(|signal| received[signal].as_u64().is_some_and(|count| count > 0));
        Ok(all.then_some(received))
    })
    .await?;
    println!("the collector received {received}");
    Ok(())
}

/// No shell, no user but 10001, nothing that can be written but a temporary folder.
async fn the_image_has_no_way_in(containers: &Containers) -> Result<()> {
    for shell in ["sh", "/bin/sh", "/bin/bash"] {
        ensure!(containers.starts_with(shell).await.is_err(), "{shell} starts in the image");
    }
    let worker = containers.inspect("worker").await?;
    ensure!(worker["Config"]["User"] == "10001:10001", "it runs as {}", worker["Config"]["User"]);
    ensure!(worker["HostConfig"]["ReadonlyRootfs"] == json!(true), "its root file system can be written");
    ensure!(worker["HostConfig"]["CapDrop"] == json!(["ALL"]), "it keeps capabilities");
    println!("the image: {} MB, no shell, user 10001, read-only root", containers.image_megabytes().await?);
    Ok(())
}

/// As `until`, for what takes longer: containers start and stop, and leases pass.
async fn until_soon<T>(what: &str, patience: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(started.elapsed() < patience, "waited {patience:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
