//! What leaves the mirror: by itself while it is little, by a person's word where it is much.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use orgmirror_domain::audit::Actor;
use orgmirror_domain::run::{Hold, Phase};
use orgmirror_store::run::Moved;
use orgmirror_tests::{Size, World};
use serde_json::json;

/// More than 50 and more than 5 %.
const MANY: usize = 60;

async fn departed(world: &World) -> Result<BTreeSet<String>> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT entity_id FROM mirror.departed").fetch_all(&world.pool).await?;
    Ok(ids.into_iter().collect())
}

async fn delete(world: &World, ids: &[String]) -> Result<()> {
    for id in ids {
        world.sim.delete_account(id).await?;
    }
    Ok(())
}

/// Up to the limits nobody is asked.
#[tokio::test(flavor = "multi_thread")]
async fn few_leave_by_themselves() -> Result<()> {
    let (world, _services) = World::of(Size::of(600, 20)).await?;
    world.sync().await?;
    let ids = world.sim.first("desc", 50).await?;
    delete(&world, &ids).await?;
    assert_eq!(world.sync().await?.rows_removed, 50, "50 rows are 8 %, but not more than 50");
    assert_eq!(departed(&world).await?, ids.into_iter().collect());
    world.assert_mirror_equals_truth().await
}

/// Above them a person is asked, and approving removes exactly what was listed and is still missing.
/// Method: after the list was shown one comes back and many others leave, of which a small run gets proof; approve; only the list goes.
/// The others are what the next run asks about.
#[tokio::test(flavor = "multi_thread")]
async fn many_wait_for_approval() -> Result<()> {
    let (world, _services) = World::of(Size::of(700, 20)).await?;
    world.sync().await?;
    let ids = world.sim.first("desc", 2 * MANY).await?;
    let (listed, later) = ids.split_at(MANY);
    delete(&world, listed).await?;
    let ticket = world.request().await?;
    let held = world.held(ticket, Hold::Approval).await?;
    assert!(held.hold_reason.is_some_and(|reason| reason.contains("60 of 700 users")));
    assert_eq!(world.count("SELECT count(*) FROM sweep_list").await?, 60);
    assert_eq!(world.count("SELECT count(*) FROM mirror.accounts").await?, 700, "nothing has gone yet");

    world.sim.set_account(&listed[0], json!({ "name": "Back again" })).await?;
    delete(&world, later).await?;
    let asked: Vec<&str> = later.iter().chain(&listed[..1]).map(String::as_str).collect();
    let scoped = world.request_accounts(&asked).await?;
    world.completed(scoped).await?;
    assert_eq!(world.count("SELECT count(*) FROM account WHERE missing").await?, 119);
    assert_eq!(departed(&world).await?, BTreeSet::new(), "a small run removes nothing above the limits either");

    assert_eq!(
        world.store.approve_run(ticket.run, held.sweep_revision + 1, &Actor::system()).await?,
        Moved::TooLate,
        "of another list"
    );
    assert_eq!(world.store.approve_run(ticket.run, held.sweep_revision, &Actor::system()).await?, Moved::Yes);
    let run = world.completed(ticket).await?;
    let expected: BTreeSet<String> = listed[1..].iter().cloned().collect();
    assert_eq!(departed(&world).await?, expected);
    assert_eq!(usize::try_from(run.rows_removed)?, expected.len());
    assert_eq!(world.store.approve_run(ticket.run, held.sweep_revision, &Actor::system()).await?, Moved::TooLate);

    let ticket = world.request().await?;
    let held = world.held(ticket, Hold::Approval).await?;
    assert!(held.hold_reason.is_some_and(|reason| reason.contains("60 of 641 users")));
    assert_eq!(world.store.approve_run(ticket.run, held.sweep_revision, &Actor::system()).await?, Moved::Yes);
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}

/// A small run removes what it asked about itself, whatever waits for a person elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_run_beside_a_held_one() -> Result<()> {
    let (world, _services) = World::of(Size::of(700, 20)).await?;
    world.sync().await?;
    let ids = world.sim.first("desc", MANY + 1).await?;
    delete(&world, &ids[..MANY]).await?;
    let ticket = world.request().await?;
    world.held(ticket, Hold::Approval).await?;
    world.sim.delete_account(&ids[MANY]).await?;
    let scoped = world.request_accounts(&[&ids[MANY]]).await?;
    world.completed(scoped).await?;
    assert_eq!(departed(&world).await?, BTreeSet::from([ids[MANY].clone()]));
    assert_eq!(world.run(ticket).await?.hold, Some(Hold::Approval));
    Ok(())
}

/// Who does not answer holds up nobody: a held run gives way to the next, which asks again with what is missing then.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_run_gives_way() -> Result<()> {
    let (world, _services) = World::of(Size::of(650, 20)).await?;
    world.sync().await?;
    let ids = world.sim.first("asc", MANY).await?;
    delete(&world, &ids).await?;
    let first = world.request().await?;
    let held = world.held(first, Hold::Approval).await?;
    let second = world.request().await?;
    world.held(second, Hold::Approval).await?;
    assert_eq!(world.run(first).await?.phase, Phase::Replaced);
    assert_eq!(world.store.approve_run(first.run, held.sweep_revision, &Actor::system()).await?, Moved::TooLate);
    assert_eq!(departed(&world).await?, BTreeSet::new());

    // All came back: the third has nothing to ask.
    for id in &ids {
        world.sim.set_account(id, json!({})).await?;
    }
    let third = world.sync().await?;
    assert_eq!((third.rows_removed, world.run(second).await?.phase), (0, Phase::Replaced));
    world.assert_mirror_equals_truth().await
}

/// Groups count for themselves: many that left wait for a person although no user did.
#[tokio::test(flavor = "multi_thread")]
async fn many_groups_wait_for_approval() -> Result<()> {
    let (world, _services) = World::of(Size::of(100, 300)).await?;
    world.sync().await?;
    let groups = world.sim.truth("groups").await?;
    for group in groups.iter().take(MANY) {
        world.sim.delete_group(group["id"].as_str().context("a group without id")?).await?;
    }
    let ticket = world.request().await?;
    let held = world.held(ticket, Hold::Approval).await?;
    assert!(held.hold_reason.is_some_and(|reason| reason.contains("60 of 300 groups")));
    assert_eq!(world.store.approve_run(ticket.run, held.sweep_revision, &Actor::system()).await?, Moved::Yes);
    assert_eq!(world.completed(ticket).await?.rows_removed, 60);
    world.assert_mirror_equals_truth().await
}

/// A large group that lost most of its members is mirrored as it is, and told.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_lost_most_members() -> Result<()> {
    let (world, _services) = World::of(Size::of(400, 30)).await?;
    world.sync().await?;
    let large = "SELECT group_id, member_count FROM mirror.groups WHERE NOT scim_managed ORDER BY member_count DESC LIMIT 1";
    let (group, count): (String, i32) = sqlx::query_as(large).fetch_one(&world.pool).await?;
    assert!(count >= 50);
    let members = "SELECT account_id FROM mirror.memberships WHERE group_id = $1 ORDER BY account_id";
    let members: Vec<String> = sqlx::query_scalar(members).bind(&group).fetch_all(&world.pool).await?;
    for account in members.iter().skip(10) {
        world.sim.leave(&group, account).await?;
    }
    let run = world.sync().await?;
    let told: Vec<_> = run.discrepancies.iter().map(|one| (one.kind.as_str(), one.subject.as_str())).collect();
    assert_eq!(told, [("members_lost", group.as_str())]);
    assert!(run.discrepancies[0].detail.contains("10 now"), "{}", run.discrepancies[0].detail);
    world.assert_mirror_equals_truth().await?;
    assert_eq!(world.sync().await?.discrepancies, [], "told once");
    Ok(())
}
