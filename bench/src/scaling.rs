//! Many workers where every answer takes long: against one worker, and against the longest chain of calls.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::installation::Synced;
use crate::lab::Lab;
use crate::options::Options;
use crate::progress::say;
use crate::report::{Figure, Section};
use crate::simulator::{Calls, Simulator};

/// Numbers of worker processes, one first.
const WORKERS: [usize; 4] = [1, 2, 4, 8];
/// Calls in flight of each.
const CONCURRENCY: usize = 2;
/// How long each answer takes.
const LATENCY: Duration = Duration::from_millis(200);

struct Measured {
    synced: Synced,
    calls: Calls,
    longest_chain: i64,
}

/// One to eight workers on four equal directories.
pub(crate) async fn many_workers(options: &Options) -> Result<Section> {
    let lab = Lab::start(options).await?;
    let simulator = simulator(&lab, options, "4").await?;
    let mut figures = Vec::new();
    let mut alone: Option<f64> = None;
    for workers in WORKERS {
        let measured = sync(&lab, &simulator, workers).await?;
        let (seconds, chain) = (measured.synced.seconds, measured.longest_chain);
        let one = *alone.get_or_insert(seconds);
        let efficiency = one / (workers as f64 * seconds);
        let calls =
            format!("{} calls, most in flight {}, longest chain {chain}", measured.calls.total, measured.calls.max_in_flight);
        let linear = format!("{seconds:.1} s, linear {:.1} s; {calls}", one / workers as f64);
        let figure = Figure::ratio(format!("{workers} at work: linear time / time"), linear, efficiency);
        figures.push(if Some(&workers) == WORKERS.last() { figure.at_least(0.85) } else { figure });
    }
    simulator.stop().await?;
    lab.stop().await;
    let method = format!(
        "Worker processes with {CONCURRENCY} calls in flight each, answers that take {LATENCY:?}, four directories of equal size, \
         an empty database for each run. Linear is the time of one worker, divided by their number."
    );
    Ok(Section { title: "More workers", method, figures })
}

/// The most workers on one directory: a run can't be shorter than the calls that must follow one another.
pub(crate) async fn one_directory(options: &Options) -> Result<Section> {
    let lab = Lab::start(options).await?;
    let simulator = simulator(&lab, options, "1").await?;
    let workers = WORKERS[WORKERS.len() - 1];
    let measured = sync(&lab, &simulator, workers).await?;
    let (seconds, chain) = (measured.synced.seconds, measured.longest_chain);
    let least = chain as f64 * LATENCY.as_secs_f64();
    let sides = format!(
        "{seconds:.1} s / {chain} x {LATENCY:?}; {} calls, most in flight {}",
        measured.calls.total, measured.calls.max_in_flight
    );
    let figure = Figure::ratio("time / (longest chain x latency)", sides, seconds / least).at_most(1.15);
    simulator.stop().await?;
    lab.stop().await;
    let method = format!(
        "{workers} workers with {CONCURRENCY} calls in flight each, answers that take {LATENCY:?}, one directory. The longest chain is the most \
         pages that one end of one partition needed, one after the other."
    );
    Ok(Section { title: "Longest chain", method, figures: vec![figure] })
}

async fn simulator(lab: &Lab, options: &Options, directories: &str) -> Result<Simulator> {
    let latency = format!("{}ms", LATENCY.as_millis());
    lab.simulator(options.scaling_size(), &["--directories", directories, "--latency", &latency]).await
}

async fn sync(lab: &Lab, simulator: &Simulator, workers: usize) -> Result<Measured> {
    say(format!("sync by {workers} workers"));
    let mut installation = lab.installation(&format!("scaling_{workers}"), simulator).await?;
    installation.start(workers, CONCURRENCY).await?;
    simulator.forget_calls().await?;
    installation.database.checkpoint().await?;
    let synced = installation.sync(simulator).await.with_context(|| format!("sync by {workers} workers"))?;
    let measured =
        Measured { synced, calls: simulator.calls().await?, longest_chain: installation.database.longest_chain().await? };
    installation.stop().await?;
    Ok(measured)
}
