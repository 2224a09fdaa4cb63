//! An API that misbehaves: whatever it does, a sync ends equal to the truth, waits and says why, or fails and says why.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use orgmirror_domain::run::{Hold, Phase};
use orgmirror_tests::{Size, World, until};
use serde_json::{Value, json};

/// A sync over these faults completes, and nothing of what was spoilt got into the mirror.
async fn survives(faults: Value) -> Result<World> {
    let (world, _services) = World::of(Size::of(820, 130)).await?;
    world.sim.faults(faults).await?;
    let run = world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    assert_eq!((run.exceptions, run.discrepancies.len()), (0, 0));
    world.sim.calm().await?;
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_uneven_answers() -> Result<()> {
    survives(json!({ "latency_ms": 20, "jitter_ms": 120 })).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_fail() -> Result<()> {
    survives(json!({ "error_rate": 0.25 })).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_make_no_sense() -> Result<()> {
    survives(json!({ "malformed_rate": 0.25 })).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_break_off() -> Result<()> {
    survives(json!({ "truncate_rate": 0.25 })).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut() -> Result<()> {
    survives(json!({ "drop_rate": 0.25 })).await.map(drop)
}

/// However the API tells of its limit, and if it tells nothing, the sync waits and ends.
async fn limited(headers: &str, body: &str) -> Result<()> {
    let switches = json!({ "rate_limit_headers": headers, "rate_limit_body": body });
    let world =
        survives(json!({ "rate_limit_per_minute": 480, "rate_limit_burst": 5, "switches": switches, "latency_ms": 5 })).await?;
    let limited = world.sim.calls().await?["rate_limited"].as_u64().unwrap_or_default();
    // Where every answer tells the limit, it need not be run into.
    let told = matches!(headers, "all" | "reset_minutes" | "reset_seconds");
    assert!(told || limited > 0, "{headers}: the limit was never reached");
    assert!(limited < 40, "{headers}: {limited} calls ran into the limit");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_told_by_every_header() -> Result<()> {
    limited("all", "documented").await?;
    limited("retry_after", "proxy").await?;
    limited("retry_after_date", "errors").await?;
    limited("reset_seconds", "empty").await
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_told_to_the_minute_or_not_at_all() -> Result<()> {
    limited("reset_minutes", "documented").await?;
    limited("none", "empty").await
}

/// An API that is down fails no run: it is held, says so, and goes on by itself.
/// Method: the API goes down between two pages; calm it when the run is held; nobody resumes.
async fn down(kind: Value) -> Result<()> {
    let (world, _services) = World::of(Size::of(1_500, 120)).await?;
    world.sim.faults(json!({ "latency_ms": 30 })).await?;
    let ticket = world.request().await?;
    world.done(ticket, 3).await?;
    world.sim.faults(json!({ "down": kind })).await?;
    let held = world.held(ticket, Hold::ApiDown).await?;
    assert!(held.hold_reason.is_some_and(|reason| reason.contains("does not answer")));
    world.sim.calm().await?;
    let run = until("the run goes on by itself", async || {
        let run = world.run(ticket).await?;
        Ok(run.phase.has_ended().then_some(run))
    })
    .await?;
    assert_eq!((run.phase, run.failure, run.exceptions), (Phase::Completed, None, 0));
    world.assert_mirror_equals_truth().await
}

/// A fleet that meets an outage makes few calls: one at a time in each worker, and a plain one that decides, at each probe. The run says
/// since when, whatever probes there were.
/// Method: three workers of eight; count the calls of probes after the first ones, when every worker knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_probes_with_few_calls() -> Result<()> {
    let world = World::empty(Size::of(6_000, 300)).await?;
    let _services = [world.coordinator(), world.worker(8), world.worker(8), world.worker(8)];
    world.sim.faults(json!({ "latency_ms": 30 })).await?;
    let ticket = world.request().await?;
    world.done(ticket, 12).await?;
    world.sim.faults(json!({ "down": true })).await?;
    let since = world.held(ticket, Hold::ApiDown).await?.held_since;
    assert!(since.is_some());
    let probes = async |probes: usize| {
        let mut holds = BTreeSet::new();
        until("the run is held again and again", async || {
            let held_at: Option<DateTime<Utc>> =
                sqlx::query_scalar("SELECT max(held_at) FROM sync_run").fetch_one(&world.pool).await?;
            holds.extend(held_at);
            Ok((holds.len() > probes).then_some(()))
        })
        .await
    };
    probes(2).await?;
    world.sim.forget_calls().await?;
    probes(4).await?;
    let calls = world.sim.calls().await?["total"].as_u64().unwrap_or_default();
    // Two calls of each worker at each probe, of which one may be under way at either end of the count.
    assert!(calls <= 3 * 2 * (4 + 2), "{calls} calls in four probes");
    assert_eq!(world.held(ticket, Hold::ApiDown).await?.held_since, since, "a probe is no new outage");
    world.sim.calm().await?;
    let run = until("the run goes on by itself", async || {
        let run = world.run(ticket).await?;
        Ok(run.phase.has_ended().then_some(run))
    })
    .await?;
    assert_eq!((run.phase, run.exceptions), (Phase::Completed, 0));
    world.assert_mirror_equals_truth().await
}

/// With a fifth of all calls failing in mixed ways, a sync costs what the failed calls cost and no more, and changes nothing at Atlassian.
/// Method: the same organisation is synced in calm, which tells the least number of calls, and then under faults of one seed.
#[tokio::test(flavor = "multi_thread")]
async fn a_fifth_of_all_calls_fails() -> Result<()> {
    let mut world = World::empty(Size::of(7_000, 400)).await?;
    // A page that is slow on a busy computer must not be read twice: here every call counts.
    world.lease = Duration::from_secs(60);
    let _services = [world.coordinator(), world.worker(4)];
    world.sync().await?;
    let least = total_calls(&world).await?;
    world.sim.forget_calls().await?;
    let mixed = json!({
        "seed": 4, "error_rate": 0.07, "drop_rate": 0.05, "truncate_rate": 0.045, "malformed_rate": 0.045,
        // One of these stops all calls for a second or more, and with headers to the minute for up to a minute.
        "quirks": { "rate_limited": 0.01 }, "rate_limited_headers": ["retry_after", "retry_after_date", "reset_seconds", "none"],
    });
    world.sim.faults(mixed).await?;
    let run = world.sync().await?;
    let made = total_calls(&world).await?;
    assert_eq!((run.exceptions, run.discrepancies.len()), (0, 0));
    world.assert_mirror_equals_truth().await?;
    assert!(made * 80 <= least * 105, "{made} calls where {least} would do");
    assert!(made * 85 >= least * 100, "{made} calls where {least} would do: too few of them failed");
    assert!(world.sim.writes().await?.is_empty());
    Ok(())
}

async fn total_calls(world: &World) -> Result<u64> {
    Ok(world.sim.calls().await?["total"].as_u64().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn down_behind_a_gateway() -> Result<()> {
    down(json!("unavailable")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn down_without_an_answer() -> Result<()> {
    down(json!("drop")).await
}

/// An outage that is there before the first call is met by planning, whose calls are made at once.
#[tokio::test(flavor = "multi_thread")]
async fn down_from_the_start() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 40)).await?;
    world.sim.faults(json!({ "down": true })).await?;
    let ticket = world.request().await?;
    world.held(ticket, Hold::ApiDown).await?;
    world.sim.calm().await?;
    let run = until("the run goes on by itself", async || {
        let run = world.run(ticket).await?;
        Ok(run.phase.has_ended().then_some(run))
    })
    .await?;
    assert_eq!(run.phase, Phase::Completed, "{:?}", run.failure);
    world.assert_mirror_equals_truth().await
}

/// A short outage is waited out without anybody noticing.
/// Method: down until two calls have failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage() -> Result<()> {
    let (world, _services) = World::of(Size::of(900, 100)).await?;
    world.sim.faults(json!({ "down": true })).await?;
    let ticket = world.request().await?;
    until("calls fail", async || Ok((world.sim.calls().await?["total"].as_u64() >= Some(2)).then_some(()))).await?;
    world.sim.calm().await?;
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}

/// A cursor that expired costs a chain its way so far, and nothing else.
/// Method: the first calls take longer than a cursor lives, so that second pages find theirs expired.
#[tokio::test(flavor = "multi_thread")]
async fn cursors_that_expire() -> Result<()> {
    let (world, _services) = World::of(Size::of(1_500, 120)).await?;
    let slow = json!({ "searchDirectoryUsers": { "latency_ms": 500, "times": 4 } });
    world.sim.faults(json!({ "cursor_ttl_s": 0.3, "per_operation": slow })).await?;
    world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    let superseded = world.count("SELECT count(*) FROM sync_job WHERE state = 'superseded' AND kind = 'users_page'").await?;
    assert!(superseded > 0, "no chain was started again");
    Ok(())
}

/// The same with a partition that is read from both ends: one end's cursor expires, and the other reads on.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_one_end_expires() -> Result<()> {
    let (world, _services) = World::of(Size::of(6_000, 120).seed(7)).await?;
    world.sim.faults(json!({ "latency_ms": 20 })).await?;
    let ticket = world.request().await?;
    until("both ends are read", async || {
        let ends = "SELECT count(*) FROM sync_job WHERE kind = 'users_page' AND descending AND state = 'done'";
        Ok((world.count(ends).await? > 1).then_some(()))
    })
    .await?;
    world
        .sim
        .faults(json!({ "cursor_ttl_s": 0.3, "per_operation": { "searchDirectoryUsers": { "latency_ms": 500, "times": 1 } } }))
        .await?;
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await?;
    assert!(world.count("SELECT count(*) FROM sync_job WHERE state = 'superseded'").await? > 0);
    Ok(())
}

/// Cursors that never live long enough end the run with a word about it, instead of a loop.
#[tokio::test(flavor = "multi_thread")]
async fn cursors_that_expire_for_ever() -> Result<()> {
    let (world, _services) = World::of(Size::of(1_500, 20)).await?;
    world.sim.faults(json!({ "cursor_ttl_s": 0.05, "per_operation": { "searchDirectoryUsers": { "latency_ms": 200 } } })).await?;
    let ticket = world.request().await?;
    let run = world.ended(ticket).await?;
    let reason = run.failure.unwrap_or_default();
    assert_eq!(run.phase, Phase::Failed, "{:?}", run.hold);
    assert!(reason.contains("cursors expire faster"), "{reason}");
    tokio::time::timeout(Duration::from_secs(60), world.sim.calm()).await??;
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}
