//! Each alert, provoked by the trouble it is for, in a real Prometheus that watches real processes; and each clears when the trouble is over.
//!
//! The rules are the shipped ones with their durations shortened ([`hurried`]), so that a story takes seconds.

use anyhow::{Context, Result, ensure};
use orgmirror_tests::{Process, Processes, Prometheus, Size, Target, deployed, until};
use serde_json::json;

/// The shipped rules, whose trouble needs to last for moments alone.
fn hurried() -> Result<String> {
    let rules = std::fs::read_to_string(deployed("prometheus/alerts.yml"))?;
    let mut hurried: String = rules
        .lines()
        .map(|line| match line.trim_start().starts_with("for: ") {
            true => "        for: 1s\n".to_owned(),
            false => format!("{line}\n"),
        })
        .collect();
    let calls = ("requests_total[15m]", "requests_total[30s]");
    let refused = ("status=\"429\"}[15m]", "status=\"429\"}[30s]");
    for (shipped, here) in [calls, refused, ("[15m]", "[6s]"), ("}) > 120", "}) > 2"), ("> 1800", "> 2"), (") > 50", ") > 10")] {
        ensure!(hurried.contains(shipped), "the rules have {shipped} no longer; what is it now?");
        hurried = hurried.replace(shipped, here);
    }
    Ok(hurried)
}

/// An installation that is watched.
struct Watched {
    processes: Processes,
    prometheus: Prometheus,
    coordinator: Target,
    worker: Target,
}

impl Watched {
    async fn of(size: Size) -> Result<Self> {
        let processes = Processes::of(size).await?;
        let (coordinator, worker) = (Target::free("orgmirror-coordinator")?, Target::free("orgmirror-worker")?);
        let prometheus = Prometheus::start(&[coordinator.clone(), worker.clone()], Some(&hurried()?)).await?;
        Ok(Self { processes, prometheus, coordinator, worker })
    }

    async fn coordinator(&self, more: &[(&str, &str)]) -> Result<Process> {
        self.start("coordinator", &self.coordinator, more).await
    }

    async fn worker(&self, more: &[(&str, &str)]) -> Result<Process> {
        self.start("worker", &self.worker, more).await
    }

    /// Starts a service, and waits until Prometheus has read this process, not one before it.
    async fn start(&self, service: &str, target: &Target, more: &[(&str, &str)]) -> Result<Process> {
        let started = format!("process_start_time_seconds{{job=\"{}\"}}", target.job);
        let before = self.prometheus.query_range(&started, 600).await?.pop().map(|(_, at)| at);
        let listen = target.address.to_string();
        let settings = [&[("ORGMIRROR_METRICS__LISTEN", listen.as_str())], more].concat();
        let process = self.processes.start_with(service, "", &settings)?;
        until("a service is watched", async || {
            let now = self.prometheus.query(&started).await?.pop().map(|(_, at)| at);
            Ok((now.is_some() && now != before).then_some(()))
        })
        .await?;
        Ok(process)
    }

    async fn fires(&self, alert: &str) -> Result<()> {
        let firing = async || Ok((!self.prometheus.firing(alert).await?.is_empty()).then_some(()));
        until(&format!("{alert} fires"), firing).await
    }

    async fn clears(&self, alert: &str) -> Result<()> {
        let quiet = async || Ok(self.prometheus.firing(alert).await?.is_empty().then_some(()));
        until(&format!("{alert} clears"), quiet).await
    }
}

/// Never synced, then old, then a key whose last days have come.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_is_not_fresh_and_a_key_that_expires() -> Result<()> {
    let watched = Watched::of(Size::of(30, 5)).await?;
    let world = &watched.processes.world;
    let tomorrow = (chrono::Utc::now() + chrono::TimeDelta::days(1)).format("%Y-%m-%d").to_string();
    let _coordinator = watched.coordinator(&[]).await?;
    let worker = watched.worker(&[("ORGMIRROR_ATLASSIAN__API_KEY_EXPIRES", &tomorrow)]).await?;
    watched.fires("OrgmirrorNeverSynced").await?;
    world.sync().await?;
    watched.clears("OrgmirrorNeverSynced").await?;

    let long_ago = "UPDATE org SET watermark_at = watermark_at - interval '27 hours'";
    sqlx::query(long_ago).execute(&world.pool).await?;
    watched.fires("OrgmirrorNotFresh").await?;
    world.sync().await?;
    watched.clears("OrgmirrorNotFresh").await?;

    watched.fires("OrgmirrorKeyExpiresSoon").await?;
    watched.fires("OrgmirrorKeyExpiresNow").await?;
    worker.terminate().await?;
    let _worker = watched.worker(&[("ORGMIRROR_ATLASSIAN__API_KEY_EXPIRES", "2099-12-31")]).await?;
    watched.clears("OrgmirrorKeyExpiresSoon").await?;
    watched.clears("OrgmirrorKeyExpiresNow").await
}

/// A key that is refused holds a run; an API that does not answer stalls one, and what waits for it grows old.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_do_not_go_on() -> Result<()> {
    let watched = Watched::of(Size::of(300, 30)).await?;
    let (processes, world) = (&watched.processes, &watched.processes.world);
    let (_coordinator, _worker) = (watched.coordinator(&[]).await?, watched.worker(&[]).await?);
    world.sync().await?;

    let key = world.sim.key().to_owned();
    world.sim.set_key("another").await?;
    let ticket = world.request().await?;
    let held = world.ended(ticket).await?;
    watched.fires("OrgmirrorRunHeld").await?;
    world.sim.set_key(&key).await?;
    let told = processes.command(&["resume", &held.run_id.to_string()], &[]).await?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    world.completed(ticket).await?;
    watched.clears("OrgmirrorRunHeld").await?;

    world.sim.faults(json!({ "hold": { "getDirectoriesForOrg": 1 } })).await?;
    let ticket = world.request().await?;
    watched.fires("OrgmirrorRunStalled").await?;
    watched.fires("OrgmirrorQueueOld").await?;
    world.sim.calm().await?;
    world.completed(ticket).await?;
    watched.clears("OrgmirrorRunStalled").await?;
    watched.clears("OrgmirrorQueueOld").await
}

/// A bulk operation whose readings do not arrive, because nobody reads.
#[tokio::test(flavor = "multi_thread")]
async fn operations_that_wait_at_the_gate() -> Result<()> {
    let watched = Watched::of(Size::of(300, 30)).await?;
    let world = &watched.processes.world;
    let (_coordinator, worker) = (watched.coordinator(&[]).await?, watched.worker(&[]).await?);
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(2).await?;
    let (group, list) = (group.to_string(), accounts.join(","));
    worker.freeze()?;
    let add = ["bulk", "add-to-group", "--group", &group, "--accounts", &list, "--by", "ann"];
    let told = watched.processes.command(&add, &[]).await?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    watched.fires("OrgmirrorGateWaitingLong").await?;
    worker.thaw()?;
    watched.clears("OrgmirrorGateWaitingLong").await
}

/// An API that refuses many calls, a group that lost most of its members, and an entry of the queue that nobody can read.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_discrepancies_and_dead_letters() -> Result<()> {
    let watched = Watched::of(Size::of(400, 30)).await?;
    let world = &watched.processes.world;
    let (_coordinator, _worker) = (watched.coordinator(&[]).await?, watched.worker(&[]).await?);
    world.sync().await?;

    let large = "SELECT group_id FROM mirror.groups WHERE NOT scim_managed ORDER BY member_count DESC LIMIT 1";
    let group: String = sqlx::query_scalar(large).fetch_one(&world.pool).await?;
    let members = "SELECT account_id FROM mirror.memberships WHERE group_id = $1 ORDER BY account_id";
    let members: Vec<String> = sqlx::query_scalar(members).bind(&group).fetch_all(&world.pool).await?;
    for account in members.iter().skip(10) {
        world.sim.leave(&group, account).await?;
    }
    world.sync().await?;
    watched.fires("OrgmirrorDiscrepancies").await?;
    world.sync().await?;
    watched.clears("OrgmirrorDiscrepancies").await?;

    let mut redis = redis::Client::open(watched.processes.redis.url())?.get_multiplexed_async_connection().await?;
    let (stream, dead) =
        (format!("{{orgmirror:jobs:{}}}:bulk", world.sim.org_id()), format!("{{orgmirror:jobs:{}}}:dead", world.sim.org_id()));
    redis::cmd("XADD").arg(&stream).arg("*").arg("job").arg("no job").exec_async(&mut redis).await?;
    watched.fires("OrgmirrorDeadLetters").await?;
    redis::cmd("DEL").arg(&dead).exec_async(&mut redis).await?;
    watched.clears("OrgmirrorDeadLetters").await?;

    // As somebody else would be met who spends the same limit: refusals out of the blue.
    world.sim.faults(json!({ "quirks": { "rate_limited": 0.3 }, "rate_limited_headers": ["none"] })).await?;
    let ticket = world.request().await?;
    watched.fires("OrgmirrorTooManyRefusals").await?;
    world.sim.calm().await?;
    world.completed(ticket).await?;
    watched.clears("OrgmirrorTooManyRefusals").await
}

/// A worker that is gone, and one that starts again and again.
#[tokio::test(flavor = "multi_thread")]
async fn workers_that_are_gone_or_do_not_stay() -> Result<()> {
    let watched = Watched::of(Size::of(10, 2)).await?;
    let (_coordinator, mut worker) = (watched.coordinator(&[]).await?, watched.worker(&[]).await?);
    watched.clears("OrgmirrorServiceMissing").await?;
    worker.kill().await?;
    watched.fires("OrgmirrorServiceDown").await?;
    watched.fires("OrgmirrorServiceMissing").await?;
    worker = watched.worker(&[]).await?;
    watched.clears("OrgmirrorServiceDown").await?;
    watched.clears("OrgmirrorServiceMissing").await?;

    let mut starts = 0;
    while watched.prometheus.firing("OrgmirrorWorkerCrashLoop").await?.is_empty() {
        worker.kill().await?;
        worker = watched.worker(&[]).await?;
        starts += 1;
        ensure!(starts < 20, "a worker that starts again and again is not told");
    }
    watched.clears("OrgmirrorWorkerCrashLoop").await?;
    worker.kill().await
}

/// A database that became read-only, and a Redis that refuses.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_cannot_be_used() -> Result<()> {
    let watched = Watched::of(Size::of(10, 2)).await?;
    let world = &watched.processes.world;
    let (_coordinator, _worker) = (watched.coordinator(&[]).await?, watched.worker(&[]).await?);
    let database = world.database_url.rsplit('/').next().context("a database URL ends with its name")?;
    let read_only = async |word: &str| -> Result<()> {
        // Sessions that are open keep what they had: they are ended, as a server that fails over would end them.
        for statement in [
            "SET default_transaction_read_only = off".to_owned(),
            format!("ALTER DATABASE {database} SET default_transaction_read_only = {word}"),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()".to_owned(),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&world.pool).await?;
        }
        Ok(())
    };
    watched.clears("OrgmirrorDatabaseTrouble").await?;
    read_only("on").await?;
    watched.fires("OrgmirrorDatabaseTrouble").await?;
    read_only("off").await?;
    watched.clears("OrgmirrorDatabaseTrouble").await?;

    let mut redis = redis::Client::open(watched.processes.redis.url())?.get_multiplexed_async_connection().await?;
    watched.clears("OrgmirrorRedisTrouble").await?;
    redis::cmd("ACL").arg(&["SETUSER", "default", "nocommands", "+acl"]).exec_async(&mut redis).await?;
    watched.fires("OrgmirrorRedisTrouble").await?;
    redis::cmd("ACL").arg(&["SETUSER", "default", "+@all"]).exec_async(&mut redis).await?;
    watched.clears("OrgmirrorRedisTrouble").await
}
