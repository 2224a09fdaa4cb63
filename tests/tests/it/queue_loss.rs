//! Redis and Postgres fail under a run. What Redis held is rebuilt from the ledger; what Postgres did not commit is done again.

use anyhow::{Result, ensure};
use orgmirror_domain::run::Phase;
use orgmirror_tests::{Processes, Size, World, until};
use serde_json::json;

/// A Redis that is emptied again and again costs time and nothing else.
/// Method: FLUSHALL whenever a few more jobs are done, with workers that hold deliveries of what is gone.
#[tokio::test(flavor = "multi_thread")]
async fn redis_flushed_in_mid_run() -> Result<()> {
    let processes = Processes::of(Size::of(3_600, 300).seed(41)).await?;
    let world = &processes.world;
    world.sim.faults(json!({ "latency_ms": 40 })).await?;
    let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?, processes.start("worker", "")?];
    let ticket = world.request().await?;
    let mut redis = world.redis().await?;
    for flushed in 1..=5 {
        world.done(ticket, flushed * 7).await?;
        ensure!(!world.run(ticket).await?.phase.has_ended(), "the run was too short to be struck");
        redis::cmd("FLUSHALL").exec_async(&mut redis).await?;
    }
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await?;
    world.sim.calm().await?;
    world.sim.churn(100).await?;
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}

/// A Redis that dies and comes back empty stops no service; a run that was asked for meanwhile starts without it.
/// Method: kill it in mid-run, ask for another sync while it is away, start it again.
#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_and_restarted_empty() -> Result<()> {
    let mut processes = Processes::of(Size::of(2_400, 200).seed(42)).await?;
    processes.world.sim.faults(json!({ "latency_ms": 40 })).await?;
    let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?];
    let ticket = processes.world.request().await?;
    processes.world.done(ticket, 8).await?;
    ensure!(!processes.world.run(ticket).await?.phase.has_ended(), "the run was too short to be struck");
    processes.redis.kill().await;
    let second = processes.world.request().await?;
    // It stays away for longer than a lease, so that whoever counted on it has noticed.
    let lease_ms = i64::try_from(processes.world.lease.as_millis())?;
    until("a job has been silent for longer than a lease", async || {
        let silent = "SELECT EXISTS (
            SELECT FROM sync_job WHERE state = 'pending' AND heard_at < clock_timestamp() - make_interval(secs => $1 / 1000.0)
        )";
        let silent: bool = sqlx::query_scalar(silent).bind(lease_ms).fetch_one(&processes.world.pool).await?;
        Ok(silent.then_some(()))
    })
    .await?;
    processes.redis.start_again().await?;
    processes.world.completed(ticket).await?;
    processes.world.completed(second).await?;
    processes.world.assert_mirror_equals_truth().await
}

/// Without Redis from the start nothing is lost either: the run begins when it comes.
#[tokio::test(flavor = "multi_thread")]
async fn redis_away_at_the_start() -> Result<()> {
    let mut processes = Processes::of(Size::of(300, 40).seed(43)).await?;
    processes.redis.kill().await;
    let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?];
    let ticket = processes.world.request().await?;
    until("the run is planned by Postgres alone", async || {
        Ok((processes.world.run(ticket).await?.phase > Phase::Requested).then_some(()))
    })
    .await?;
    processes.redis.start_again().await?;
    processes.world.completed(ticket).await?;
    processes.world.assert_mirror_equals_truth().await
}

/// Connections to Postgres that are cut under any statement end no service, and no half of a page is kept.
/// Method: cut all but ours whenever a few more jobs are done.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_connections_cut_in_mid_run() -> Result<()> {
    let (world, _services) = World::of(Size::of(3_600, 300).seed(44)).await?;
    let (_second, _third) = (world.worker(4), world.coordinator());
    world.sim.faults(json!({ "latency_ms": 30 })).await?;
    let ticket = world.request().await?;
    for cut in 1..=8 {
        world.done(ticket, cut * 5).await?;
        ensure!(!world.run(ticket).await?.phase.has_ended(), "the run was too short to be struck");
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&world.pool)
        .await?;
    }
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}
