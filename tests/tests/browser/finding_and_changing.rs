//! What an administrator comes for: who does not use what they may, and fewer of them.

use anyhow::{Context, Result};
use orgmirror_tests::Size;

use crate::console::Console;

/// A newcomer finds the users who are longest inactive, takes some of them out of a group after a preview, and sees result and history.
/// Method: everything by what the pages show; only the group's name is looked up beforehand.
#[tokio::test]
async fn a_newcomer_takes_inactive_users_out_of_a_group() -> Result<()> {
    let console = Console::of(Size::of(150, 12)).await?;
    let (group, id): (String, String) = sqlx::query_as(
        "SELECT g.name, k.group_id::text FROM org_group AS g INNER JOIN group_key AS k USING (group_key)
        WHERE NOT coalesce(g.external_synced, false) AND g.member_count >= 3 AND g.name ~ '^[a-z0-9-]+$' ORDER BY g.member_count DESC LIMIT 1",
    )
    .fetch_one(&console.processes.world.pool)
    .await
    .context("a group that may be changed")?;
    let browser = console.visited(1280, 900).await?;

    browser.click("nav a[href='/users']").await?;
    browser.type_into("#q", &format!("group:{group}")).await?;
    // The list follows what is typed, and the address with it.
    browser.reads(" of 150 users").await?;
    browser.click("th a[href*='sort=last-active']").await?;
    browser.find("th[aria-sort=ascending] a[href*='last-active']").await?;
    browser.click("#selection tbody tr:nth-child(1) input[type=checkbox]").await?;
    browser.click("#selection tbody tr:nth-child(2) input[type=checkbox]").await?;
    browser.reads("2 of ").await?;
    let page = browser.find("#selection tbody tr:nth-child(1) a.open").await?.attr("href").await?.context("a user's page")?;
    browser.click("button[value=ticked]").await?;

    browser.click("input[value=remove-from-group]").await?;
    browser.type_into("#group", &group).await?;
    browser.click("form.choose button[type=submit]").await?;
    browser.reads("would be changed").await?;
    browser.reads("DELETE /v2/orgs/").await?;
    browser.click("form.confirm button[type=submit]").await?;
    browser.reads("Settled: Atlassian shows what was done.").await?;

    browser.open(&console.page(&page)).await?;
    browser.reads("Remove from").await?;
    browser.reads(&format!("Left {group}")).await?;
    let user = page.rsplit('/').next().context("an id")?;
    let accounts = console.processes.world.sim.truth("accounts").await?;
    let account = accounts.iter().find(|account| account["accountId"] == user).context("the user, at Atlassian")?;
    let groups = account["groups"].as_array().context("the user's groups")?;
    assert!(!groups.iter().any(|group| *group == id), "Atlassian itself has the user out of the group");
    Ok(())
}
