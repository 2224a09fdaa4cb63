//! Who is user, admin, guest, customer or contributor on which product, and who takes a seat.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use orgmirror_domain::direct_role::role_calls;
use orgmirror_tests::{Size, World};
use serde_json::json;

/// Customers of Jira Service Management, contributors of Jira Product Discovery and guests of Confluence have access and take no seat. They
/// hold their roles directly, so no group tells; the sums are as the simulator's truth has them, and the roles cost few calls.
#[tokio::test(flavor = "multi_thread")]
async fn the_count_that_excludes_customers_contributors_and_guests() -> Result<()> {
    let (world, _services) = World::of(Size::of(3_000, 600)).await?;
    world.sync().await?;
    let known = world.assert_roles_equal_truth().await?;
    ensure!(known.free > 300 && known.billable > 300, "hardly anything is known: {known:?}");
    ensure!(known.unknown * 20 < known.free + known.billable, "too little is known: {known:?}");

    let now: DateTime<Utc> = "2026-09-15T00:00:00Z".parse()?;
    let truth = world.sim.truth("roles").await?;
    for (product, role) in [("jira-servicedesk", "customer"), ("jira-product-discovery", "contributor"), ("confluence", "guest")]
    {
        let holds = |line: &serde_json::Value| {
            let word = json!(format!("atlassian/{role}"));
            line["resourceId"].as_str().is_some_and(|id| id.contains(&format!(":{product}:")))
                && line["direct"] == json!([word])
                && line["byGroup"] == json!([])
        };
        let held = truth.iter().filter(|line| holds(line)).count();
        ensure!(held > 20, "only {held} are {role} and nothing else");
        let filter = format!("role:{role}@{product}").parse()?;
        let selection = world.store.select(world.org, &filter, now).await?;
        ensure!(selection.caveats().is_empty(), "all direct roles were read");
        ensure!(world.store.count_users(&selection).await? >= i64::try_from(held)?, "role:{role}@{product} misses somebody");
    }
    let licences = world.store.licences(world.org, now).await?;
    let seats: u64 = licences.iter().map(|licence| licence.seats.billable).sum();
    let unknown: u64 = licences.iter().map(|licence| licence.seats.billable_unknown).sum();
    ensure!(seats == known.billable as u64 && unknown == known.unknown as u64, "{seats} seats, {unknown} unknown: {known:?}");
    let desk: Vec<_> = licences.iter().filter(|licence| licence.product == "jira-servicedesk").collect();
    ensure!(desk.iter().all(|licence| licence.seats.billable_unknown == 0 && licence.seats.not_billable > 50), "{desk:?}");

    let calls = "SELECT coalesce(sum(calls), 0) FROM sync_job WHERE kind IN ('roles', 'role_page')";
    let calls = world.count(calls).await?;
    ensure!(calls <= i64::try_from(role_calls(36))?, "roles cost {calls} calls");
    Ok(())
}

/// What is not known is not claimed: a role that was given after the full sync shows as access of which nobody knows whether it is paid, until
/// the next full sync; and an access that went takes its role along.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_since_the_full_sync_is_not_guessed() -> Result<()> {
    let (world, _services) = World::of(Size::of(400, 60)).await?;
    world.sync().await?;
    let roles = world.sim.truth("roles").await?;
    let ordinary = world.sim.ordinary(100).await?;
    let site = roles.iter().filter_map(|line| line["resourceId"].as_str()).find(|id| id.contains(":confluence:"));
    let site = site.context("nobody uses Confluence")?.to_owned();
    let has_access = |id: &str| roles.iter().any(|line| line["accountId"] == id && line["resourceId"] == site.as_str());
    let guest = ordinary.iter().find(|id| !has_access(id)).context("everybody uses Confluence")?;
    world.sim.assign_role(guest, "atlassian/guest", &site).await?;
    world.completed(world.request_accounts(&[guest]).await?).await?;
    let seen = |world: &World| {
        let statement = sqlx::query_as::<_, (Option<String>, Option<bool>)>(
            "SELECT role, billable FROM mirror.product_access WHERE account_id = $1 AND resource_id = $2",
        );
        let statement = statement.bind(guest.clone()).bind(site.clone());
        let pool = world.pool.clone();
        async move { statement.fetch_optional(&pool).await }
    };
    assert_eq!(seen(&world).await?, Some((None, None)));
    world.sync().await?;
    assert_eq!(seen(&world).await?, Some((Some("atlassian/guest".to_owned()), Some(false))));

    world.sim.revoke_role(guest, "atlassian/guest", &site).await?;
    world.sim.assign_role(guest, "atlassian/user", &site).await?;
    world.completed(world.request_accounts(&[guest]).await?).await?;
    world.sync().await?;
    assert_eq!(seen(&world).await?, Some((Some("atlassian/user".to_owned()), Some(true))));
    world.sim.revoke_role(guest, "atlassian/user", &site).await?;
    world.completed(world.request_accounts(&[guest]).await?).await?;
    assert_eq!(seen(&world).await?, None);
    assert_eq!(world.count("SELECT count(*) FROM mirror.roles AS r LEFT JOIN mirror.product_access AS p USING (account_id, resource_id) WHERE r.resource_id IS NOT NULL AND p.account_id IS NULL").await?, 0);
    Ok(())
}

/// Lists of roles that fail for ever fail no run: what they would have told is not known, and said so.
#[tokio::test(flavor = "multi_thread")]
async fn roles_that_cannot_be_read_are_not_known() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 60)).await?;
    world.sim.faults(json!({ "per_operation": { "getUserStats": { "status": 404 } } })).await?;
    world.sync().await?;
    let known = world.assert_roles_equal_truth().await?;
    ensure!(known.free == 0 && known.unknown > 0, "nothing about direct roles was read: {known:?}");
    let selection = world.store.select(world.org, &"billable:yes".parse()?, Utc::now()).await?;
    assert_eq!(selection.caveats().len(), 1);
    world.sim.calm().await?;
    world.sync().await?;
    ensure!(world.assert_roles_equal_truth().await?.free > 0);
    Ok(())
}
