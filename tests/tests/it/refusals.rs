//! Answers that say no: a key that expired, a scope that is missing, a row that fails for ever, a page that cannot be read.

use anyhow::{Context, Result};
use orgmirror_domain::run::{Hold, Phase};
use orgmirror_store::run::Moved;
use orgmirror_tests::{Size, World, until};
use serde_json::json;

/// A key that expires in mid-run holds the run; with a new one it goes on by itself where it was.
/// Method: replace the key between two pages; store the new one in the key file; count the calls and compare what was done.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_expires_in_mid_run() -> Result<()> {
    let (world, _services) = World::of(Size::of(2_600, 150)).await?;
    world.sim.faults(json!({ "latency_ms": 30 })).await?;
    let ticket = world.request().await?;
    world.done(ticket, 8).await?;
    world.sim.set_key("the-new-key").await?;
    let held = world.held(ticket, Hold::KeyRejected).await?;
    let reason = held.hold_reason.context("a hold has a reason")?;
    assert!(
        reason.contains("make a new key") && !reason.contains("the-new-key") && !reason.contains(world.sim.key()),
        "{reason}"
    );

    let pages = "SELECT count(*) FROM sync_job WHERE state = 'done' AND kind = 'users_page'";
    let done = world.count(pages).await?;
    let first = "SELECT coalesce(md5(string_agg(job_key || ':' || instant, ',' ORDER BY job_key)), '') FROM sync_job
        WHERE state = 'done' AND finished_at < (SELECT max(held_at) FROM sync_run)";
    let ledger: String = sqlx::query_scalar(first).fetch_one(&world.pool).await?;
    let held_at: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT max(held_at) FROM sync_run").fetch_one(&world.pool).await?;
    assert!(done > 2, "no page was done before the key expired");

    // Resuming with the old key changes nothing.
    assert_eq!(world.store.resume_run(ticket.run, None).await?, Moved::Yes);
    world.held(ticket, Hold::KeyRejected).await?;

    std::fs::write(&world.key_file, "the-new-key\n")?;
    world.sim.forget_calls().await?;
    until("the new key is taken up", async || Ok(world.run(ticket).await?.hold.is_none().then_some(()))).await?;
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await?;
    let after = "SELECT coalesce(md5(string_agg(job_key || ':' || instant, ',' ORDER BY job_key)), '') FROM sync_job
        WHERE state = 'done' AND finished_at < $1";
    let unchanged: String = sqlx::query_scalar(after).bind(held_at).fetch_one(&world.pool).await?;
    assert_eq!(unchanged, ledger, "what was done is done");
    let calls = world.sim.calls().await?;
    let fetched = calls["operations"]["searchDirectoryUsers"]["200"]["calls"].as_i64().unwrap_or_default();
    let lookups = world.count("SELECT count(*) FROM sync_job WHERE kind IN ('account_lookup', 'role_page')").await?;
    let left = world.count(pages).await? - done;
    assert!(fetched <= left + lookups, "{fetched} pages were fetched for the {left} that were left");
    Ok(())
}

/// A scope that is missing holds the run and names what the key may not do; nothing else is tried for ever.
/// Method: only the roles of groups are refused; then the key gets the scope and a person resumes.
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_missing() -> Result<()> {
    let (world, _services) = World::of(Size::of(400, 120)).await?;
    world.sim.faults(json!({ "per_operation": { "getGroupRoleAssignments": { "status": 403 } } })).await?;
    let ticket = world.request().await?;
    let reason = world.held(ticket, Hold::ScopeMissing).await?.hold_reason.context("a hold has a reason")?;
    assert!(reason.contains("may not read the roles of a group") && reason.contains("read:groups:admin"), "{reason}");
    world.sim.calm().await?;
    assert_eq!(world.store.resume_run(ticket.run, None).await?, Moved::Yes);
    world.completed(ticket).await?;
    world.assert_mirror_equals_truth().await
}

/// A key without any scope holds the run at its first call.
#[tokio::test(flavor = "multi_thread")]
async fn no_scope_at_all() -> Result<()> {
    let (world, _services) = World::of(Size::of(50, 10)).await?;
    world.sim.faults(json!({ "key_state": "no_scope" })).await?;
    let ticket = world.request().await?;
    let run = world.held(ticket, Hold::ScopeMissing).await?;
    assert_eq!(run.phase, Phase::Planning);
    assert!(run.hold_reason.is_some_and(|reason| reason.contains("may not") && reason.contains(":admin")));
    Ok(())
}

/// An account and a group that cannot be read are exceptions of the run: named, nothing of them removed, not made fresh; all else is.
/// Method: two accounts and two groups leave; asking for one of each fails for ever. Later it does not.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_fail_for_ever() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 120)).await?;
    world.sync().await?;
    let accounts = world.sim.first("asc", 2).await?;
    let empty = world.sim.truth("groups").await?.into_iter().filter(|group| group["counts"]["resources"] == 0);
    let groups: Vec<String> = empty.take(2).filter_map(|group| group["id"].as_str().map(str::to_owned)).collect();
    for id in &accounts {
        world.sim.delete_account(id).await?;
    }
    for id in &groups {
        world.sim.delete_group(id).await?;
    }
    world.sim.faults(json!({ "fail_ids": [accounts[0], groups[0]] })).await?;
    let run = world.sync().await?;
    assert_eq!((run.exceptions, run.rows_removed), (2, 2));

    let named = "SELECT coalesce(a.account_id, g.group_id::text) FROM run_exception AS e
        LEFT JOIN account_key AS a ON e.kind = 'account' AND a.account_key = e.entity_key
        LEFT JOIN group_key AS g ON e.kind = 'group' AND g.group_key = e.entity_key ORDER BY e.kind";
    let named: Vec<String> = sqlx::query_scalar(named).fetch_all(&world.pool).await?;
    assert_eq!(named, [accounts[0].clone(), groups[0].clone()]);
    let stale = "SELECT account_id FROM mirror.accounts, mirror.freshness WHERE fresh_as_of < watermark_at
        UNION ALL SELECT group_id FROM mirror.groups, mirror.freshness WHERE fresh_as_of < watermark_at";
    let stale: Vec<String> = sqlx::query_scalar(stale).fetch_all(&world.pool).await?;
    assert_eq!(stale, [accounts[0].clone(), groups[0].clone()], "only these are as they were");

    world.sim.calm().await?;
    let run = world.sync().await?;
    assert_eq!((run.exceptions, run.rows_removed), (0, 2));
    world.assert_mirror_equals_truth().await
}

/// What groups grant cannot be read: the groups are exceptions, and keep what they granted.
#[tokio::test(flavor = "multi_thread")]
async fn grants_that_fail_for_ever() -> Result<()> {
    let (world, _services) = World::of(Size::of(150, 20)).await?;
    world.sync().await?;
    let grants = world.count("SELECT count(*) FROM mirror.group_grants").await?;
    let granting = world.count("SELECT count(DISTINCT group_id) FROM mirror.group_grants").await?;
    assert!(granting > 0);
    world.sim.faults(json!({ "per_operation": { "getGroupRoleAssignments": { "status": 500 } } })).await?;
    let run = world.sync().await?;
    assert_eq!(run.exceptions, granting);
    assert_eq!(world.count("SELECT count(*) FROM mirror.group_grants").await?, grants);
    world.assert_mirror_equals_truth().await
}

/// A single account that fails for ever, asked for alone by a worker that has long been idle, ends as an exception: the API is not
/// down because of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_fails_for_ever_alone() -> Result<()> {
    let (world, _services) = World::of(Size::of(60, 5)).await?;
    world.sync().await?;
    let id = world.sim.first("asc", 1).await?.remove(0);
    world.sim.faults(json!({ "fail_ids": [id] })).await?;
    let ticket = world.request_accounts(&[&id]).await?;
    let run = world.completed(ticket).await?;
    assert_eq!((run.exceptions, run.rows_removed, run.rows_changed), (1, 0, 0));
    Ok(())
}

/// The run that fails half-way must not delete. A page that cannot be read is tried with ever fewer rows; when a single row is too much the
/// run fails. Whoever it has not listed stays, those who have truly gone among them, until a run reads everything.
#[tokio::test(flavor = "multi_thread")]
async fn the_run_that_fails_half_way_must_not_delete() -> Result<()> {
    let (world, _services) = World::of(Size::of(250, 10)).await?;
    world.sync().await?;
    let last = world.sim.first("desc", 1).await?.remove(0);
    for gone in world.sim.first("asc", 5).await? {
        world.sim.delete_account(&gone).await?;
    }
    let groups = world.count("SELECT count(*) FROM mirror.groups").await?;
    let group = world.sim.truth("groups").await?.remove(0);
    world.sim.delete_group(group["id"].as_str().context("a group without id")?).await?;
    world.sim.faults(json!({ "fail_ids": [last] })).await?;
    let ticket = world.request().await?;
    let run = world.ended(ticket).await?;
    assert_eq!((run.phase, run.hold), (Phase::Failed, None), "{:?}", run.hold_reason);
    assert!(run.failure.is_some_and(|reason| reason.contains("list users")));
    let limit = "SELECT min(page_limit)::bigint FROM sync_job WHERE state = 'failed' AND kind = 'users_page'";
    assert_eq!(world.count(limit).await?, 1);
    assert_eq!(world.count("SELECT count(*) FROM mirror.accounts").await?, 250);
    assert_eq!(world.count("SELECT count(*) FROM mirror.groups").await?, groups);
    assert_eq!(world.count("SELECT count(*) FROM mirror.departed").await?, 0);
    world.sim.calm().await?;
    let run = world.sync().await?;
    assert_eq!(run.rows_removed, 6, "what has truly gone goes with the next run");
    world.assert_mirror_equals_truth().await
}
