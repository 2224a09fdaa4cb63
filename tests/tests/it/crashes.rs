//! Processes that die, freeze and come twice. Whatever happens to them, the mirror equals the truth and nobody helps.

use anyhow::{Result, ensure};
use orgmirror_domain::ids::JobKey;
use orgmirror_domain::job::JobMessage;
use orgmirror_domain::run::Phase;
use orgmirror_queue::Lane;
use orgmirror_tests::{Processes, Size, World, until};
use serde_json::json;

/// A world whose scans last long enough to be struck in the middle.
async fn slow(size: Size) -> Result<Processes> {
    let processes = Processes::of(size).await?;
    processes.world.sim.faults(json!({ "latency_ms": 40 })).await?;
    Ok(processes)
}

/// Workers that are killed again and again lose nothing and double nothing.
/// Method: each lives until a few more jobs are done, then SIGKILL.
#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_in_mid_run() -> Result<()> {
    let processes = slow(Size::of(4_200, 300).seed(31)).await?;
    let world = &processes.world;
    let _coordinator = processes.start("coordinator", "")?;
    let ticket = world.request().await?;
    for killed in 1..=5 {
        let worker = processes.start("worker", "")?;
        world.done(ticket, killed * 6).await?;
        ensure!(!world.run(ticket).await?.phase.has_ended(), "the run was too short to be struck");
        worker.kill().await?;
    }
    let _worker = processes.start("worker", "")?;
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}

/// A worker that is told to stop hands back what it has, so that nobody waits for a lease.
/// Method: the lease is longer than the test may last.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_terminated_in_mid_run() -> Result<()> {
    let processes = slow(Size::of(3_000, 200).seed(32)).await?;
    let (world, patient) = (&processes.world, [("ORGMIRROR_SYNC__LEASE", "10m")]);
    let _coordinator = processes.start_with("coordinator", "", &patient)?;
    let ticket = world.request().await?;
    for terminated in 1..=3 {
        let worker = processes.start_with("worker", "", &patient)?;
        world.done(ticket, terminated * 7).await?;
        ensure!(!world.run(ticket).await?.phase.has_ended(), "the run was too short to be struck");
        let status = worker.terminate().await?;
        ensure!(status.success(), "a graceful end is {status}");
    }
    let _worker = processes.start_with("worker", "", &patient)?;
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}

/// A coordinator may die in any state; the next one finds all it needs.
/// Method: a call of each phase is held at the simulator; the coordinator is killed there, and in the middle of its sweep.
#[tokio::test(flavor = "multi_thread")]
async fn the_coordinator_killed_at_each_state() -> Result<()> {
    let processes = Processes::of(Size::of(900, 150).seed(33)).await?;
    let world = &processes.world;
    {
        let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?];
        world.sync().await?;
    }
    world.sim.churn(120).await?;
    world.sim.faults(json!({ "hold": { "getDirectoriesForOrg": 1 } })).await?;
    let _worker = processes.start("worker", "")?;
    let coordinator = processes.start("coordinator", "")?;
    let ticket = world.request().await?;

    world.calls_wait("getDirectoriesForOrg", 1).await?;
    world.reaches(ticket, Phase::Planning).await?;
    coordinator.kill().await?;

    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    world.sim.release().await?;
    let coordinator = processes.start("coordinator", "")?;
    world.calls_wait("getGroupRoleAssignments", 1).await?;
    world.reaches(ticket, Phase::Scanning).await?;
    coordinator.kill().await?;

    world.sim.faults(json!({ "hold": { "getDirectoryUsersCount": 1 } })).await?;
    world.sim.release().await?;
    let coordinator = processes.start("coordinator", "")?;
    world.calls_wait("getDirectoryUsersCount", 1).await?;
    world.reaches(ticket, Phase::Verifying).await?;
    coordinator.kill().await?;

    world.sim.calm().await?;
    let coordinator = processes.start("coordinator", "coordinator::during_sweep=sleep(60000)")?;
    world.sim.release().await?;
    world.reaches(ticket, Phase::Sweeping).await?;
    coordinator.kill().await?;

    let _coordinator = processes.start("coordinator", "")?;
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}

/// Two coordinators and three workers get in nobody's way: every run is planned once, every page has one row in the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn two_coordinators_at_once() -> Result<()> {
    let processes = Processes::of(Size::of(1_300, 250).seed(34)).await?;
    let world = &processes.world;
    let _services = [
        processes.start("coordinator", "")?,
        processes.start("coordinator", "")?,
        processes.start("worker", "")?,
        processes.start("worker", "")?,
        processes.start("worker", "")?,
    ];
    for _ in 0..4 {
        world.sync().await?;
        world.assert_mirror_equals_truth().await?;
        world.sim.churn(60).await?;
    }
    assert_eq!(world.count("SELECT count(*) FROM sync_job WHERE kind = 'plan'").await?, 4);
    let twice = "SELECT count(*) FROM (
        SELECT FROM sync_job WHERE kind IN ('users_page', 'groups_page')
        GROUP BY run_key, partition, descending, restart, page HAVING count(*) > 1
    ) AS twice";
    assert_eq!(world.count(twice).await?, 0);
    Ok(())
}

/// A worker that was frozen past its lease finds that others did its work, and changes nothing.
/// Method: SIGSTOP in mid-run; another worker ends the run; the organisation changes and is synced; SIGCONT.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_frozen_past_its_lease() -> Result<()> {
    let processes = slow(Size::of(3_000, 200).seed(35)).await?;
    let world = &processes.world;
    let _coordinator = processes.start("coordinator", "")?;
    let frozen = processes.start("worker", "")?;
    let ticket = world.request().await?;
    world.done(ticket, 8).await?;
    frozen.freeze()?;
    ensure!(!world.run(ticket).await?.phase.has_ended(), "the run was too short to be struck");
    let worker = processes.start("worker", "")?;
    world.completed(ticket).await?;
    world.sim.calm().await?;
    world.sim.churn(150).await?;
    world.sync().await?;
    world.assert_mirror_equals_truth().await?;

    frozen.thaw()?;
    worker.terminate().await?;
    // The thawed one does the next run alone, so it has gone through all that it had in hand.
    world.sim.churn(50).await?;
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}

/// A job that kills every worker is set aside with its run, instead of killing workers for ever.
/// Method: each worker is killed as soon as it holds the job. The coordinator is more patient than the workers' lease: a message that
/// it published again would begin to count anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_workers() -> Result<()> {
    let processes = Processes::of(Size::of(50, 5)).await?;
    let world = &processes.world;
    world.sim.faults(json!({ "hold": { "getDirectoriesForOrg": 1000 } })).await?;
    let _coordinator = processes.start_with("coordinator", "", &[("ORGMIRROR_SYNC__LEASE", "10m")])?;
    let ticket = world.request().await?;
    for killed in 0.. {
        ensure!(killed < 5, "five workers died and the job is still given out");
        let worker = processes.start("worker", "")?;
        let ended = until("the worker holds the job, or the run has ended", async || {
            let ended = world.run(ticket).await?.phase.has_ended();
            Ok((ended || world.sim.held("getDirectoriesForOrg").await? > 0).then_some(ended))
        })
        .await?;
        worker.kill().await?;
        if ended {
            break;
        }
        until("the call is gone", async || Ok((world.sim.held("getDirectoriesForOrg").await? == 0).then_some(()))).await?;
    }
    let run = world.run(ticket).await?;
    assert_eq!(run.phase, Phase::Failed);
    assert!(run.failure.is_some_and(|reason| reason.contains("died 3 times")));
    Ok(())
}

/// Messages of jobs that are done, also long ago, and of jobs that never were, cost no call and change nothing.
#[tokio::test(flavor = "multi_thread")]
async fn duplicated_and_ancient_messages() -> Result<()> {
    let (world, _services) = World::of(Size::of(600, 120).seed(36)).await?;
    world.sync().await?;
    world.sim.churn(80).await?;
    world.sync().await?;
    let done: Vec<i64> = sqlx::query_scalar("SELECT job_key FROM sync_job ORDER BY job_key").fetch_all(&world.pool).await?;
    let strange = [i64::MAX, i64::MIN, 0, -1];
    let messages: Vec<JobMessage> = done.iter().chain(&strange).map(|job| JobMessage { job: JobKey(*job) }).collect();
    world.queue_is_empty().await?;
    world.sim.forget_calls().await?;
    for lane in [Lane::Bulk, Lane::Interactive] {
        world.publisher().publish(lane, &messages).await?;
    }
    world.queue_is_empty().await?;
    assert_eq!(world.sim.calls().await?["total"], 0);
    world.assert_mirror_equals_truth().await?;

    // The same in the face of a run, whose own messages come twice too.
    world.sim.churn(80).await?;
    world.sim.faults(json!({ "latency_ms": 20 })).await?;
    let ticket = world.request().await?;
    until("the run ends", async || {
        let open: Vec<i64> =
            sqlx::query_scalar("SELECT job_key FROM sync_job ORDER BY job_key DESC LIMIT 30").fetch_all(&world.pool).await?;
        let again: Vec<JobMessage> = open.iter().map(|job| JobMessage { job: JobKey(*job) }).collect();
        world.publisher().publish(Lane::Bulk, &again).await?;
        Ok(world.run(ticket).await?.phase.has_ended().then_some(()))
    })
    .await?;
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}

/// Entries of the jobs' stream that are no jobs are set aside, and the run beside them completes.
#[tokio::test(flavor = "multi_thread")]
async fn poison_on_the_stream_of_jobs() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 40).seed(37)).await?;
    let (stream, mut redis) = (world.lane_stream(Lane::Bulk), world.redis().await?);
    for (field, value) in [("job", "{"), ("job", "\"seven\""), ("job", "{\"job\":1.5}"), ("nonsense", "1"), ("job", "")] {
        redis::cmd("XADD").arg(&stream).arg("*").arg(field).arg(value).exec_async(&mut redis).await?;
    }
    world.sync().await?;
    world.queue_is_empty().await?;
    assert_eq!(world.publisher().depth().await?.dead, 5);
    world.assert_mirror_equals_truth().await
}
