//! What services tell of themselves: metrics and readiness.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use anyhow::{Context, Result, ensure};
use orgmirror_metrics::{CATALOGUE, Kind};
use orgmirror_tests::{Process, Processes, Size, until};
use serde_json::Value;

/// A service that tells of itself at an address of its own.
struct Told {
    _process: Process,
    address: String,
}

impl Told {
    fn start(processes: &Processes, service: &str) -> Result<Self> {
        // Free at this moment: nobody else asks the system for this very port.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let expires = (chrono::Utc::now() + chrono::TimeDelta::days(30)).format("%Y-%m-%d").to_string();
        let settings =
            [("ORGMIRROR_METRICS__LISTEN", address.as_str()), ("ORGMIRROR_ATLASSIAN__API_KEY_EXPIRES", expires.as_str())];
        Ok(Self { _process: processes.start_with(service, "", &settings)?, address })
    }

    /// Status and body.
    async fn get(&self, path: &str) -> Result<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Waits until it answers, and is ready or is not; what it found of each part.
    async fn readiness(&self, ready: bool) -> Result<BTreeMap<String, String>> {
        until("the service is as ready as expected", async || {
            let Ok((status, body)) = self.get("/readyz").await else { return Ok(None) };
            if (status == 200) != ready {
                return Ok(None);
            }
            let body: Value = serde_json::from_str(&body)?;
            ensure!(body["ready"] == ready, "{body}");
            let parts = body["parts"].as_array().context("parts")?.iter();
            Ok(Some(parts.map(|part| (text(&part["part"]), text(&part["found"]))).collect()))
        })
        .await
    }

    async fn series(&self) -> Result<Series> {
        let (status, text) = self.get("/metrics").await?;
        ensure!(status == 200, "{text}");
        Ok(Series::read(&text))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What was scraped: each series as it is written, with its value.
struct Series(BTreeMap<String, f64>);

impl Series {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .filter_map(|line| line.rsplit_once(' '))
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
                .collect(),
        )
    }

    /// Not a number, which equals nothing, if there is no such series.
    fn value(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(f64::NAN)
    }

    /// Names of metrics, without what a histogram adds, each with the names of its labels.
    fn names(&self) -> BTreeMap<String, BTreeSet<String>> {
        let names = self.0.keys().map(|series| {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let labels = labels.split(',').filter_map(|label| label.split_once("=\"")).map(|(label, _)| label.to_owned());
            (name.to_owned(), labels.filter(|label| label != "le").collect())
        });
        names.collect()
    }
}

/// Goal: whoever draws a graph or waits for an alert finds every metric of the catalogue, with its labels, and numbers that are true.
/// Method: a sync and a bulk operation, then coordinator and worker are scraped.
#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_there_after_a_sync_and_an_operation() -> Result<()> {
    let processes = Processes::of(Size::of(300, 40)).await?;
    let world = &processes.world;
    let (coordinator, worker) = (Told::start(&processes, "coordinator")?, Told::start(&processes, "worker")?);
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(2).await?;
    let (group, accounts) = (group.to_string(), accounts.join(","));
    let bulk = ["bulk", "add-to-group", "--group", &group, "--accounts", &accounts, "--by", "ann", "--wait"];
    assert_eq!(processes.command(&bulk, &[]).await?.status.code(), Some(0));

    // A limit was never met, and no full run is active.
    let absent = ["orgmirror_budget_rate_per_minute", "orgmirror_run_rows"];
    let wanted: BTreeMap<String, BTreeSet<String>> = CATALOGUE
        .iter()
        .map(|metric| (metric.name(), metric.labels().iter().map(|label| label.name.to_owned()).collect()))
        .filter(|(name, _)| !absent.contains(&name.as_str()))
        .collect();
    until("every metric is told, with its labels", async || {
        let mut told = coordinator.series().await?.names();
        told.extend(worker.series().await?.names());
        Ok((told == wanted).then_some(()))
    })
    .await?;

    let (mine, theirs) = (coordinator.series().await?, worker.series().await?);
    let org = world.sim.org_id();
    assert!(mine.value(&format!("orgmirror_freshness_seconds{{org=\"{org}\"}}")) < 120.0);
    let key_left = mine.value(&format!("orgmirror_key_expiry_seconds{{org=\"{org}\"}}")) / 86_400.0;
    assert!((30.0..=31.0).contains(&key_left), "{key_left} days");
    assert_eq!(mine.value(&format!("orgmirror_last_run{{org=\"{org}\",state=\"completed\"}}")), 1.0);
    assert_eq!(mine.value(&format!("orgmirror_run_state{{kind=\"manual\",org=\"{org}\",state=\"scanning\"}}")), 0.0);
    assert_eq!(mine.value("orgmirror_workers"), 1.0);
    let written = theirs.value("orgmirror_rows_written_total{change=\"added\",table=\"account\"}");
    assert_eq!(written, world.count("SELECT count(*) FROM account").await? as f64);
    let calls = theirs.value("orgmirror_api_requests_total{operation=\"users_page\",status=\"200\"}");
    assert_eq!(calls, world.sim.calls_of("searchDirectoryUsers").await? as f64);
    assert_eq!(theirs.value("orgmirror_jobs_completed_total{kind=\"plan\",outcome=\"done\"}"), 1.0);
    assert_eq!(theirs.value("orgmirror_items_completed_total{operation=\"add-to-group\",outcome=\"done\"}"), 2.0);
    assert_eq!(theirs.value("orgmirror_gate_wait_seconds_count"), 2.0);
    assert_eq!(theirs.value("orgmirror_worker_busy"), 0.0);
    assert_eq!(theirs.value("orgmirror_dependency_up{dependency=\"database\"}"), 1.0);
    // An alert on the first failure needs a series before it.
    for kind in
        CATALOGUE.iter().filter(|metric| metric.kind() == Kind::Counter && metric.name() == "orgmirror_jobs_completed_total")
    {
        assert_eq!(theirs.value(&format!("{}{{kind=\"count\",outcome=\"failed\"}}", kind.name())), 0.0);
    }
    Ok(())
}

/// Goal: readiness names what does not work, and comes back by itself. Method: Redis is killed; Postgres becomes read-only.
#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_does_not_work() -> Result<()> {
    let mut processes = Processes::of(Size::of(20, 5)).await?;
    let coordinator = Told::start(&processes, "coordinator")?;
    coordinator.readiness(true).await?;
    assert_eq!(coordinator.get("/healthz").await?.0, 200);

    processes.redis.kill().await;
    let found = coordinator.readiness(false).await?;
    assert!(found["database"].contains("can write"), "{found:?}");
    processes.redis.start_again().await?;
    coordinator.readiness(true).await?;

    read_only(&processes, true).await?;
    let found = coordinator.readiness(false).await?;
    assert!(found["database"].contains("read-only") && found["redis"].contains("can write"), "{found:?}");
    assert_eq!(coordinator.series().await?.value("orgmirror_dependency_up{dependency=\"database\"}"), 0.0);
    assert_eq!(coordinator.get("/healthz").await?.0, 200);
    read_only(&processes, false).await?;
    coordinator.readiness(true).await?;
    Ok(())
}

/// Makes the database read-only for every connection from now on, and ends those that there are.
async fn read_only(processes: &Processes, is: bool) -> Result<()> {
    let pool = &processes.world.pool;
    let (database,): (String,) = sqlx::query_as("SELECT current_database()::text").fetch_one(pool).await?;
    let set =
        format!("SET default_transaction_read_only = off; ALTER DATABASE {database} SET default_transaction_read_only = {is}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(pool).await?;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orgmirror'";
    sqlx::raw_sql(end).execute(pool).await?;
    Ok(())
}

/// Goal: a full disk is named and costs time alone. Method: every write of an account meets the error that Postgres gives on a full disk,
/// until the disk has room again; then the same run completes, equal to the truth.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_loses_nothing() -> Result<()> {
    let processes = Processes::of(Size::of(300, 20)).await?;
    let world = &processes.world;
    let fill = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON account EXECUTE FUNCTION full_disk()";
    sqlx::raw_sql(fill).execute(&world.pool).await?;
    let (_coordinator, worker) = (processes.start("coordinator", "")?, Told::start(&processes, "worker")?);
    let ticket = world.request().await?;
    let found = worker.readiness(false).await?;
    assert!(found["database"].contains("disk of Postgres is full"), "{found:?}");
    // Far more refusals than a job is allowed failures.
    until("many commits were refused", async || {
        let again = worker.series().await?.value("orgmirror_jobs_completed_total{kind=\"users_page\",outcome=\"again\"}");
        Ok((again > 12.0).then_some(()))
    })
    .await?;
    sqlx::raw_sql("DROP TRIGGER full_disk ON account").execute(&world.pool).await?;
    world.completed(ticket).await?;
    worker.readiness(true).await?;
    world.assert_mirror_equals_truth().await
}
