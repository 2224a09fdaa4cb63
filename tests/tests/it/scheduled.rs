//! Syncs that start by themselves.

use anyhow::Result;
use chrono::TimeDelta;
use orgmirror_domain::run::{Phase, RunKind};
use orgmirror_store::progress::Which;
use orgmirror_tests::{Size, World, until};

/// A sync that was due while nothing ran is caught up, once, although several days were missed and two coordinators look.
/// Method: say that the schedule was last looked at three days ago, start two coordinators, wait for the run's end and for one more look.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_caught_up_once() -> Result<()> {
    let mut world = World::empty(Size::of(120, 10)).await?;
    world.schedule("03:00 Europe/Berlin")?;
    let long_ago = world.store.now().await? - TimeDelta::days(3);
    world.store.schedule_was_handled(world.org, long_ago).await?;
    let _services = [world.coordinator(), world.coordinator(), world.worker(4)];
    let runs = until("the missed sync has completed", async || {
        let runs = world.store.runs(Which::Newest(world.org, 10)).await?;
        Ok(runs.iter().any(|run| run.phase == Phase::Completed).then_some(runs))
    })
    .await?;
    assert_eq!(runs.iter().map(|run| run.kind).collect::<Vec<_>>(), [RunKind::Scheduled]);
    world.assert_mirror_equals_truth().await?;
    assert!(world.store.schedule_state(world.org).await?.handled > long_ago + TimeDelta::days(2), "it is not due any more");
    Ok(())
}

/// A schedule that begins today starts nothing that was planned before it existed.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_schedule_looks_ahead() -> Result<()> {
    let mut world = World::empty(Size::of(120, 10)).await?;
    world.schedule("every 24h")?;
    let _services = [world.coordinator(), world.worker(4)];
    until("the schedule was looked at", async || {
        let looked = "SELECT count(*) FROM org WHERE schedule_handled_at IS NOT NULL";
        Ok((world.count(looked).await? == 1).then_some(()))
    })
    .await?;
    // A request of our own is answered by the first run there is.
    world.sync().await?;
    assert_eq!(world.count("SELECT count(*) FROM sync_run").await?, 1);
    Ok(())
}
