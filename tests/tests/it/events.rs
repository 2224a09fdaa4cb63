//! Changes made elsewhere, told by the organisation's stream of audit events.

use anyhow::{Context, Result, ensure};
use orgmirror_domain::audit::Actor;
use orgmirror_domain::run::{Phase, RunKind};
use orgmirror_store::events::EventStream;
use orgmirror_store::progress::Which;
use orgmirror_tests::{Service, Size, World, until};
use serde_json::{Value, json};

/// A mirrored organisation whose events are followed from here on.
async fn followed(size: Size) -> Result<(World, Vec<Service>)> {
    let mut world = World::empty(size).await?;
    world.events = true;
    let services = vec![world.coordinator(), world.worker(4)];
    world.sync().await?;
    until("the stream is followed", async || Ok(stream(&world).await?.and_then(|stream| stream.read_at))).await?;
    Ok((world, services))
}

async fn stream(world: &World) -> Result<Option<EventStream>> {
    Ok(world.store.event_stream(world.org).await?)
}

/// Waits until the mirror shows the truth; says what still differs if it never does.
async fn shows_the_truth(world: &World) -> Result<()> {
    let mut differing = Vec::new();
    let equal = until("the mirror shows the truth", async || {
        differing = world.differences().await?;
        Ok(differing.is_empty().then_some(()))
    })
    .await;
    equal.with_context(|| differing.first().cloned().unwrap_or_default())
}

/// Waits until the mirror shows the truth, without any sync that somebody asked for.
async fn catches_up(world: &World) -> Result<()> {
    shows_the_truth(world).await?;
    let runs = world.store.runs(Which::Newest(world.org, 1_000)).await?;
    let full = runs.iter().filter(|run| run.scope == "full").count();
    ensure!(
        full == 1 && runs.iter().any(|run| run.kind == RunKind::Delta && run.phase == Phase::Completed),
        "another sync read it"
    );
    Ok(())
}

/// Every kind of change that is an event shows in the mirror by itself: people come, go and change, join and leave, groups come, go, are
/// renamed and grant something.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_made_elsewhere_shows() -> Result<()> {
    let (world, _services) = followed(Size::of(400, 80)).await?;
    let people = world.sim.ordinary(2).await?;
    let grants = world.sim.truth("grants").await?;
    let groups = world.sim.truth("groups").await?;
    let id = |value: &Value| value.as_str().map(str::to_owned).context("an id");
    let plain: Vec<String> = groups
        .iter()
        .filter(|group| group["externalSynced"] == false && !grants.iter().any(|grant| grant["groupId"] == group["id"]))
        .map(|group| id(&group["id"]))
        .collect::<Result<_>>()?;

    world.sim.set_account(&people[0], json!({ "jobTitle": "told by an event" })).await?;
    world.sim.set_account("712020:new", json!({ "name": "New", "nickname": "new" })).await?;
    // Somebody in no group: no event tells a group that it has a member less.
    let alone = world.sim.truth("accounts").await?;
    let alone =
        alone.iter().find(|person| person["groups"] == json!([]) && !people.iter().any(|id| person["accountId"] == id.as_str()));
    world.sim.delete_account(&id(&alone.context("everybody is in a group")?["accountId"])?).await?;
    world.sim.join(&plain[0], &people[1]).await?;
    catches_up(&world).await?;

    world.sim.leave(&plain[0], &people[1]).await?;
    world.sim.set_group(&plain[1], json!({ "name": "renamed elsewhere" })).await?;
    world.sim.set_group("6a1e0b2c-0000-4000-8000-000000000001", json!({ "name": "came to be" })).await?;
    world.sim.delete_group(&plain[2]).await?;
    catches_up(&world).await?;

    // What a group grants decides what its members may use.
    let (granting, resource) = (id(&grants[0]["groupId"])?, id(&grants[0]["resourceId"])?);
    world.sim.revoke_grants(&granting, &resource).await?;
    catches_up(&world).await?;
    let events = stream(&world).await?.context("the stream is followed")?;
    ensure!(events.trouble.is_none() && events.gap_at.is_none() && events.events >= 9, "{events:?}");
    Ok(())
}

/// The position outlives those who follow: what happens while nobody does is told when somebody does again.
#[tokio::test(flavor = "multi_thread")]
async fn the_position_survives_restarts() -> Result<()> {
    let (world, services) = followed(Size::of(150, 20)).await?;
    for service in services {
        service.stop().await;
    }
    let before = stream(&world).await?.context("the stream is followed")?.events;
    let people = world.sim.ordinary(20).await?;
    for person in &people {
        world.sim.set_account(person, json!({ "jobTitle": format!("of {person}") })).await?;
    }
    let _services = [world.coordinator(), world.worker(4)];
    shows_the_truth(&world).await?;
    let after = stream(&world).await?.context("the stream is followed")?;
    assert_eq!((after.events, after.gap_at), (before + 20, None));
    Ok(())
}

/// A key that may not read events costs nothing else; it is said, a gap with it, and a full sync closes the gap.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_may_not_be_read() -> Result<()> {
    let mut world = World::empty(Size::of(100, 10)).await?;
    world.events = true;
    world.sim.faults(json!({ "per_operation": { "pollEvents": { "status": 403 } } })).await?;
    let _services = [world.coordinator(), world.worker(4)];
    let told = until("it is said", async || Ok(stream(&world).await?.filter(|stream| stream.trouble.is_some()))).await?;
    assert_eq!(told.trouble.as_deref(), Some("not_permitted"));
    ensure!(told.trouble_reason.is_some_and(|reason| reason.contains("read:events:admin")), "the reason names the scope");
    ensure!(told.gap_at.is_some(), "nothing was synced before");
    world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    ensure!(stream(&world).await?.is_some_and(|stream| stream.gap_at.is_none()), "the full sync closes the gap");
    Ok(())
}

/// A position that the API has forgotten is a gap, and no end: the stream goes on from the time of its last reading.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_position() -> Result<()> {
    let (world, _services) = followed(Size::of(120, 20)).await?;
    let person = world.sim.ordinary(1).await?.remove(0);
    sqlx::query("UPDATE event_stream SET cursor = 'forgotten'").execute(&world.pool).await?;
    until("the gap is told", async || Ok(stream(&world).await?.and_then(|stream| stream.gap_at))).await?;
    world.sim.set_account(&person, json!({ "jobTitle": "after the gap" })).await?;
    until("the stream goes on", async || Ok(world.differences().await?.is_empty().then_some(()))).await?;
    world.sync().await?;
    ensure!(stream(&world).await?.is_some_and(|stream| stream.gap_at.is_none()), "the full sync closes the gap");
    Ok(())
}

/// A refresh that was cancelled leaves a gap: its events are behind the position.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_refresh_is_a_gap() -> Result<()> {
    let (world, _services) = followed(Size::of(120, 20)).await?;
    let person = world.sim.ordinary(1).await?.remove(0);
    world.sim.faults(json!({ "hold": { "searchDirectoryUsers": 1 } })).await?;
    world.sim.set_account(&person, json!({ "jobTitle": "never read" })).await?;
    world.calls_wait("searchDirectoryUsers", 1).await?;
    let runs = world.store.runs(Which::Open(world.org)).await?;
    for run in runs.iter().filter(|run| run.kind == RunKind::Delta) {
        world.store.cancel_run(run.run, &Actor::system()).await?;
    }
    world.sim.calm().await?;
    world.sim.release().await?;
    ensure!(stream(&world).await?.is_some_and(|stream| stream.gap_at.is_some()), "the gap is told");
    world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    ensure!(stream(&world).await?.is_some_and(|stream| stream.gap_at.is_none()), "the full sync closes the gap");
    Ok(())
}

/// An API that gives no cursor behind the newest event tells each event once all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_an_end() -> Result<()> {
    let (world, _services) = followed(Size::of(120, 20)).await?;
    world.sim.switches(json!({ "stream_end": "absent" })).await?;
    let people = world.sim.ordinary(2).await?;
    for person in &people {
        world.sim.set_account(person, json!({ "jobTitle": format!("of {person}") })).await?;
        until("it is mirrored", async || Ok(world.differences().await?.is_empty().then_some(()))).await?;
    }
    let events = stream(&world).await?.context("the stream is followed")?;
    let before = events.events;
    until("it is read again", async || Ok(stream(&world).await?.filter(|stream| stream.read_at > events.read_at))).await?;
    assert_eq!(stream(&world).await?.map(|stream| stream.events), Some(before));
    Ok(())
}

/// An organisation that was never synced is synced because a coordinator runs, once, by however many of them.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_sync_needs_nobody() -> Result<()> {
    let mut world = World::empty(Size::of(120, 20)).await?;
    world.initial = true;
    let _services = [world.coordinator(), world.coordinator(), world.worker(4)];
    until("it is synced", async || Ok(world.store.watermark_at(world.org).await?)).await?;
    world.assert_mirror_equals_truth().await?;
    let runs = world.store.runs(Which::Newest(world.org, 10)).await?;
    assert_eq!(runs.iter().map(|run| run.kind).collect::<Vec<_>>(), [RunKind::Initial]);
    Ok(())
}
