//! Bulk operations as a person commands them: what is printed, and how a command ends.

use anyhow::{Context, Result};
use orgmirror_tests::{Processes, Size};
use serde_json::Value;

/// A dry run shows the exact calls and changes nothing; the operation does what it showed; a second person is asked for; what could not be
/// read in time ends with status 4.
#[tokio::test(flavor = "multi_thread")]
async fn bulk_operations_on_the_command_line() -> Result<()> {
    let processes = Processes::of(Size::of(200, 30)).await?;
    let world = &processes.world;
    let coordinator = processes.start("coordinator", "")?;
    let worker = processes.start("worker", "")?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(3).await?;
    let (group, list) = (group.to_string(), accounts.join(","));
    let add = ["bulk", "add-to-group", "--group", &group, "--accounts", &list, "--by", "ann", "--json"];
    let run = async |more: &[&str], settings: &[(&str, &str)]| -> Result<(Option<i32>, String)> {
        let output = processes.command(&[&add[..], more].concat(), settings).await?;
        Ok((output.status.code(), String::from_utf8(output.stdout)?))
    };

    let (status, preview) = run(&["--dry-run"], &[]).await?;
    let preview: Value = serde_json::from_str(&preview)?;
    assert_eq!((status, &preview["writes"], &preview["reads_before"]), (Some(0), &Value::from(3), &Value::from(2)));
    assert_eq!(preview["items"][0]["outlook"]["call"], "add_member");
    assert!(world.sim.writes().await?.is_empty());

    // A second person has to approve, and it is not the first.
    let (status, asked) = run(&[], &[("ORGMIRROR_OPERATION__APPROVAL_ABOVE", "2")]).await?;
    let asked: Value = serde_json::from_str(&asked)?;
    assert_eq!((status, &asked["state"]), (Some(3), &Value::from("approval")));
    let id = asked["id"].as_str().context("an id")?;
    let approve = async |by: &str| processes.command(&["operations", id, "--approve", "1", "--by", by], &[]).await;
    assert_eq!(approve("Ann").await?.status.code(), Some(1));
    let cancelled = processes.command(&["operations", id, "--cancel", "--by", "ann"], &[]).await?;
    assert_eq!(cancelled.status.code(), Some(0));
    assert_eq!(approve("ben").await?.status.code(), Some(1));
    assert!(world.sim.writes().await?.is_empty());

    let (status, ended) = run(&["--wait"], &[]).await?;
    let ended: Value = serde_json::from_str(&ended)?;
    assert_eq!((status, &ended["operation"]["state"]), (Some(0), &Value::from("settled")));
    world.each_was_written_once(&accounts).await?;
    let id = ended["operation"]["id"].as_str().context("an id")?;
    let csv = processes.command(&["operations", id, "--format", "csv", "--by", "ann"], &[]).await?;
    let csv = String::from_utf8(csv.stdout)?;
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.lines().skip(1).all(|line| line.contains(",done,")), "{csv}");

    // Nobody reads: nothing becomes fresh, and so nothing is done.
    worker.kill().await?;
    let remove = ["bulk", "remove-from-group", "--group", &group, "--accounts", &list, "--by", "ann", "--wait"];
    let output = processes.command(&remove, &[("ORGMIRROR_OPERATION__PATIENCE", "1s")]).await?;
    assert_eq!(output.status.code(), Some(4));
    world.each_was_written_once(&accounts).await?;
    coordinator.kill().await
}
