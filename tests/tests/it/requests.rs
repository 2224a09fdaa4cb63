//! Who asks for a sync, how often, by which way, and what a scoped one reads.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::OrgId;
use orgmirror_domain::run::Phase;
use orgmirror_store::progress::Which;
use orgmirror_store::run::Moved;
use orgmirror_tests::{Size, World, until};
use redis::streams::StreamRangeReply;
use serde_json::json;
use uuid::Uuid;

/// A request that comes while a run reads is answered by a later one, whose every read is younger than the request.
/// Method: hold the run in its scan, change what it has read already, ask; the first run cannot know of it, the second must.
#[tokio::test(flavor = "multi_thread")]
async fn sync_requested_while_syncing() -> Result<()> {
    let (world, _services) = World::of(Size::of(400, 120)).await?;
    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    let first = world.request().await?;
    world.calls_wait("getGroupRoleAssignments", 1).await?;
    until("the users are read", async || {
        let users = world.run(first).await?.users;
        Ok((users.of > 0 && users.done >= users.of).then_some(()))
    })
    .await?;
    let id = world.sim.first("asc", 1).await?.remove(0);
    world.sim.set_account(&id, json!({ "jobTitle": "changed after it was read" })).await?;
    let second = world.request().await?;
    assert_ne!(first.run, second.run);
    assert_eq!(world.run(second).await?.phase, Phase::Requested);
    world.sim.calm().await?;
    world.sim.release().await?;
    let (earlier, later) = (world.completed(first).await?, world.completed(second).await?);
    assert!(earlier.watermark < Some(second.instant.0), "the active run may not answer");
    assert!(later.watermark > Some(second.instant.0));
    world.assert_mirror_equals_truth().await
}

/// However many ask at once, one run is active and one is pending.
#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 120)).await?;
    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    let first = world.request().await?;
    world.calls_wait("getGroupRoleAssignments", 1).await?;
    let tickets = try_join_all((0..200).map(|_| world.request())).await?;
    assert!(tickets.iter().all(|ticket| ticket.run == tickets[0].run && ticket.run != first.run));
    let open = world.store.runs(Which::Open(world.org)).await?;
    let phases: Vec<Phase> = open.iter().map(|run| run.phase).collect();
    assert_eq!(phases, [Phase::Requested, Phase::Scanning]);
    world.sim.calm().await?;
    world.sim.release().await?;
    let answered = world.completed(tickets[0]).await?;
    assert!(
        tickets.iter().all(|ticket| answered.watermark > Some(ticket.instant.0)),
        "everybody's answer is younger than he asked"
    );
    assert_eq!(world.count("SELECT count(*) FROM sync_run").await?, 2);
    Ok(())
}

/// Any program asks by pushing JSON; the same id asks once, and the entry is gone when the request is safe.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_by_the_queue() -> Result<()> {
    let (world, _services) = World::of(Size::of(150, 20)).await?;
    let id = Uuid::new_v4();
    let request = json!({ "id": id, "org_id": world.sim.org_id(), "kind": "manual", "scope": { "type": "full" } }).to_string();
    world.push_request(&request).await?;
    let run = until("the request is taken over", async || Ok(world.store.answering_run(id).await?)).await?;
    until("the run completes", async || {
        let run = world.store.runs(Which::One(run)).await?.into_iter().next().context("the run has gone")?;
        Ok((run.phase == Phase::Completed).then_some(()))
    })
    .await?;
    world.assert_mirror_equals_truth().await?;

    world.push_request(&request).await?;
    let account = world.sim.first("asc", 1).await?.remove(0);
    let scoped = Uuid::new_v4();
    let scope = json!({ "type": "accounts", "ids": [account] });
    world.push_request(&json!({ "id": scoped, "org_id": world.sim.org_id(), "scope": scope }).to_string()).await?;
    until("the later request is taken over", async || Ok(world.store.answering_run(scoped).await?)).await?;
    assert_eq!(world.count("SELECT count(*) FROM sync_request").await?, 2);
    assert_eq!(world.count("SELECT count(*) FROM sync_run").await?, 2);
    until("the stream is empty", async || {
        let left: u64 = redis::cmd("XLEN").arg(world.requests_stream()).query_async(&mut world.redis().await?).await?;
        Ok((left == 0).then_some(()))
    })
    .await
}

/// What cannot be read is set aside as it was, with the reason, and holds up nobody.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_by_the_queue() -> Result<()> {
    let (world, _services) = World::of(Size::of(10, 2)).await?;
    let (id, org) = (Uuid::new_v4(), world.sim.org_id());
    let nonsense = [
        ("{", "cannot be read"),
        (r#"{"id":"seven","org_id":"o"}"#, "cannot be read"),
        (&format!(r#"{{"id":"{id}","org_id":"{org}","scope":{{"type":"groups","ids":[]}}}}"#), "1 to"),
        (&format!(r#"{{"id":"{id}","org_id":"{org}","scope":{{"type":"groups","ids":["no group"]}}}}"#), "cannot be read"),
        (&format!(r#"{{"id":"{id}","org_id":"{org}","surprise":1}}"#), "surprise"),
        (&format!(r#"{{"id":"{id}","org_id":"elsewhere"}}"#), "no organisation elsewhere"),
    ];
    for (body, _) in &nonsense {
        world.push_request(body).await?;
    }
    let mut redis = world.redis().await?;
    redis::cmd("XADD").arg(world.requests_stream()).arg("*").arg("wish").arg("a sync").exec_async(&mut redis).await?;
    let good = Uuid::new_v4();
    world.push_request(&json!({ "id": good, "org_id": org }).to_string()).await?;
    until("the good request is taken over", async || Ok(world.store.answering_run(good).await?)).await?;

    let rejected = format!("{}:rejected", world.requests_stream());
    let entries: StreamRangeReply = redis::cmd("XRANGE").arg(rejected).arg("-").arg("+").query_async(&mut redis).await?;
    assert_eq!(entries.ids.len(), nonsense.len() + 1);
    for (entry, (body, reason)) in entries.ids.iter().zip(nonsense) {
        assert_eq!(entry.get::<String>("request").as_deref(), Some(body));
        let told: String = entry.get("reason").unwrap_or_default();
        assert!(told.contains(reason), "{body}: {told}");
    }
    assert!(entries.ids[nonsense.len()].get::<String>("reason").is_some_and(|reason| reason.contains("field `request`")));
    assert_eq!(world.count("SELECT count(*) FROM sync_request").await?, 1);
    Ok(())
}

/// A request for an organisation that this installation does not have yet is not invented.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_organisation_is_not_made() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    assert_eq!(world.store.find_org(&OrgId::from("elsewhere")).await?, None);
    Ok(())
}

/// Cancelling the active run lets the pending one begin; cancelling the pending one leaves the active alone; an ended one stays.
#[tokio::test(flavor = "multi_thread")]
async fn cancelled_runs() -> Result<()> {
    let (world, _services) = World::of(Size::of(400, 120)).await?;
    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    let active = world.request().await?;
    world.calls_wait("getGroupRoleAssignments", 1).await?;
    let pending = world.request().await?;
    assert_eq!(world.store.cancel_run(pending.run, &Actor::system()).await?, Moved::Yes);
    assert_eq!(world.run(pending).await?.phase, Phase::Cancelled);
    assert_eq!(world.run(active).await?.phase, Phase::Scanning);
    let next = world.request().await?;
    assert_ne!(next.run, pending.run);
    assert_eq!(world.store.cancel_run(active.run, &Actor::system()).await?, Moved::Yes);
    assert_eq!(world.store.cancel_run(active.run, &Actor::system()).await?, Moved::TooLate);
    // The call in flight of the cancelled run comes back, late, into the run that follows.
    world.sim.calm().await?;
    world.sim.release().await?;
    world.completed(next).await?;
    world.assert_mirror_equals_truth().await?;
    assert_eq!(world.run(active).await?.phase, Phase::Cancelled);
    assert_eq!(world.run(pending).await?.phase, Phase::Cancelled, "whoever joined it learns that, and gets no other run unasked");
    assert_eq!(world.store.cancel_run(next.run, &Actor::system()).await?, Moved::TooLate);
    Ok(())
}
