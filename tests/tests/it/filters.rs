//! Filters against the simulator's truth, and the commands that read the mirror.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use orgmirror_domain::ids::AccountKey;
use orgmirror_tests::{Processes, Size, World};
use serde_json::{Value, json};

/// What the truth says about who is meant.
type Oracle<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

/// Every kind of condition, its negation, and conditions together, judged once by Postgres and once here from what the simulator
/// knows. Pages of any size give the same users in the same order, and as many as are counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_finds_exactly_whom_the_truth_says() -> Result<()> {
    let (world, services) = World::of(Size::of(700, 60).directories(2)).await?;
    world.sync().await?;
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
    let granting = |roles: &[&str], product: Option<&str>| -> BTreeSet<String> {
        let wanted = |grant: &&Value| {
            product.is_none_or(|product| word(&grant["resourceOwner"]) == product)
                && grant["roles"].as_array().into_iter().flatten().any(|role| roles.contains(&word(role).as_str()))
        };
        grants.iter().filter(wanted).map(|grant| word(&grant["groupId"])).collect()
    };
    let by_group =
        grants.iter().find(|grant| grant["roles"].as_array().is_some_and(|roles| roles.contains(&json!("atlassian/user"))));
    let granted = word(&by_group.context("no group grants a seat")?["resourceOwner"]);
    let granting_there = granting(&["atlassian/user"], Some(&granted));
    let users = granting(&["atlassian/user"], None);
    let seats = granting(&["atlassian/user", "atlassian/admin"], None);
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
        () if in_groups(user, &seats) => "yes",
        () => "unknown",
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
        (format!("role:user@{granted}"), Box::new(|user| in_groups(user, &granting_there))),
        ("role:user".to_owned(), Box::new(|user| in_groups(user, &users))),
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

struct Told {
    status: i32,
    out: String,
    err: String,
}

async fn run(processes: &Processes, arguments: &[&str]) -> Result<Told> {
    let output = processes.command(arguments, &[]).await?;
    let status = output.status.code().context("ended by a signal")?;
    Ok(Told { status, out: String::from_utf8(output.stdout)?, err: String::from_utf8(output.stderr)? })
}

/// Before the first sync every list says what fills it; afterwards a person finds users, exports them, and is not harmed by a name.
#[tokio::test(flavor = "multi_thread")]
async fn users_at_the_command_line() -> Result<()> {
    let processes = Processes::of(Size::of(120, 20)).await?;
    let world = &processes.world;
    for command in ["users", "groups", "licenses"] {
        let empty = run(&processes, &[command]).await?;
        assert_eq!((empty.status, empty.out.as_str()), (0, ""), "{command}: {}", empty.err);
        assert!(empty.err.contains("orgmirror sync --wait"), "{command}: {}", empty.err);
    }
    let services = [world.coordinator(), world.worker(4)];
    world.sync().await?;
    let id = world.sim.first("asc", 1).await?.remove(0);
    world.sim.set_account(&id, json!({ "name": "=HYPERLINK(\"x\")", "status": "active" })).await?;
    world.sync().await?;
    for service in services {
        service.stop().await;
    }

    let table = run(&processes, &["users", "--filter", "status:active", "--limit", "3"]).await?;
    assert_eq!((table.status, table.out.lines().count()), (0, 4), "a header and three rows: {}{}", table.out, table.err);
    assert!(table.out.contains("last active") && table.err.contains("3 of ") && table.err.contains("--limit"), "{}", table.err);

    let exported = run(&processes, &["users", "--format", "csv", "--filter", "HYPERLINK"]).await?;
    assert_eq!((exported.status, exported.err.as_str()), (0, ""));
    assert!(exported.out.contains("\"'=HYPERLINK(\"\"x\"\")\""), "a name cannot be a formula: {}", exported.out);
    assert!(exported.out.starts_with("account,name,email"), "{}", exported.out);

    let all = run(&processes, &["users", "--json"]).await?;
    let lines: Vec<Value> = all.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!((all.status, lines.len()), (0, 120));
    for field in ["account_id", "name", "status", "billable", "products", "fresh_as_of"] {
        assert!(!lines[0][field].is_null(), "{field} is missing: {}", lines[0]);
    }

    let nobody = run(&processes, &["users", "--filter", "nobody-is-called-so"]).await?;
    assert!(nobody.status == 0 && nobody.err.contains("filters explain"), "{}", nobody.err);
    let noted = run(&processes, &["users", "--filter", "billable:yes"]).await?;
    assert!(noted.err.contains("note: roles on products"), "{}", noted.err);
    for (filter, place, remedy) in [
        ("status:actve", "         ^^^^^", "`active`"),
        ("-is:admin product:confluense", "                    ^^^^^^^^^^", "confluence"),
        ("group:\"no such group\"", "         ^^^^^^^^^^^^^", "orgmirror sync"),
    ] {
        let wrong = run(&processes, &["users", "--filter", filter]).await?;
        assert_eq!((wrong.status, wrong.out.as_str()), (2, ""), "{}", wrong.err);
        assert!(wrong.err.lines().any(|line| line == place), "the place is marked:\n{}", wrong.err);
        assert!(wrong.err.contains(remedy), "{}", wrong.err);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_at_the_command_line() -> Result<()> {
    let (processes, truth) = mirrored(Size::of(120, 60), "groups").await?;
    let name = word(&truth[0]["name"]);
    let one = run(&processes, &["groups", "--name", &name.to_uppercase(), "--json"]).await?;
    let ids: Vec<Value> =
        one.out.lines().map(|line| Ok(serde_json::from_str::<Value>(line)?["group_id"].clone())).collect::<Result<_>>()?;
    assert!(ids.contains(&truth[0]["id"]), "{name} is not among {ids:?}");
    let table = run(&processes, &["groups"]).await?;
    assert_eq!((table.status, table.out.lines().count()), (0, 51));
    assert!(table.err.contains("50 of 60 groups"), "{}", table.err);
    let sheet = run(&processes, &["groups", "--format", "csv"]).await?;
    assert!(sheet.out.starts_with("group,name,directory,scim,members") && sheet.err.is_empty());
    Ok(())
}

/// The API's own count of seats lies between what is certain and what is possible, and sums say so.
#[tokio::test(flavor = "multi_thread")]
async fn licences_at_the_command_line() -> Result<()> {
    let (processes, _) = mirrored(Size::of(600, 60), "groups").await?;
    let told = run(&processes, &["licenses", "--json"]).await?;
    assert_eq!((told.status, told.err.as_str(), told.out.lines().count()), (0, "", 1));
    let report: Value = serde_json::from_str(&told.out)?;
    let licences = report["licences"].as_array().context("no list")?;
    assert_eq!(licences.len(), 18, "six products on three sites");
    for licence in licences {
        let number = |field: &str| licence[field].as_i64().unwrap_or(-1);
        assert_eq!(number("billable") + number("not_billable") + number("billable_unknown"), number("total"), "{licence}");
        assert!(number("billable") <= number("usage"), "more is certain than there is: {licence}");
        assert!(licence["savings"].is_null(), "no price, no savings: {licence}");
    }
    assert!(report["notes"][0].as_str().is_some_and(|note| note.contains("directly")), "{report}");

    let settings = "[prices]\ncurrency = \"EUR\"\n[prices.per_seat]\nconfluence = 10\n";
    let folder = tempfile::TempDir::new()?;
    let file = folder.path().join("orgmirror.toml");
    std::fs::write(&file, settings)?;
    let priced = run(&processes, &["--config", &file.display().to_string(), "licenses", "--inactive", "4w"]).await?;
    assert_eq!(priced.status, 0, "{}", priced.err);
    assert!(
        priced.out.contains("EUR") && priced.out.contains("perhaps billable") && priced.err.contains("within 28d"),
        "{}",
        priced.err
    );
    let wrong = run(&processes, &["licenses", "--inactive", "soon"]).await?;
    assert!(wrong.status == 2 && wrong.err.contains("90d"), "{}", wrong.err);
    Ok(())
}

/// A filter is saved in its canonical form, used by its name, explained condition by condition, and deleted.
#[tokio::test(flavor = "multi_thread")]
async fn filters_at_the_command_line() -> Result<()> {
    let (processes, truth) = mirrored(Size::of(120, 20), "accounts").await?;
    let none = run(&processes, &["filters", "list"]).await?;
    assert!(none.status == 0 && none.out.is_empty() && none.err.contains("orgmirror filters save"), "{}", none.err);
    let saved = run(&processes, &["filters", "save", "idle", "NOT is:admin and status:ACTIVE", "--json"]).await?;
    let document: Value = serde_json::from_str(&saved.out)?;
    assert_eq!(document, json!({ "name": "idle", "expression": "-is:admin status:active", "replaced": false }), "{}", saved.err);
    let again = run(&processes, &["filters", "save", "idle", "-is:admin status:active"]).await?;
    assert!(again.status == 0 && again.err.contains("Replaced idle"), "{}", again.err);

    let explained = run(&processes, &["filters", "explain", "@idle", "--json"]).await?;
    let document: Value = serde_json::from_str(&explained.out)?;
    let active = truth.iter().filter(|user| user["status"] == "active").count();
    assert_eq!(
        (&document["conditions"][1]["expression"], &document["conditions"][1]["users"]),
        (&json!("status:active"), &json!(active))
    );
    let users = run(&processes, &["users", "--filter", "@idle", "--json"]).await?;
    assert_eq!(json!(users.out.lines().count()), document["users"]);
    let words = run(&processes, &["filters", "explain", "@idle"]).await?;
    assert_eq!(words.out.lines().count(), 4, "a header, two conditions, the whole: {}", words.out);

    let list = run(&processes, &["filters", "list", "--json"]).await?;
    assert_eq!(serde_json::from_str::<Value>(&list.out)?[0]["expression"], "-is:admin status:active");
    let misnamed = run(&processes, &["users", "--filter", "@idel"]).await?;
    assert!(misnamed.status == 1 && misnamed.err.contains("\"idle\""), "{}", misnamed.err);
    for wrong in [
        &["filters", "save", "@idle", "a"][..],
        &["filters", "save", "bad", "status:actve"],
        &["filters", "save", "bad", "product:nothing"],
    ] {
        assert_eq!(run(&processes, wrong).await?.status, 2, "{wrong:?}");
    }
    assert_eq!(run(&processes, &["filters", "delete", "idle"]).await?.status, 0);
    assert_eq!(run(&processes, &["filters", "delete", "idle"]).await?.status, 1);
    for command in ["list", "save", "delete", "explain"] {
        let help = run(&processes, &["filters", command, "--help"]).await?;
        assert!(help.status == 0 && help.out.contains("Example: `orgmirror filters"), "{}", help.out);
    }
    Ok(())
}

/// A mirror after its first sync, and what the simulator knows.
async fn mirrored(size: Size, what: &str) -> Result<(Processes, Vec<Value>)> {
    let processes = Processes::of(size).await?;
    let services = [processes.world.coordinator(), processes.world.worker(4)];
    processes.world.sync().await?;
    for service in services {
        service.stop().await;
    }
    let truth = processes.world.sim.truth(what).await?;
    Ok((processes, truth))
}
