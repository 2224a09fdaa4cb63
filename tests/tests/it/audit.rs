//! The audit log: what is done is written down with it, and whoever changes the log is found.

use anyhow::{Context, Result};
use orgmirror_domain::action::Action;
use orgmirror_domain::audit::{Actor, Event};
use orgmirror_store::audit::{Fault, Verified, Wanted};
use orgmirror_tests::{ASKER, Processes, Size, World};
use serde_json::Value;

/// Requests, changes and results are there with who asked, in order; an operation's end tells on which freshness it was decided.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_is_in_the_log() -> Result<()> {
    let (world, _services) = World::of(Size::of(200, 30)).await?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(3).await?;
    world.store.save_filter(world.org, "idle", &"inactive>90d".parse()?, &Actor::person("ann")).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    world.operation_ended(asked).await?;
    world.store.delete_filter(world.org, "idle", &Actor::person("ben")).await?;
    // What is refused is not done, and so not written down.
    assert!(world.store.delete_filter(world.org, "idle", &Actor::person("ben")).await.is_err());

    let log = world.store.audit(world.org, &Wanted::default(), 100).await?;
    let told: Vec<_> = log.iter().rev().map(|entry| (entry.event.as_str(), entry.actor.as_str())).collect();
    assert_eq!(
        told,
        [("filter_saved", "ann"), ("operation_requested", ASKER), ("operation_ended", ""), ("filter_deleted", "ben")]
    );
    let ended = &log[1].detail;
    assert_eq!((&ended["done"], &ended["calls"], &ended["state"]), (&Value::from(3), &Value::from(3), &Value::from("settled")));
    assert!(ended["decided_on"].as_i64() > ended["asked"].as_i64(), "{ended}");
    let of_ann = Wanted { actor: Some("Ann"), event: Some(Event::FilterSaved), before: Some(3), ..Wanted::default() };
    assert_eq!(world.store.audit(world.org, &of_ann, 100).await?.len(), 1);
    assert!(world.store.verify_audit(world.org, None).await?.faults.is_empty());
    let seen = "SELECT count(*) FROM mirror.audit WHERE actor_kind = 'person' AND NOT detail ? 'filter'";
    assert_eq!(world.count(seen).await?, 3);
    Ok(())
}

/// Many who write at once write one chain.
#[tokio::test(flavor = "multi_thread")]
async fn entries_that_come_together_are_one_chain() -> Result<()> {
    let world = World::empty(Size::of(20, 5)).await?;
    let writers = (0..8).map(|writer| {
        let (store, org) = (world.store.clone(), world.org);
        tokio::spawn(async move {
            for number in 0..10 {
                let name = format!("filter-{writer}-{number}");
                store.save_filter(org, &name, &"is:admin".parse()?, &Actor::person("ann")).await?;
            }
            anyhow::Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    let verified = world.store.verify_audit(world.org, None).await?;
    assert_eq!((verified.entries, verified.faults.len()), (80, 0));
    Ok(())
}

/// The database refuses to change the log; whoever gets around that is found, wherever they change, remove or insert.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_log_is_refused_and_found() -> Result<()> {
    let world = World::empty(Size::of(20, 5)).await?;
    for number in 0..6 {
        world.store.save_filter(world.org, &format!("f{number}"), &"is:admin".parse()?, &Actor::person("ann")).await?;
    }
    let whole = world.store.verify_audit(world.org, None).await?;
    let head = whole.head.context("a head")?;
    for refused in ["UPDATE audit_entry SET actor = 'ben'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"] {
        let error = sqlx::query(refused).execute(&world.pool).await.expect_err("the log is append-only");
        assert!(error.to_string().contains("append-only"), "{error}");
    }

    // As the owner of the table could, and an administrator of the server.
    sqlx::query("ALTER TABLE audit_entry DISABLE TRIGGER ALL").execute(&world.pool).await?;
    sqlx::query("CREATE TABLE kept AS SELECT * FROM audit_entry").execute(&world.pool).await?;
    for (change, at, what) in [
        ("UPDATE audit_entry SET actor = 'ben' WHERE number = 3", 3, "it does not say what was written"),
        ("UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE number = 6", 6, "it does not say what was written"),
        ("DELETE FROM audit_entry WHERE number = 2", 2, "it and perhaps more after it were removed"),
        ("DELETE FROM audit_entry WHERE number = 1", 1, "it and perhaps more after it were removed"),
        ("DELETE FROM audit_entry WHERE number = 6", 6, "entries were removed from the end, or added past the program"),
        (
            "INSERT INTO audit_entry SELECT org_key, 7, at, actor_kind, actor, event, subject, detail, hash, hash FROM audit_entry WHERE number = 6",
            7,
            "it does not say what was written",
        ),
        (
            "UPDATE audit_entry SET previous = (SELECT hash FROM kept WHERE number = 1) WHERE number = 5",
            5,
            "the entry before it is not the one that it was written after",
        ),
    ] {
        sqlx::query(change).execute(&world.pool).await?;
        let Verified { faults, .. } = world.store.verify_audit(world.org, None).await?;
        assert_eq!(faults.first(), Some(&Fault { number: at, what }), "{change}: {faults:?}");
        sqlx::query("DELETE FROM audit_entry").execute(&world.pool).await?;
        sqlx::query("INSERT INTO audit_entry SELECT * FROM kept").execute(&world.pool).await?;
        assert!(world.store.verify_audit(world.org, Some(&head)).await?.faults.is_empty());
    }

    // Who also writes the head anew is found by what an earlier check printed.
    sqlx::query("DELETE FROM audit_entry WHERE number = 6").execute(&world.pool).await?;
    sqlx::query("UPDATE audit_head SET (number, hash) = (SELECT number, hash FROM kept WHERE number = 5)")
        .execute(&world.pool)
        .await?;
    assert!(world.store.verify_audit(world.org, None).await?.faults.is_empty());
    assert_eq!(world.store.verify_audit(world.org, Some(&head)).await?.faults.len(), 1);
    Ok(())
}

/// The log as a person reads it, and the exit status of a check.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_on_the_command_line() -> Result<()> {
    let processes = Processes::of(Size::of(20, 5)).await?;
    let world = &processes.world;
    let run = async |arguments: &[&str]| -> Result<(Option<i32>, Value)> {
        let output = processes.command(&[arguments, &["--json"]].concat(), &[("USER", "ann")]).await?;
        Ok((output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default()))
    };
    let (_, sync) = run(&["sync"]).await?;
    let id = sync["id"].as_str().context("an id")?;
    run(&["cancel", id]).await?;
    let (status, log) = run(&["audit", "--about", id]).await?;
    assert_eq!((status, log.as_array().map(Vec::len)), (Some(0), Some(2)), "{log}");
    assert_eq!((&log[0]["event"], &log[0]["actor"]), (&Value::from("run_cancelled"), &Value::from("ann")));
    let (status, verified) = run(&["audit", "verify"]).await?;
    assert_eq!((status, &verified["entries"]), (Some(0), &Value::from(2)));
    sqlx::query("ALTER TABLE audit_entry DISABLE TRIGGER ALL").execute(&world.pool).await?;
    sqlx::query("UPDATE audit_entry SET subject = '' WHERE number = 1").execute(&world.pool).await?;
    assert_eq!(run(&["audit", "verify"]).await?.0, Some(1));
    Ok(())
}
