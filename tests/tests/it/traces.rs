//! One trace for each run, told to a collector by every process that works on it.

use anyhow::{Context, Result};
use orgmirror_tests::{Collected, CollectedSpan, Collector, Processes, Size, until};

/// Where the asker was in its own trace.
const ASKER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The span of that name in a trace, with this parent if one is wanted.
fn find<'a>(collected: &'a Collected, trace: &str, parent: Option<&str>, name: &str) -> Option<&'a CollectedSpan> {
    let mut spans = collected.spans.iter();
    spans.find(|span| span.trace == trace && span.name == name && parent.is_none_or(|parent| span.parent == parent))
}

/// Goal: request, run, page job, SQL and HTTP are one trace, although three processes told it; the requester's own trace is linked; logs carry the
/// trace; neither the key nor a person is in any of it. Method: a small collector, and a sync that is asked for with a `TRACEPARENT`.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_one_trace_across_processes() -> Result<()> {
    let processes = Processes::of(Size::of(300, 20)).await?;
    let (world, collector) = (&processes.world, Collector::start().await?);
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "100"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("ORGMIRROR_TELEMETRY__PAGE_SHARE", "1"),
        ("RUST_LOG", "orgmirror=info"),
    ];
    let services = [processes.start_with("coordinator", "", &settings)?, processes.start_with("worker", "", &settings)?];
    let traceparent = format!("00-{ASKER_TRACE}-b7ad6b7169203331-01");
    let asked = processes.command(&["sync", "--wait", "--json"], &[("TRACEPARENT", &traceparent)]).await?;
    let asked = String::from_utf8(asked.stdout)?;
    let run: serde_json::Value = serde_json::from_str(asked.lines().last().context("a summary")?)?;
    let run_id = run["id"].as_str().context("an id")?.to_owned();
    let trace = run_id.replace('-', "");

    until("the trace is whole", async || {
        let told = collector.collected();
        let whole = find(&told, &trace, None, "run").is_some_and(|root| {
            let mut jobs = told.spans.iter().filter(|span| span.parent == root.id && span.name == "process users_page");
            let is_whole = |job: &CollectedSpan| {
                ["POST users_page", "attempt.draw"].iter().all(|call| find(&told, &trace, Some(&job.id), call).is_some())
            };
            jobs.any(is_whole) && find(&told, &trace, Some(&root.id), "run.advance").is_some()
        });
        Ok((whole && find(&told, &trace, None, "page.commit").is_some() && !told.metrics.is_empty()).then_some(()))
    })
    .await?;
    for service in services {
        assert!(service.terminate().await?.success());
    }

    let emails: Vec<String> =
        sqlx::query_scalar("SELECT email FROM account WHERE email IS NOT NULL").fetch_all(&world.pool).await?;
    let told = collector.collected();
    let root = find(&told, &trace, None, "run").context("a root")?;
    assert_eq!((root.parent.as_str(), root.links.as_slice()), ("", &[ASKER_TRACE.to_owned()][..]));
    assert_eq!(root.service, "orgmirror-coordinator");
    assert!(root.attributes.contains(&format!("run.id={run_id}")) && root.attributes.contains("run.kind=manual"), "{root:?}");
    let call = find(&told, &trace, None, "POST users_page").context("a call")?;
    assert_eq!(call.service, "orgmirror-worker");
    for attribute in ["http.request.method=POST", "http.response.status_code=200", "server.address=127.0.0.1"] {
        assert!(call.attributes.contains(attribute), "{call:?}");
    }
    // A page is committed together with others, from another task: the job above it is found all the same.
    let commit = find(&told, &trace, None, "page.commit").context("a commit")?;
    assert!(commit.attributes.contains("db.system.name=postgresql"), "{commit:?}");
    let group = told.spans.iter().find(|span| span.id == commit.parent).context("its group commit")?;
    let job = told.spans.iter().find(|span| span.id == group.parent).context("its job")?;
    assert!(job.name.starts_with("process ") && job.parent == root.id, "{job:?}");
    assert!(job.attributes.contains("messaging.system=redis"), "{job:?}");

    assert!(told.logs.iter().any(|(line, in_trace)| line.contains("planned") && *in_trace == trace), "{:?}", told.logs);
    assert!(told.metrics.contains("orgmirror.api.requests"), "{:?}", told.metrics);
    let all = format!("{:?} {:?}", told.spans, told.logs);
    assert!(!all.contains(world.sim.key()));
    assert!(!emails.is_empty() && emails.iter().all(|email| !all.contains(email.as_str())));
    Ok(())
}

/// Goal: a full sync of thousands of pages does not drown whoever keeps traces. Method: a share of nothing: the run and its planning are
/// told, no page is.
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_told_by_their_share() -> Result<()> {
    let processes = Processes::of(Size::of(300, 20)).await?;
    let collector = Collector::start().await?;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()), ("ORGMIRROR_TELEMETRY__PAGE_SHARE", "0")];
    let services = [processes.start_with("coordinator", "", &settings)?, processes.start_with("worker", "", &settings)?];
    processes.world.sync().await?;
    // What is left is sent at the end.
    for service in services {
        assert!(service.terminate().await?.success());
    }
    let told = collector.collected();
    let count = |name: &str| told.spans.iter().filter(|span| span.name == name).count();
    assert_eq!((count("run"), count("process plan")), (1, 1));
    assert_eq!((count("process users_page"), count("process groups_page"), count("page.commit")), (0, 0, 0));
    Ok(())
}
