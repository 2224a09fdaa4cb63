//! The commands that read the mirror, as a person uses them: `users`, `groups`, `licenses`, `filters`.

use anyhow::{Context, Result};
use orgmirror_tests::{Processes, Size};
use serde_json::{Value, json};

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
    assert!(!noted.err.contains("note:"), "all roles are known here: {}", noted.err);
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
    let name = truth[0]["name"].as_str().unwrap_or_default().to_owned();
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
    assert!(report["notes"].as_array().is_some_and(Vec::is_empty), "all roles are known here: {report}");

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
