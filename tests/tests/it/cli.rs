//! The command line as a person uses it: words on standard error, data on standard output, and an exit status to rely on.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use orgmirror_tests::{Processes, Size, until};
use serde_json::{Value, json};

struct Told {
    status: i32,
    out: String,
    err: String,
}

fn told(output: Output) -> Result<Told> {
    let status = output.status.code().context("ended by a signal")?;
    Ok(Told { status, out: String::from_utf8(output.stdout)?, err: String::from_utf8(output.stderr)? })
}

impl Told {
    /// The one JSON document on standard output.
    fn json(&self) -> Result<Value> {
        ensure!(self.out.lines().count() == 1 && self.out.ends_with('\n'), "not one line: {}", self.out);
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {}", self.out))
    }
}

async fn run(processes: &Processes, arguments: &[&str]) -> Result<Told> {
    told(processes.command(arguments, &[]).await?)
}

/// Every level explains itself with an example.
#[tokio::test(flavor = "multi_thread")]
async fn help_at_each_level() -> Result<()> {
    let processes = Processes::of(Size::of(1, 0)).await?;
    let all = run(&processes, &["--help"]).await?;
    assert_eq!(all.status, 0);
    assert!(all.out.contains("Example: `orgmirror"), "{}", all.out);
    let commands = [
        "up",
        "coordinator",
        "worker",
        "migrate",
        "orgsim",
        "sync",
        "status",
        "runs",
        "cancel",
        "approve",
        "resume",
        "doctor",
        "seal-key",
        "users",
        "groups",
        "licenses",
        "filters",
    ];
    for command in commands {
        assert!(all.out.contains(command), "{command} is not listed");
        let help = run(&processes, &[command, "--help"]).await?;
        assert_eq!(help.status, 0);
        let example = help.out.lines().any(|line| line.contains("Example: ") && line.contains(&format!("orgmirror {command}")));
        assert!(example || help.out.contains(&format!("orgmirror {command}")), "{command} has no example:\n{}", help.out);
    }
    Ok(())
}

/// Wrong usage is 2 and says what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage() -> Result<()> {
    let processes = Processes::of(Size::of(1, 0)).await?;
    for (arguments, settings, word) in [
        (vec!["sink"], vec![], "sink"),
        (vec!["sync", "--fresh-since", "yesterday"], vec![], "yesterday"),
        (vec!["sync", "--fresh-since", "2999-01-01T00:00:00Z"], vec![], "future"),
        (vec!["sync", "--accounts", "a", "--groups", "6a1e0b2c-0000-4000-8000-000000000001"], vec![], "--groups"),
        (vec!["sync", "--groups", "no-group"], vec![], "no-group"),
        (vec!["cancel", "7"], vec![], "UUID"),
        (vec!["status"], vec![("ORGMIRROR_SYNC__LEESE", "2s")], "leese"),
        (vec!["status"], vec![("ORGMIRROR_SYNC__LEASE", "soon")], "lease"),
        (vec!["status"], vec![("ORGMIRROR_BUDGET__RATE", "0/min")], "rate"),
    ] {
        let told = told(processes.command(&arguments, &settings).await?)?;
        assert_eq!(told.status, 2, "{arguments:?} {settings:?}: {}", told.err);
        assert!(told.err.to_lowercase().contains(&word.to_lowercase()), "{arguments:?}: {}", told.err);
        assert_eq!(told.out, "");
        assert!(!told.err.contains(processes.world.sim.key()), "the key is told");
    }
    Ok(())
}

/// The schema is brought up to date once, and a second time there is nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn migrate_twice() -> Result<()> {
    let processes = Processes::of(Size::of(1, 0)).await?;
    let empty = "DROP SCHEMA public CASCADE; DROP SCHEMA IF EXISTS mirror CASCADE; CREATE SCHEMA public";
    sqlx::raw_sql(empty).execute(&processes.world.pool).await?;
    let early = run(&processes, &["status"]).await?;
    assert_eq!(early.status, 1, "{}", early.err);
    assert!(early.err.contains("orgmirror migrate"), "what to do is told: {}", early.err);
    let first = run(&processes, &["migrate"]).await?;
    assert_eq!(first.status, 0, "{}", first.err);
    assert!(first.err.contains("Applied"), "{}", first.err);
    let second = run(&processes, &["migrate"]).await?;
    assert_eq!((second.status, second.err.trim()), (0, "The database is up to date."));
    // The schema is there and the organisation is not: asking for its first sync makes it.
    let unknown = run(&processes, &["status"]).await?;
    assert!(unknown.status == 1 && unknown.err.contains("orgmirror sync"), "{}", unknown.err);
    assert_eq!(run(&processes, &["sync"]).await?.status, 0);
    assert_eq!(run(&processes, &["status"]).await?.status, 0);
    Ok(())
}

/// From nothing to a fresh mirror, by commands alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_at_the_command_line() -> Result<()> {
    let processes = Processes::of(Size::of(260, 40)).await?;
    let world = &processes.world;
    let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?];
    let never = run(&processes, &["status"]).await?;
    assert_eq!(never.status, 0);
    assert!(never.out.contains("Never synced"), "{}", never.out);

    let synced = run(&processes, &["sync", "--wait", "--json"]).await?;
    assert_eq!((synced.status, synced.err.as_str()), (0, ""), "nothing but the document");
    let document = synced.json()?;
    assert_eq!((&document["state"], &document["rows_added"]), (&json!("completed"), &json!(300)));
    for field in ["id", "watermark", "requested_at", "finished_at", "calls", "rows_changed", "rows_removed", "discrepancies"] {
        assert!(!document[field].is_null(), "{field} is missing: {document}");
    }
    world.assert_mirror_equals_truth().await?;

    let words = run(&processes, &["sync", "--wait"]).await?;
    assert_eq!(words.status, 0);
    assert!(words.out.contains("Synced 260 users, 40 groups"), "{}", words.out);
    assert!(words.err.lines().any(|line| line.contains("users")), "plain lines of progress: {}", words.err);

    let fresh = run(&processes, &["sync", "--fresh-since", "2020-01-01T00:00:00Z", "--json"]).await?;
    assert_eq!((fresh.status, &fresh.json()?["requested"]), (0, &json!(false)));

    let id = world.sim.first("asc", 1).await?.remove(0);
    let scoped = run(&processes, &["sync", "--accounts", &format!("{id},never-there"), "--wait", "--json"]).await?;
    assert_eq!((scoped.status, &scoped.json()?["scope"]), (0, &json!("accounts")));

    let status = run(&processes, &["status", "--json"]).await?.json()?;
    assert_eq!(
        (&status["freshness"]["accounts"], &status["key"], &status["runs"], &status["queue"]["workers"]),
        (&json!(260), &json!("accepted"), &json!([]), &json!(1))
    );
    let runs = run(&processes, &["runs", "--json"]).await?.json()?;
    assert_eq!(runs.as_array().map(Vec::len), Some(3));
    let one = run(&processes, &["runs", document["id"].as_str().unwrap_or_default(), "--json"]).await?.json()?;
    assert_eq!((&one["id"], &one["state"]), (&document["id"], &document["state"]));
    let table = run(&processes, &["runs", "--limit", "1"]).await?;
    assert!(table.out.contains("accounts") && table.out.lines().count() == 2, "{}", table.out);
    let unknown = run(&processes, &["runs", "6a1e0b2c-0000-4000-8000-000000000001"]).await?;
    assert_eq!(unknown.status, 1);
    assert!(unknown.err.contains("6a1e0b2c"), "{}", unknown.err);
    Ok(())
}

/// A sync that failed ends the wait with 1, and both people and programs read why.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails() -> Result<()> {
    let processes = Processes::of(Size::of(20, 5)).await?;
    let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?];
    let refused = json!({ "per_operation": { "getDirectoriesForOrg": { "status": 400 } } });
    processes.world.sim.faults(refused).await?;
    let document = run(&processes, &["sync", "--wait", "--json"]).await?;
    assert_eq!((document.status, &document.json()?["state"]), (1, &json!("failed")));
    assert!(document.json()?["failure"].as_str().is_some_and(|reason| reason.contains("list directories")));
    let words = run(&processes, &["sync", "--wait"]).await?;
    assert_eq!(words.status, 1);
    assert!(words.out.contains("failed") && words.out.contains("list directories"), "{}", words.out);
    Ok(())
}

/// A run that a person must look at ends the wait with 3; approving, resuming and cancelling are commands.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_must_act() -> Result<()> {
    let processes = Processes::of(Size::of(700, 30)).await?;
    let world = &processes.world;
    let key = world.key_file.display().to_string();
    let keyed = [("ORGMIRROR_ATLASSIAN__API_KEY_FILE", key.as_str())];
    let _services = [processes.start_with("coordinator", "", &keyed)?, processes.start_with("worker", "", &keyed)?];
    world.sync().await?;
    for id in world.sim.first("asc", 60).await? {
        world.sim.delete_account(&id).await?;
    }
    let held = run(&processes, &["sync", "--wait", "--json"]).await?;
    assert_eq!((held.status, &held.json()?["hold"]), (3, &json!("approval")));
    let id = held.json()?["id"].as_str().unwrap_or_default().to_owned();
    let status = run(&processes, &["status"]).await?;
    assert!(status.out.contains("60 of 700 users"), "{}", status.out);
    let wrong = run(&processes, &["resume", &id]).await?;
    assert_eq!(wrong.status, 1);
    assert!(wrong.err.contains("orgmirror approve"), "{}", wrong.err);
    assert_eq!(run(&processes, &["approve", &id]).await?.status, 0);
    until("the approved run completes", async || {
        let run = run(&processes, &["runs", &id, "--json"]).await?.json()?;
        Ok((run["state"] == "completed").then_some(()))
    })
    .await?;
    world.assert_mirror_equals_truth().await?;
    assert_eq!(run(&processes, &["approve", &id]).await?.status, 1);

    world.sim.set_key("the-new-key").await?;
    let held = run(&processes, &["sync", "--wait"]).await?;
    assert_eq!(held.status, 3);
    assert!(held.out.contains("key rejected") && held.out.contains("make a new key"), "{}", held.out);
    let runs = run(&processes, &["status", "--json"]).await?.json()?;
    assert_eq!(runs["key"], "rejected");
    let id = runs["runs"][0]["id"].as_str().unwrap_or_default().to_owned();
    std::fs::write(&world.key_file, "the-new-key")?;
    let resumed = told(processes.command(&["resume", &id], &keyed).await?)?;
    assert_eq!(resumed.status, 0, "{}", resumed.err);
    until("the resumed run completes", async || {
        let run = run(&processes, &["runs", &id, "--json"]).await?.json()?;
        ensure!(run["hold"].is_null(), "it is held again: {run}");
        Ok((run["state"] == "completed").then_some(()))
    })
    .await?;

    world.sim.faults(json!({ "hold": { "getDirectoriesForOrg": 1 } })).await?;
    let asked = run(&processes, &["sync", "--json"]).await?.json()?;
    world.calls_wait("getDirectoriesForOrg", 1).await?;
    let id = asked["id"].as_str().unwrap_or_default();
    assert_eq!(run(&processes, &["cancel", id]).await?.status, 0);
    let again = run(&processes, &["cancel", id]).await?;
    assert_eq!(again.status, 1);
    assert!(again.err.contains("ended"), "{}", again.err);
    world.sim.release().await
}
