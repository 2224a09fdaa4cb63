//! The HTTP API as a program uses it.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, ensure};
use orgmirror_domain::access::{Role, Sites};
use orgmirror_tests::{Caller, Size, World, until};
use reqwest::Method;
use serde_json::{Value, json};

async fn bytes(caller: &Caller, path: &str) -> Result<Vec<u8>> {
    let answer = caller.ask(Method::GET, path).send().await?;
    ensure!(answer.status().is_success(), "{path}: {}", answer.status());
    Ok(answer.bytes().await?.to_vec())
}

/// From nothing to a fresh mirror and an operation, by the API alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_a_program() -> Result<()> {
    let (world, _services) = World::of(Size::of(260, 40)).await?;
    let served = world.console().await?;
    let operator = served.program(Role::Operator, Sites::All).await?;
    assert_eq!(operator.json("/api/v1/status").await?["freshness"]["accounts"], 0);

    // The same key starts one run, another key joins or makes another request.
    let ask =
        async |key: &str| operator.ask(Method::POST, "/api/v1/runs").header("idempotency-key", key).json(&json!({})).send().await;
    let first: Value = ask("a").await?.json().await?;
    let id = first["id"].as_str().context("a run has an id")?.to_owned();
    let run = format!("/api/v1/runs/{id}");
    until("the run completes", async || Ok((operator.json(&run).await?["state"] == "completed").then_some(()))).await?;
    assert_eq!(ask("a").await?.json::<Value>().await?, first, "asked again, it starts nothing");
    assert_ne!(ask("b").await?.json::<Value>().await?, first);

    // Pages, each after the one before, are the whole list.
    let (mut met, mut path) = (Vec::new(), "/api/v1/users?limit=100&columns=account_id,name".to_owned());
    loop {
        let page = operator.json(&path).await?;
        assert_eq!(page["total"], 260);
        met.extend(page["users"].as_array().into_iter().flatten().map(|user| user["account_id"].clone()));
        assert!(page["users"][0]["email"].is_null() && page["users"][0]["name"].is_string(), "the columns asked for");
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/users?limit=100&columns=account_id,name&cursor={next}");
    }
    let ids: std::collections::HashSet<String> = met.iter().map(ToString::to_string).collect();
    assert_eq!((met.len(), ids.len()), (260, 260));

    // Who has it already is told so.
    let read = operator.ask(Method::GET, "/api/v1/groups?limit=3").send().await?;
    let tag = read.headers()["etag"].clone();
    assert_eq!(read.json::<Value>().await?["groups"].as_array().map(Vec::len), Some(3));
    let again = operator.ask(Method::GET, "/api/v1/groups?limit=3").header("if-none-match", tag).send().await?;
    assert_eq!(again.status(), 304);

    let wrong = operator.ask(Method::GET, "/api/v1/users?filter=status:actve").send().await?;
    assert_eq!((wrong.status().as_u16(), wrong.headers()["content-type"].to_str()?), (400, "application/problem+json"));
    let problem: Value = wrong.json().await?;
    assert_eq!((&problem["place"]["start"], &problem["status"]), (&json!(7), &json!(400)), "{problem}");
    for (method, path) in [
        (Method::GET, "/api/v1/nothing"),
        (Method::GET, "/api/v1/runs/7"),
        (Method::PATCH, "/api/v1/runs"),
        (Method::POST, "/api/v1/runs"),
    ] {
        let answer = operator.ask(method, path).body("{").send().await?;
        assert!(answer.status().is_client_error(), "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }

    let group = operator.json("/api/v1/groups").await?["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|group| group["scim_managed"] == false)
        .context("a group")?["group_id"]
        .clone();
    let order = json!({ "action": { "type": "add_to_group", "group": group }, "accounts": [met[0], met[1]] });
    let (status, preview) = operator.post("/api/v1/operations/preview", &order).await?;
    assert_eq!((status, preview["items"].as_array().map(Vec::len)), (200, Some(2)));
    let (status, asked) = operator.post("/api/v1/operations", &order).await?;
    assert_eq!((status, &asked["state"]), (202, &json!("running")), "{asked}");
    let path = format!("/api/v1/operations/{}", asked["id"].as_str().unwrap_or_default());
    until("the operation settles", async || {
        Ok(matches!(operator.json(&path).await?["state"].as_str(), Some("settled" | "differs")).then_some(()))
    })
    .await?;
    let items = String::from_utf8(bytes(&operator, &format!("{path}/items?format=csv")).await?)?;
    assert_eq!(items.lines().count(), 3, "{items}");
    let task = json!({
        "name": "idle", "filter": "status:active", "actions": [format!("remove-from-group {}", group.as_str().unwrap_or_default())],
        "schedule": "weekdays 06:00 Europe/Berlin", "max_items": 10, "active": false,
    });
    let (status, made) = operator.post("/api/v1/tasks", &task).await?;
    assert_eq!((status, &made["active"]), (201, &json!(false)), "{made}");
    assert_eq!(operator.post("/api/v1/tasks", &task).await?.0, 409, "the name is taken");
    assert_eq!(operator.post("/api/v1/tasks/idle/enable", &json!({})).await?.1["active"], true);
    assert_eq!(operator.json("/api/v1/tasks/idle/log").await?, json!([]));
    let too_late = operator.ask(Method::POST, &format!("{path}/cancel")).send().await?;
    assert_eq!(too_late.status(), 409);
    Ok(())
}

/// Files hold everybody, and nothing in them is a formula, whatever people call themselves.
#[tokio::test(flavor = "multi_thread")]
async fn exports_are_whole_and_harmless() -> Result<()> {
    let (world, _services) = World::of(Size::of(2_100, 5)).await?;
    let served = world.console().await?;
    let viewer = served.program(Role::Viewer, Sites::All).await?;
    world.sync().await?;
    let hostile = "=HYPERLINK(\"http://evil.example\")";
    sqlx::query("UPDATE account SET name = $1 WHERE account_key = (SELECT min(account_key) FROM account)")
        .bind(hostile)
        .execute(&world.pool)
        .await?;

    let csv = bytes(&viewer, "/api/v1/users/export").await?;
    let rows = csv::Reader::from_reader(csv.as_slice()).records().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(rows.len(), 2_100);
    assert!(rows.iter().any(|row| &row[1] == format!("'{hostile}").as_str()));
    let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    assert!(!rows.iter().any(|row| row.iter().any(formula)), "no cell begins like a formula");
    let lines = String::from_utf8(bytes(&viewer, "/api/v1/users/export?format=json").await?)?;
    let users: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(users.len(), 2_100);
    assert!(users.iter().any(|user| user["name"] == hostile), "a program gets it as it is");

    let book = bytes(&viewer, "/api/v1/users/export?format=xlsx").await?;
    let mut book = zip::ZipArchive::new(Cursor::new(book))?;
    let mut sheet = String::new();
    book.by_name("xl/worksheets/sheet1.xml")?.read_to_string(&mut sheet)?;
    assert_eq!(sheet.matches("<row ").count(), 2_101);
    assert!(sheet.contains("HYPERLINK") && !sheet.contains("<f>"), "it is a string and no formula");
    Ok(())
}

/// Who is limited to a site sees its users and no others, in lists, files and figures.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_to_sites_holds() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 20)).await?;
    let served = world.console().await?;
    world.sync().await?;
    let all = served.program(Role::Viewer, Sites::All).await?;
    let licences = all.json("/api/v1/licences").await?;
    let resource = licences["licences"][0]["resource_id"].as_str().context("a product on a site")?.to_owned();
    let site = resource.rsplit_once("site/").context("the ARI of a site")?.1.to_owned();
    let limited = served.program(Role::Viewer, Sites::Only(vec![site.clone()])).await?;
    let (seen, there) = (limited.json("/api/v1/users").await?, all.json(&format!("/api/v1/users?filter=site:{site}")).await?);
    assert_eq!((&seen["total"], &seen["users"]), (&there["total"], &there["users"]));
    assert!(seen["total"].as_i64() < all.json("/api/v1/users").await?["total"].as_i64(), "the limit excludes somebody");
    let file = bytes(&limited, "/api/v1/users/export").await?;
    assert_eq!(Some(csv::Reader::from_reader(file.as_slice()).records().count() as i64), seen["total"].as_i64());
    // An `or` does not lead around it.
    let around = limited.json("/api/v1/users?filter=status:active%20OR%20-status:active").await?;
    assert_eq!(around["total"], seen["total"]);
    let figures = limited.json("/api/v1/licences").await?;
    let resources = figures["licences"].as_array().into_iter().flatten();
    assert!(resources.map(|licence| licence["resource_id"].as_str().unwrap_or_default()).all(|id| id.ends_with(&site)));
    Ok(())
}

/// Progress comes as it happens.
#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let served = world.console().await?;
    let operator = served.program(Role::Operator, Sites::All).await?;
    let mut events = operator.ask(Method::GET, "/api/v1/events").send().await?;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    let mut read_until = async |what: &str| -> Result<()> {
        while !text.contains(what) {
            text.push_str(&String::from_utf8_lossy(&events.chunk().await?.context("the stream ended")?));
        }
        Ok(())
    };
    read_until("\"runs\":[]").await?;
    let (_, run) = operator.post("/api/v1/runs", &json!({})).await?;
    read_until(run["id"].as_str().context("an id")?).await?;
    Ok(())
}
