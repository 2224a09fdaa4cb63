//! Runs over a few accounts or groups: they read these and nothing else, beside whatever else runs.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use orgmirror_domain::run::Phase;
use orgmirror_tests::{Size, World};
use serde_json::{Value, json};
use uuid::Uuid;

async fn shown(world: &World, id: &str, column: &str) -> Result<Option<String>> {
    let statement = "SELECT to_jsonb(a) ->> $2 FROM mirror.accounts AS a WHERE account_id = $1";
    let shown: Option<Option<String>> = sqlx::query_scalar(statement).bind(id).bind(column).fetch_optional(&world.pool).await?;
    Ok(shown.flatten())
}

async fn departed(world: &World) -> Result<BTreeSet<String>> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT entity_id FROM mirror.departed").fetch_all(&world.pool).await?;
    Ok(ids.into_iter().collect())
}

async fn members(world: &World, group: &str) -> Result<BTreeSet<String>> {
    let statement = "SELECT account_id FROM mirror.memberships WHERE group_id = $1";
    let ids: Vec<String> = sqlx::query_scalar(statement).bind(group).fetch_all(&world.pool).await?;
    Ok(ids.into_iter().collect())
}

/// A run over accounts refreshes these, finds who left, and knows ids that nobody has ever had; everybody else stays as he was.
/// Method: change, delete and create; ask for some of it with more than one call's worth of ids; the rest must not show.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_by_id() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 40)).await?;
    world.sync().await?;
    let ids = world.sim.first("asc", 20).await?;
    for id in &ids[..14] {
        world.sim.set_account(id, json!({ "jobTitle": "changed" })).await?;
    }
    world.sim.delete_account(&ids[14]).await?;
    world.sim.delete_account(&ids[15]).await?;
    world.sim.set_account("scoped-and-new", json!({ "name": "New" })).await?;
    let mut asked: Vec<&str> = ids[..12].iter().map(String::as_str).collect();
    asked.extend([ids[14].as_str(), "scoped-and-new", "never-there", "never-there"]);

    world.sim.forget_calls().await?;
    let run = world.request_accounts(&asked).await?;
    let run = world.completed(run).await?;
    assert_eq!(world.sim.calls().await?["total"], 2, "ten ids a call");
    assert_eq!((run.rows_added, run.rows_changed, run.rows_removed), (1, 12, 1));
    for id in &ids[..12] {
        assert_eq!(shown(&world, id, "job_title").await?.as_deref(), Some("changed"));
    }
    for id in &ids[12..14] {
        assert_ne!(shown(&world, id, "job_title").await?.as_deref(), Some("changed"), "nobody asked for {id}");
    }
    assert_eq!(shown(&world, "scoped-and-new", "name").await?.as_deref(), Some("New"));
    assert_eq!(shown(&world, "never-there", "account_id").await?, None);
    assert_eq!(departed(&world).await?, BTreeSet::from([ids[14].clone()]));
    assert!(shown(&world, &ids[15], "account_id").await?.is_some(), "nothing said that he is gone");

    // Whoever departed comes back by being seen again.
    world.sim.set_account(&ids[14], json!({ "name": "Back" })).await?;
    let back = world.request_accounts(&[&ids[14]]).await?;
    world.completed(back).await?;
    assert_eq!(shown(&world, &ids[14], "name").await?.as_deref(), Some("Back"));
    assert_eq!(departed(&world).await?, BTreeSet::new());
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}

/// A run over groups follows who joined and who left; a group that is gone departs, and ids that are no group's are no failure.
#[tokio::test(flavor = "multi_thread")]
async fn groups_with_their_members() -> Result<()> {
    let (world, _services) = World::of(Size::of(420, 60)).await?;
    world.sync().await?;
    let mut groups = world.sim.truth("groups").await?;
    groups.sort_by_key(|group| std::cmp::Reverse(group["counts"]["users"].as_u64()));
    let id = |group: &Value| group["id"].as_str().map(str::to_owned).context("a group without id");
    let (large, small, other) = (id(&groups[0])?, id(&groups[groups.len() - 1])?, id(&groups[1])?);
    let before = members(&world, &large).await?;
    assert!(before.len() > 150, "the largest group is read in pages");
    let leaves: Vec<&String> = before.iter().take(3).collect();
    for account in &leaves {
        world.sim.leave(&large, account).await?;
    }
    world.sim.set_account("joins-the-large-one", json!({})).await?;
    world.sim.join(&large, "joins-the-large-one").await?;
    world.sim.set_group(&large, json!({ "description": "still large" })).await?;
    world.sim.delete_group(&small).await?;
    let unrelated = members(&world, &other).await?;
    world.sim.set_group(&other, json!({ "description": "nobody asked" })).await?;

    let run = world.request_groups(&[&large, &small, &Uuid::new_v4().to_string()]).await?;
    world.completed(run).await?;
    let mut expected = before.clone();
    expected.retain(|account| !leaves.contains(&account));
    expected.insert("joins-the-large-one".to_owned());
    assert_eq!(members(&world, &large).await?, expected);
    assert_eq!(departed(&world).await?, BTreeSet::from([small]));
    assert_eq!(members(&world, &other).await?, unrelated);
    let told = "SELECT count(*) FROM mirror.groups WHERE description = 'nobody asked'";
    assert_eq!(world.count(told).await?, 0);
    assert_eq!(world.count("SELECT count(*) FROM mirror.groups WHERE description = 'still large'").await?, 1);
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}

/// A scoped run waits for no full one: neither in the queue nor for its end.
/// Method: hold the full run in its scan; meanwhile accounts are refreshed; then let it go on over them.
#[tokio::test(flavor = "multi_thread")]
async fn a_scoped_run_during_a_full_one() -> Result<()> {
    let (world, _services) = World::of(Size::of(500, 120)).await?;
    world.sync().await?;
    world.sim.faults(json!({ "hold": { "getGroupRoleAssignments": 1 } })).await?;
    let full = world.request().await?;
    world.calls_wait("getGroupRoleAssignments", 1).await?;
    let ids = world.sim.first("desc", 3).await?;
    world.sim.set_account(&ids[0], json!({ "jobTitle": "meanwhile" })).await?;
    world.sim.delete_account(&ids[1]).await?;
    let scoped = world.request_accounts(&[&ids[0], &ids[1]]).await?;
    world.completed(scoped).await?;
    assert_eq!(world.run(full).await?.phase, Phase::Scanning);
    assert_eq!(shown(&world, &ids[0], "job_title").await?.as_deref(), Some("meanwhile"));
    assert_eq!(shown(&world, &ids[1], "account_id").await?, None);
    world.sim.calm().await?;
    world.sim.release().await?;
    world.completed(full).await?;
    world.assert_mirror_equals_truth().await
}
