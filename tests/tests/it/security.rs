//! What somebody can do who reaches Redis: docs/security.md says it, these stories hold it.

use anyhow::{Context, Result};
use orgmirror_tests::{Processes, Size, until};
use redis::aio::MultiplexedConnection;
use serde_json::json;

/// The users of Redis as the documentation gives them; one line each, `user NAME on >PASSWORD rules`.
const DOCUMENTED: &str = include_str!("../../../docs/security.md");
const PASSWORD: &str = "sesame";

/// A connection as this user, or as the server's administrator.
async fn connect(processes: &Processes, user: Option<&str>) -> Result<MultiplexedConnection> {
    Ok(redis::Client::open(address(processes, user))?.get_multiplexed_async_connection().await?)
}

fn address(processes: &Processes, user: Option<&str>) -> String {
    let url = processes.redis.url();
    match user {
        Some(user) => url.replacen("://", &format!("://{user}:{PASSWORD}@"), 1),
        None => url,
    }
}

/// Makes a user of Redis by the documented line.
async fn make_user(processes: &Processes, name: &str) -> Result<()> {
    let start = format!("user {name} on ");
    let line = DOCUMENTED.lines().map(str::trim).find(|line| line.starts_with(&start)).context("the documented user")?;
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER");
    for word in line.split_whitespace().skip(1) {
        command.arg(word.replace("PASSWORD", PASSWORD));
    }
    Ok(command.exec_async(&mut connect(processes, None).await?).await?)
}

/// Whether Redis refuses the command for want of a right.
async fn is_forbidden(redis: &mut MultiplexedConnection, command: &str) -> Result<bool> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let mut sent = redis::cmd(words[0]);
    for word in &words[1..] {
        sent.arg(word);
    }
    Ok(sent.exec_async(redis).await.is_err_and(|error| error.code() == Some("NOPERM")))
}

/// Goal: a Redis that others use too is shared without reaching theirs, and who may ask for a sync may do nothing else. Method: the
/// documented users, a whole sync by one of them that the other asked for, and commands beyond their rights.
#[tokio::test(flavor = "multi_thread")]
async fn users_of_redis_reach_what_they_need_and_nothing_else() -> Result<()> {
    let processes = Processes::of(Size::of(200, 20)).await?;
    let world = &processes.world;
    make_user(&processes, "orgmirror").await?;
    make_user(&processes, "requester").await?;
    let url = address(&processes, Some("orgmirror"));
    let settings = [("ORGMIRROR_REDIS_URL", url.as_str())];
    let _services = [processes.start_with("coordinator", "", &settings)?, processes.start_with("worker", "", &settings)?];

    let mut requester = connect(&processes, Some("requester")).await?;
    let request =
        json!({ "id": uuid::Uuid::new_v4(), "org_id": world.sim.org_id(), "kind": "manual", "scope": { "type": "full" } });
    let mut ask = redis::cmd("XADD");
    ask.arg("orgmirror:sync-requests").arg("*").arg("request").arg(request.to_string());
    ask.exec_async(&mut requester).await?;
    until("the sync that was asked for is completed", async || {
        Ok((world.count("SELECT count(*) FROM sync_run WHERE phase = 'completed'").await? == 1).then_some(()))
    })
    .await?;
    world.assert_mirror_equals_truth().await?;

    let jobs = format!("{{orgmirror:jobs:{}}}:bulk", world.sim.org_id());
    for beyond in ["XRANGE orgmirror:sync-requests - +", "FLUSHALL", "GET orgmirror:x", &format!("XADD {jobs} * job 1")] {
        assert!(is_forbidden(&mut requester, beyond).await?, "{beyond}");
    }
    let mut service = connect(&processes, Some("orgmirror")).await?;
    for beyond in [
        "GET others",
        "SET others 1",
        "FLUSHALL",
        "CONFIG GET dir",
        "KEYS *",
        "ACL LIST",
        "EVAL return(redis.call('GET','others')) 0",
    ] {
        let refused = is_forbidden(&mut service, beyond).await?;
        // Within a script the refusal comes as the script's own error.
        let in_script = beyond.starts_with("EVAL")
            && redis::cmd("EVAL").arg("return redis.call('GET', 'others')").arg(0).exec_async(&mut service).await.is_err();
        assert!(refused || in_script, "{beyond}");
    }
    Ok(())
}

/// Goal: whoever can write to the queue can at most make pending jobs run early: messages are hints, read against the ledger. Method: after a
/// sync, messages about done jobs, unknown jobs, items and rubbish; no call is made, nothing changes, and the next sync completes.
#[tokio::test(flavor = "multi_thread")]
async fn forged_messages_do_nothing() -> Result<()> {
    let processes = Processes::of(Size::of(200, 20)).await?;
    let world = &processes.world;
    let _services = [processes.start("coordinator", "")?, processes.start("worker", "")?];
    world.sync().await?;
    let calls = world.sim.calls().await?;
    let mut redis = connect(&processes, None).await?;
    let stream = format!("{{orgmirror:jobs:{}}}:interactive", world.sim.org_id());
    let done: i64 = world.count("SELECT min(job_key) FROM sync_job WHERE state = 'done'").await?;
    let forged =
        [json!({ "job": done }), json!({ "job": 999_999_999 }), json!({ "item": 1 }), json!({ "sweep": "all" }), json!("DROP")];
    for message in forged {
        redis::cmd("XADD").arg(&stream).arg("*").arg("job").arg(message.to_string()).exec_async(&mut redis).await?;
    }
    until("all of them were taken", async || {
        let left: u64 = redis::cmd("XLEN").arg(&stream).query_async(&mut redis.clone()).await?;
        Ok((left == 0).then_some(()))
    })
    .await?;
    assert_eq!(world.sim.calls().await?, calls);
    assert!(world.sim.writes().await?.is_empty());
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}
