//! Filters against the simulator's truth.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use orgmirror_domain::ids::AccountKey;
use orgmirror_tests::{Size, World};
use serde_json::{Value, json};

/// What the truth says about who is meant.
type Oracle<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

/// Every kind of condition, its negation, and conditions together, judged once by Postgres and once here from what the simulator
/// knows. Pages of any size give the same users in the same order, and as many as are counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_finds_exactly_whom_the_truth_says() -> Result<()> {
    let (world, services) = World::of(Size::of(700, 60).directories(2)).await?;
    world.sync().await?;
    // One access of which nobody knows the role.
    let before = world.sim.truth("accounts").await?;
    let nobody = before.iter().find(|user| word(&user["status"]) == "active" && access(user).next().is_none());
    let nobody = nobody.map(|user| word(&user["accountId"])).context("everybody may use something")?;
    let guests = before.iter().flat_map(access).map(|it| word(&it["id"])).find(|id| id.contains(":confluence:"));
    world.sim.assign_role(&nobody, "atlassian/guest", &guests.context("nobody uses Confluence")?).await?;
    world.completed(world.request_accounts(&[&nobody]).await?).await?;
    for service in services {
        service.stop().await;
    }
    let truth = world.sim.truth("accounts").await?;
    let groups = world.sim.truth("groups").await?;
    let grants = world.sim.truth("grants").await?;
    let now: DateTime<Utc> = "2026-09-15T00:00:00Z".parse()?;

    let largest = groups.iter().max_by_key(|group| group["counts"]["users"].as_i64()).context("no groups")?;
    let (group_id, group_name) = (word(&largest["id"]), word(&largest["name"]));
    let directory = word(&largest["directoryId"]);
    let in_directory: BTreeSet<String> =
        groups.iter().filter(|group| word(&group["directoryId"]) == directory).map(|group| word(&group["id"])).collect();
    let by_group =
        grants.iter().find(|grant| grant["roles"].as_array().is_some_and(|roles| roles.contains(&json!("atlassian/user"))));
    let granted = word(&by_group.context("no group grants a seat")?["resourceOwner"]);
    let held = world.sim.truth("roles").await?;
    let holders = |roles: &[&str], product: &str| -> BTreeSet<String> {
        let holds = |line: &&Value| {
            let all = ["direct", "byGroup"].into_iter().flat_map(|way| line[way].as_array().into_iter().flatten());
            word(&line["resourceId"]).contains(product) && all.into_iter().any(|role| roles.contains(&word(role).as_str()))
        };
        held.iter().filter(holds).map(|line| word(&line["accountId"])).collect()
    };
    let users_there = holders(&["atlassian/user"], &format!(":{granted}:"));
    let users = holders(&["atlassian/user"], "");
    let guests = holders(&["atlassian/guest"], "");
    let seats = holders(&["atlassian/user", "atlassian/admin"], "");
    let is_one_of = |user: &Value, some: &BTreeSet<String>| some.contains(&word(&user["accountId"]));
    let site = world
        .store
        .licences(world.org, now)
        .await?
        .iter()
        .find(|licence| licence.site == "example-labs")
        .map(|it| it.resource_id.clone());
    let site =
        site.and_then(|resource| resource.rsplit_once('/').map(|(_, id)| id.to_owned())).context("no site example-labs")?;

    // A list that is too long to be compared whole, of groups that leave somebody out.
    let mut by_size: Vec<&Value> = groups.iter().collect();
    by_size.sort_by_key(|group| group["counts"]["users"].as_i64());
    let small: BTreeSet<String> = by_size.iter().take(40).map(|group| word(&group["id"])).collect();
    let long_list = format!("group:{}", small.iter().cloned().collect::<Vec<_>>().join(","));

    let since = |days| now - TimeDelta::days(days);
    let active = |user: &Value| word(&user["status"]) == "active";
    let may_use = |user: &Value, product: &str| access(user).any(|it| word(&it["key"]) == product);
    let inactive = move |user: &Value, product: Option<&str>, days| {
        let added = time(&user["addedToOrg"]).is_some_and(|added| added < since(days));
        let used = |it: &Value| {
            product.is_none_or(|product| word(&it["key"]) == product)
                && time(&it["lastActiveTimestamp"]).is_some_and(|at| at >= since(days))
        };
        added && product.is_none_or(|product| may_use(user, product)) && !access(user).any(used)
    };
    let billable = |user: &Value| match () {
        () if !active(user) || access(user).next().is_none() => "no",
        () if is_one_of(user, &seats) => "yes",
        () if word(&user["accountId"]) == nobody => "unknown",
        () => "no",
    };
    let admin = |user: &Value| {
        let roles = ["atlassian/org-admin", "atlassian/site-admin", "atlassian/user-access-admin"];
        user["platformRoles"].as_array().into_iter().flatten().any(|role| roles.contains(&word(role).as_str()))
    };
    let contains =
        |user: &Value, text: &str| ["name", "email"].iter().any(|field| word(&user[field]).to_lowercase().contains(text));
    let cases: Vec<(String, Oracle<'_>)> = vec![
        (String::new(), Box::new(|_| true)),
        ("status:active".to_owned(), Box::new(active)),
        (
            "status:suspended,deactivated".to_owned(),
            Box::new(|user| ["suspended", "deactivated"].contains(&word(&user["status"]).as_str())),
        ),
        ("claim:managed".to_owned(), Box::new(|user| word(&user["claimStatus"]) == "managed")),
        ("product:confluence".to_owned(), Box::new(move |user| may_use(user, "confluence"))),
        ("site:example-labs".to_owned(), Box::new(|user| access(user).any(|it| word(&it["id"]).ends_with(&site)))),
        (
            "site:https://EXAMPLE-labs.atlassian.net/".to_owned(),
            Box::new(|user| access(user).any(|it| word(&it["id"]).ends_with(&site))),
        ),
        (
            "product:confluence@example-labs".to_owned(),
            Box::new(|user| access(user).any(|it| word(&it["key"]) == "confluence" && word(&it["id"]).ends_with(&site))),
        ),
        (format!("group:{group_id}"), Box::new(|user| in_groups(user, &BTreeSet::from([group_id.clone()])))),
        (format!("group:{:?}", group_name.to_uppercase()), Box::new(|user| in_groups(user, &BTreeSet::from([group_id.clone()])))),
        (
            format!("directory:{directory}"),
            Box::new(|user| word(&user["membershipStatus"]) != "no_membership" && in_groups(user, &in_directory)),
        ),
        (long_list.clone(), Box::new(|user| in_groups(user, &small))),
        ("domain:example.com".to_owned(), Box::new(|user| word(&user["email"]).ends_with("@example.com"))),
        ("inactive>90d".to_owned(), Box::new(move |user| inactive(user, None, 90))),
        ("inactive:confluence>180d".to_owned(), Box::new(move |user| inactive(user, Some("confluence"), 180))),
        ("is:never-active".to_owned(), Box::new(|user| !access(user).any(|it| time(&it["lastActiveTimestamp"]).is_some()))),
        ("is:admin".to_owned(), Box::new(admin)),
        (
            "role:ai-access".to_owned(),
            Box::new(|user| user["platformRoles"].as_array().into_iter().flatten().any(|role| role == "atlassian/ai-access")),
        ),
        (format!("role:user@{granted}"), Box::new(|user| is_one_of(user, &users_there))),
        ("role:user".to_owned(), Box::new(|user| is_one_of(user, &users))),
        ("role:guest".to_owned(), Box::new(|user| is_one_of(user, &guests) && word(&user["accountId"]) != nobody)),
        ("billable:yes".to_owned(), Box::new(move |user| billable(user) == "yes")),
        ("billable:no".to_owned(), Box::new(move |user| billable(user) == "no")),
        ("billable:unknown".to_owned(), Box::new(move |user| billable(user) == "unknown")),
        ("MEI".to_owned(), Box::new(move |user| contains(user, "mei"))),
        ("mÜller".to_owned(), Box::new(move |user| contains(user, "müller"))),
        ("\"%\"".to_owned(), Box::new(move |user| contains(user, "%"))),
        (
            "(status:suspended OR is:admin) -claim:managed or mei".to_owned(),
            Box::new(move |user| {
                ((word(&user["status"]) == "suspended" || admin(user)) && word(&user["claimStatus"]) != "managed")
                    || contains(user, "mei")
            }),
        ),
    ];
    let mut found = BTreeMap::new();
    for (text, oracle) in &cases {
        for (text, wanted) in [(text.clone(), true), (format!("-({text})"), false)] {
            let Ok(filter) = text.parse() else { continue };
            let selection = world.store.select(world.org, &filter, now).await?;
            let all = world.store.users(&selection, None, u16::MAX).await?;
            let ids: Vec<String> = all.users.iter().map(|user| user.account_id.clone()).collect();
            let true_ids: BTreeSet<String> =
                truth.iter().filter(|user| oracle(user) == wanted).map(|user| word(&user["accountId"])).collect();
            let differing: Vec<_> = true_ids.symmetric_difference(&ids.iter().cloned().collect()).cloned().collect();
            ensure!(differing.is_empty(), "{text} differs from the truth in {differing:?}");
            ensure!(ids.len() == true_ids.len(), "{text} shows somebody twice");
            ensure!(world.store.count_users(&selection).await? == ids.len() as i64, "{text} is counted otherwise");
            found.insert(text, ids);
        }
    }
    for text in [
        "status:active",
        "inactive:confluence>180d",
        "billable:unknown",
        "directory:",
        "role:user@",
        "billable:yes",
        &long_list,
        "mÜller",
    ] {
        let some = found.iter().any(|(filter, ids)| filter.starts_with(text) && !ids.is_empty() && ids.len() < truth.len());
        ensure!(some, "{text} finds nobody or everybody, so this proves nothing");
    }
    let selection = world.store.select(world.org, &"-status:active".parse()?, now).await?;
    let (mut paged, mut after): (Vec<String>, Option<AccountKey>) = (Vec::new(), None);
    loop {
        let page = world.store.users(&selection, after, 7).await?;
        paged.extend(page.users.into_iter().map(|user| user.account_id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    ensure!(Some(&paged) == found.get("-(status:active)"), "pages of seven give others");
    Ok(())
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

fn access(user: &Value) -> impl Iterator<Item = &Value> {
    user["productAccess"].as_array().into_iter().flatten()
}

fn in_groups(user: &Value, groups: &BTreeSet<String>) -> bool {
    user["groups"].as_array().into_iter().flatten().any(|group| groups.contains(word(group).as_str()))
}
