//! The shared call budget against a limit that it is not told of: how much of it is used, and how many calls run into it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::installation::Installation;
use crate::lab::Lab;
use crate::options::Options;
use crate::progress::say;
use crate::report::{Figure, Section};
use crate::simulator::Simulator;

/// Calls a minute that the simulator takes in the first sync.
const LIMIT: u32 = 300;
/// And in the other one: before, during and after it is lowered.
const LIMITS: [u32; 3] = [900, 300, 900];
/// Calls that it takes at once after a quiet time.
const BURST: u32 = 10;
const LATENCY: Duration = Duration::from_millis(100);
const WORKERS: usize = 4;
/// Calls in flight of each.
const CONCURRENCY: usize = 8;
/// What the budget may learn in before it is measured.
const LEARNING: Duration = Duration::from_secs(30);
/// How long one of these limits holds before the next.
const HOLDS: Duration = Duration::from_secs(45);
/// When the rate has to be the new one, and from when on it is measured.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks at the simulator's count.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Share of all calls after which a sync is about to end and has no more use for its limit.
const BULK_OF_CALLS: f64 = 0.98;

/// Calls so far, at a moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Duration,
    granted: u64,
    refused: u64,
}

/// A steady limit and one that changes, each told by every header and by none.
pub(crate) async fn measure(options: &Options) -> Result<Section> {
    let lab = Lab::start(options).await?;
    let latency = format!("{}ms", LATENCY.as_millis());
    let simulator = lab.simulator(options.size(), &["--latency", &latency]).await?;
    let mut figures = Vec::new();
    for headers in ["all", "none"] {
        let looks = sync(&lab, &simulator, &format!("limit_{headers}"), headers, &[LIMIT]).await?;
        let last = looks.last().context("the sync ended before it was looked at")?;
        let most = (last.granted as f64 * BULK_OF_CALLS) as u64;
        let (from, to) = (first(&looks, |look| look.at >= LEARNING)?, first(&looks, |look| look.granted >= most)?);
        let (used, could) = between(from, to, LIMIT);
        let sides = format!("{used} of {could:.0} calls from {:.0} s to {:.0} s", from.at.as_secs_f64(), to.at.as_secs_f64());
        let told = format!("{LIMIT} a minute, headers: {headers}");
        figures.push(Figure::ratio(format!("{told}: used / granted"), sides, used as f64 / could).at_least(0.97));
        let refused = i64::try_from(last.refused).unwrap_or(i64::MAX);
        let of = format!("of {} calls", last.granted + last.refused);
        figures.push(Figure::count(format!("{told}: calls answered with 429"), of, refused).at_most(10.0));
    }
    for headers in ["all", "none"] {
        let looks = sync(&lab, &simulator, &format!("changes_{headers}"), headers, &LIMITS).await?;
        for (number, limit) in (0..).zip(LIMITS).skip(1) {
            let changed = HOLDS * number;
            let (from, to) = (
                first(&looks, |look| look.at >= changed + FOLLOWS_WITHIN)?,
                first(&looks, |look| look.at >= changed + HOLDS).or_else(|_| looks.last().context("no look"))?,
            );
            let (used, could) = between(from, to, limit);
            let sides = format!("{used} of {could:.0} calls from {:?} after the change on", FOLLOWS_WITHIN);
            let what = format!("from {} to {limit} a minute, headers: {headers}: rate / limit", LIMITS[number as usize - 1]);
            figures.push(Figure::ratio(what, sides, used as f64 / could).at_least(0.9));
        }
        let refused = looks.last().map_or(0, |look| look.refused);
        figures.push(Figure::note(format!("both changes, headers: {headers}: calls answered with 429"), refused.to_string()));
    }
    simulator.stop().await?;
    lab.stop().await;
    let method = format!(
        "{WORKERS} worker processes with {CONCURRENCY} calls in flight each, answers that take {LATENCY:?}, a limit on calls that is not configured \
         (a bucket of {BURST} tokens), an empty database and an empty Redis for each sync. What is granted is the limit times the time, \
         after the first {LEARNING:?} and until {:.0} % of the calls are made.",
        BULK_OF_CALLS * 100.0
    );
    Ok(Section { title: "Call budget", method, figures })
}

/// A sync from nothing under these limits, one after the other, with what the simulator counted meanwhile.
async fn sync(lab: &Lab, simulator: &Simulator, name: &str, headers: &str, limits: &[u32]) -> Result<Vec<Look>> {
    say(format!("sync under a limit of {limits:?} calls a minute, told by headers: {headers}"));
    let mut installation: Installation = lab.installation(name, simulator).await?;
    installation.start(WORKERS, CONCURRENCY).await?;
    limit(simulator, headers, *limits.first().context("no limit")?).await?;
    simulator.forget_calls().await?;
    let mut looks = Vec::new();
    {
        let syncing = installation.sync(simulator);
        tokio::pin!(syncing);
        let start = Instant::now();
        let mut current = 0;
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                synced = &mut syncing => break drop(synced?),
                _ = ticks.tick() => {}
            }
            let due = (start.elapsed().as_secs() / HOLDS.as_secs()) as usize;
            if due > current && current + 1 < limits.len() {
                current += 1;
                limit(simulator, headers, limits[current]).await?;
            }
            let calls = simulator.calls().await?;
            let at = start.elapsed();
            looks.push(Look { at, granted: calls.total - calls.rate_limited, refused: calls.rate_limited });
        }
    }
    installation.stop().await?;
    Ok(looks)
}

async fn limit(simulator: &Simulator, headers: &str, per_minute: u32) -> Result<()> {
    let faults = json!({
        "latency_ms": LATENCY.as_millis() as u64, "rate_limit_per_minute": per_minute, "rate_limit_burst": BURST,
        "switches": { "rate_limit_headers": headers },
    });
    simulator.set_faults(&faults).await
}

fn first(looks: &[Look], wanted: impl Fn(&Look) -> bool) -> Result<&Look> {
    looks.iter().find(|look| wanted(look)).context("the sync ended too early to be measured; it needs a larger organisation")
}

/// Calls that were granted in that time, and how many the limit would have granted.
fn between(from: &Look, to: &Look, per_minute: u32) -> (u64, f64) {
    (to.granted - from.granted, (to.at - from.at).as_secs_f64() * f64::from(per_minute) / 60.0)
}
