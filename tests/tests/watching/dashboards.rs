//! What is shipped for watching an installation, against a real Prometheus that watches a real one.

use anyhow::{Context, Result, ensure};
use orgmirror_tests::{Process, Processes, Prometheus, Size, Target, alert_metrics, alert_unit_tests, deployed, panels, until};
use serde_json::json;

/// Rates are taken over so long a time: services are asked each second.
const RATES_OVER: &str = "10s";
/// So long back panels may have had their data.
const SINCE_S: u32 = 300;

/// Starts a service that tells its metrics there.
fn watched(processes: &Processes, service: &str, target: &Target) -> Result<Process> {
    let listen = target.address.to_string();
    processes.start_with(
        service,
        "",
        &[("ORGMIRROR_METRICS__LISTEN", &listen), ("ORGMIRROR_ATLASSIAN__API_KEY_EXPIRES", "2099-12-31")],
    )
}

/// Every panel shows something of an installation that syncs, meets a limit and changes accounts, and every metric of an alert is there.
/// Method: a limit that the first calls exceed, so that it is learnt; a bulk operation after the sync.
#[tokio::test(flavor = "multi_thread")]
async fn every_panel_has_data_and_every_alert_its_metrics() -> Result<()> {
    let processes = Processes::of(Size::of(900, 60)).await?;
    let world = &processes.world;
    let targets = [Target::free("orgmirror-coordinator")?, Target::free("orgmirror-worker")?];
    let prometheus = Prometheus::start(&targets, None).await?;
    let _coordinator = watched(&processes, "coordinator", &targets[0])?;
    let _worker = watched(&processes, "worker", &targets[1])?;
    for target in &targets {
        let up = format!("up{{job=\"{}\"}} == 1", target.job);
        until("a service is watched", async || Ok((!prometheus.query(&up).await?.is_empty()).then_some(()))).await?;
    }

    world.sim.faults(json!({ "latency_ms": 150, "rate_limit_per_minute": 600 })).await?;
    world.sync().await?;
    // Figures of a run are told every few seconds, so one is made to last.
    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    let ticket = world.request().await?;
    let listed = "orgmirror_run_rows{progress=\"expected\"} > 0";
    until("an active run is watched", async || Ok((!prometheus.query(listed).await?.is_empty()).then_some(()))).await?;
    world.sim.release().await?;
    world.completed(ticket).await?;
    let (group, accounts) = world.group_and_strangers(6).await?;
    // Two, since a histogram appears with its first value, and a rate needs a second look at it.
    for some in accounts.chunks(3) {
        let (group, list) = (group.to_string(), some.join(","));
        let add = ["bulk", "add-to-group", "--group", &group, "--accounts", &list, "--by", "ann", "--wait"];
        let told = processes.command(&add, &[]).await?;
        ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let waited = "orgmirror_gate_wait_seconds_count";
        until("the wait at the gate is watched", async || Ok((!prometheus.query(waited).await?.is_empty()).then_some(())))
            .await?;
    }

    let panels = panels()?;
    let mut missing = Vec::new();
    let all = until("every panel has data", async || {
        missing.clear();
        for panel in &panels {
            if !panel.has_data(&prometheus, RATES_OVER, SINCE_S).await? {
                missing.push(&panel.name);
            }
        }
        Ok(missing.is_empty().then_some(()))
    })
    .await;
    all.with_context(|| format!("panels without data: {missing:?}"))?;
    for metric in alert_metrics()? {
        // A histogram or a gauge about what happens to be so may be gone again; that it was there is what counts.
        ensure!(
            !prometheus.query_range(&metric, SINCE_S).await?.is_empty(),
            "an alert asks for {metric}, and there is no such metric"
        );
    }
    Ok(())
}

/// Each alert fires for its trouble, not before, and clears after it, in Prometheus' own unit tests of rules.
#[tokio::test]
async fn alerts_fire_for_their_trouble_alone() -> Result<()> {
    alert_unit_tests().await
}

/// Whoever is called finds what to do, and a cluster judges by the same rules.
#[test]
fn every_alert_has_a_runbook_and_the_operators_copy_is_the_same() -> Result<()> {
    let rules = std::fs::read_to_string(deployed("prometheus/alerts.yml"))?;
    let value_of = |key: &'static str| rules.lines().filter_map(move |line| line.trim().strip_prefix(key)).map(str::trim);
    let runbooks: Vec<&str> = value_of("runbook_url:").collect();
    ensure!(runbooks.len() == value_of("- alert:").count(), "each alert names its runbook");
    for runbook in runbooks {
        ensure!(deployed("..").join(runbook).is_file(), "{runbook} is not there");
    }
    let index = std::fs::read_to_string(deployed("../docs/runbooks/README.md"))?;
    for alert in value_of("- alert:") {
        ensure!(index.contains(alert), "docs/runbooks/README.md does not name {alert}");
    }
    let copy = std::fs::read_to_string(deployed("kubernetes/components/monitoring/alerts.yaml"))?;
    let groups = |text: &str| {
        let from = text.find("groups:").context("rules have groups")?;
        Ok::<Vec<String>, anyhow::Error>(text[from..].lines().map(|line| line.trim().to_owned()).collect())
    };
    ensure!(groups(&rules)? == groups(&copy)?, "the rules differ; make the copy anew: deploy/kubernetes/check.sh --write");
    Ok(())
}
