//! The queue with jobs that do nothing, against a loop over the same commands of Redis.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::apalis_redis;
use crate::lab::Lab;
use crate::median::median;
use crate::options::Options;
use crate::progress::say;
use crate::report::{Figure, Section};

/// The package and the example in it that measures.
const PACKAGE: &str = "orgmirror-queue";
const EXAMPLE: &str = "throughput";
/// Jobs at once.
const CONCURRENCY: usize = 64;
/// As many as the example has.
const APALIS_REDIS_ROUNDS: usize = 3;

/// What the example prints of one contender's round.
#[derive(Debug, Deserialize)]
struct Round {
    what: String,
    published_per_s: f64,
    done_per_s: f64,
}

pub(crate) async fn measure(options: &Options) -> Result<Section> {
    say("building the queue's measurement");
    let example = build().await?;
    let lab = Lab::start(options).await?;
    say(format!("{} jobs through bare streams and through the queue, in turn", options.queue_jobs));
    let rounds = run(&example, &lab.servers.redis.url(), options.queue_jobs).await?;
    let apalis_redis = apalis_redis_rounds(&lab, options.queue_jobs).await;
    lab.stop().await;

    let middle = |what: &str, figure: fn(&Round) -> f64| {
        let figures: Vec<f64> = rounds.iter().filter(|round| round.what == what).map(figure).collect();
        median(figures, |figure| *figure).with_context(|| format!("no round of {what}"))
    };
    let compare = |name: &str, figure: fn(&Round) -> f64| -> Result<Figure> {
        let (bare, queue) = (middle("bare-streams", figure)?, middle("orgmirror-queue", figure)?);
        Ok(Figure::ratio(name, format!("{bare:.0}/s / {queue:.0}/s"), bare / queue))
    };
    let figures = vec![
        compare("publish to done: bare streams / queue", |round| round.done_per_s)?.at_most(3.0),
        compare("publish alone: bare streams / queue", |round| round.published_per_s)?,
        against_apalis_redis(middle("orgmirror-queue", |round| round.done_per_s)?, apalis_redis),
    ];
    let method = format!(
        "{} jobs that do nothing, {CONCURRENCY} at once, one process that publishes in batches and works; the middle of several rounds in turn. \
         The first two ratios are those of the costs of a job. apalis-redis runs with locks, events and results off.",
        options.queue_jobs
    );
    Ok(Section { title: "Queue", method, figures })
}

/// An error is a finding too: it is told in the table, and stops nothing.
async fn apalis_redis_rounds(lab: &Lab, jobs: usize) -> Result<f64> {
    let mut rounds = Vec::new();
    for round in 1..=APALIS_REDIS_ROUNDS {
        say(format!("{jobs} jobs through apalis-redis, round {round}"));
        rounds.push(apalis_redis::done_per_second(&lab.servers.redis.url(), jobs, CONCURRENCY, round).await?);
    }
    median(rounds, |figure| *figure).context("no round of apalis-redis")
}

fn against_apalis_redis(queue: f64, apalis_redis: Result<f64>) -> Figure {
    let what = "publish to done: apalis-redis / queue";
    match apalis_redis {
        Ok(other) => Figure::ratio(what, format!("{other:.0}/s / {queue:.0}/s"), other / queue),
        Err(error) => Figure::note(what, format!("apalis-redis failed: {error:#}")),
    }
}

/// The example's executable, in the build that people run.
async fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--release",
        "--package",
        PACKAGE,
        "--example",
        EXAMPLE,
        "--message-format",
        "json-render-diagnostics",
    ]);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).kill_on_drop(true).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().await.context("run cargo")?;
    ensure!(output.status.success(), "the example {EXAMPLE} could not be built");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut executables = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let of_example = message["target"]["name"] == EXAMPLE;
        message["executable"].as_str().filter(|_| of_example).map(PathBuf::from)
    });
    executables.next().with_context(|| format!("cargo did not say where the example {EXAMPLE} is"))
}

async fn run(example: &PathBuf, redis: &str, jobs: usize) -> Result<Vec<Round>> {
    let mut command = Command::new(example);
    command.args([redis, &jobs.to_string(), &CONCURRENCY.to_string()]).kill_on_drop(true).stdin(Stdio::null());
    let output = command.output().await.context("run the example")?;
    if !output.status.success() {
        bail!("measuring the queue failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| format!("read the figures `{line}`"))).collect()
}
