//! `orgmirror status`: is the mirror fresh, what runs, what waits and why.

use anyhow::Result;
use chrono::{DateTime, NaiveDate, Utc};
use indicatif::HumanCount;
use orgmirror_atlassian::{FamilyState, KeyLife};
use orgmirror_domain::run::Hold;
use orgmirror_queue::Depth;
use orgmirror_runtime::config::Config;
use orgmirror_store::events::EventStream;
use orgmirror_store::progress::{Freshness, RunView, Which};
use serde::Serialize;

use super::{print_json, runs};
use crate::forecast::{self, Forecast};
use crate::outcome::Outcome;
use crate::wiring;

/// What `--json` prints.
#[derive(Serialize)]
struct Status {
    freshness: Freshness,
    /// Seconds since the moment that the mirror is fresh as of.
    age_s: Option<i64>,
    runs: Vec<RunView>,
    /// `accepted` until a run is held because of it.
    key: &'static str,
    /// The key's last day, where somebody told it.
    key_expires_on: Option<NaiveDate>,
    /// Absent while Redis does not answer.
    queue: Option<Queue>,
    /// When a sync starts by itself; null without a schedule.
    next_sync_at: Option<DateTime<Utc>>,
    /// How changes made elsewhere are followed; null before that began, or where it is switched off.
    events: Option<EventStream>,
    /// Of the calls that syncs are made of. Absent while Redis does not answer, or no worker has told its key.
    calls: Option<Calls>,
}

#[derive(Serialize)]
struct Calls {
    /// What the API's answers have shown to be allowed; null while no limit was met.
    learnt_per_minute: Option<f64>,
    /// Answered with 429 since the budget began to learn.
    refused: u64,
    /// Until when nobody calls, because the API asked for it.
    paused_until: Option<DateTime<Utc>>,
    /// Seconds that the calls of the active run still need at that rate.
    run_ends_in_s: Option<i64>,
}

#[derive(Serialize)]
struct Queue {
    /// Heard of within a lease.
    workers: usize,
    interactive: Lane,
    bulk: Lane,
    dead: u64,
}

#[derive(Serialize)]
struct Lane {
    ready: u64,
    delivered: u64,
    delayed: u64,
}

pub(crate) async fn run(config: &Config, json: bool) -> Result<Outcome> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let freshness = store.freshness(org).await?;
    let open = store.runs(Which::Open(org)).await?;
    let now = store.now().await?;
    let key = match open.iter().find_map(|run| run.hold) {
        Some(Hold::KeyRejected) => "rejected",
        Some(Hold::ScopeMissing) => "lacks scope",
        _ => "accepted",
    };
    let publisher = wiring::publisher(config)?;
    let queue = tokio::try_join!(publisher.depth(), publisher.workers()).ok().map(|(depth, workers)| queue(&depth, workers));
    let age_s = freshness.watermark_at.map(|at| (now - at).num_seconds());
    let (_, key_expires_on) = store.current_key(org).await?;
    let next_sync_at = wiring::schedule(config)?.and_then(|wanted| wanted.schedule.next_after(now));
    let calls = Forecast::new(config, &store, org).await.general().await.map(|general| calls(&general, &open));
    let events = if config.sync.events { store.event_stream(org).await? } else { None };
    let status = Status { freshness, age_s, runs: open, key, key_expires_on, queue, next_sync_at, events, calls };
    if json {
        print_json(&status)?;
    } else {
        print(&status, KeyLife::of(key_expires_on, now), now);
    }
    Ok(Outcome::Done)
}

/// What the budget has learnt, and when the active runs have made their calls at that rate.
fn calls(general: &FamilyState, open: &[RunView]) -> Calls {
    let left = forecast::at_rate(open.iter().map(forecast::calls_left).sum(), general.learnt_per_minute);
    Calls {
        learnt_per_minute: general.learnt_per_minute,
        refused: general.refused,
        paused_until: general.paused_until,
        run_ends_in_s: left.map(|left| i64::try_from(left.as_secs()).unwrap_or(i64::MAX)),
    }
}

fn queue(depth: &Depth, workers: usize) -> Queue {
    let lane = |lane: orgmirror_queue::LaneDepth| Lane { ready: lane.ready, delivered: lane.delivered, delayed: lane.delayed };
    Queue { workers, interactive: lane(depth.interactive), bulk: lane(depth.bulk), dead: depth.dead }
}

fn print(status: &Status, key: KeyLife, now: DateTime<Utc>) {
    let count = |number: i64| HumanCount(number.max(0).unsigned_abs());
    match (status.freshness.watermark_at, status.age_s) {
        (Some(at), Some(age)) => println!("Fresh as of {} ({} ago)", at.format("%Y-%m-%d %H:%M:%S UTC"), in_words(age)),
        _ => println!("Never synced; `orgmirror sync --wait` asks for a sync."),
    }
    println!(
        "Mirror: {} users, {} groups, {} memberships",
        count(status.freshness.accounts),
        count(status.freshness.groups),
        count(status.freshness.memberships)
    );
    println!("API key: {}, {key}", status.key);
    match &status.queue {
        Some(queue) => println!(
            "Workers: {}\nQueue: {} jobs wait, {} are worked on, {} come later, {} set aside",
            if queue.workers == 0 {
                "none, so nothing is read; start one with `orgmirror worker`".to_owned()
            } else {
                queue.workers.to_string()
            },
            queue.interactive.ready + queue.bulk.ready,
            queue.interactive.delivered + queue.bulk.delivered,
            queue.interactive.delayed + queue.bulk.delayed,
            queue.dead
        ),
        None => println!("Queue: Redis does not answer; jobs wait in the ledger until it does"),
    }
    println!("Events: {}", status.events.as_ref().map_or("not followed".to_owned(), |events| followed(events, now)));
    if let Some(at) = status.next_sync_at {
        println!("Next scheduled sync: {}", at.format("%Y-%m-%d %H:%M UTC"));
    }
    if let Some(calls) = &status.calls {
        let limit =
            calls.learnt_per_minute.map_or("no limit was met".to_owned(), |rate| format!("about {rate:.0} a minute are allowed"));
        let paused =
            calls.paused_until.map(|until| format!(", none before {}", until.format("%H:%M:%S UTC"))).unwrap_or_default();
        let ends = calls
            .run_ends_in_s
            .map(|left| format!("; the active run needs {} more at that rate", in_words(left)))
            .unwrap_or_default();
        println!("Calls: {limit}{paused}{ends}");
    }
    if status.runs.is_empty() {
        println!("No sync runs or waits.");
    } else {
        println!("\n{}", runs::table(&status.runs));
    }
    for run in &status.runs {
        if let Some(reason) = &run.hold_reason {
            println!("\n{} is held: {reason}", run.run_id);
        }
    }
}

/// How changes made elsewhere are followed, in words.
fn followed(events: &EventStream, now: DateTime<Utc>) -> String {
    let read = events.read_at.map(|at| format!("read {} ago", in_words((now - at).num_seconds())));
    let state = match (&events.trouble_reason, &read) {
        (Some(reason), _) => format!("not read, so changes made elsewhere show with the next full sync: {reason}"),
        (None, Some(read)) => format!("followed, {read}; {} so far", HumanCount(events.events.max(0).unsigned_abs())),
        (None, None) => "about to be followed".to_owned(),
    };
    let gap = events.gap_at.map(|at| {
        format!(
            "\n        changes before {} may be missing until a full sync that begins later has completed",
            at.format("%Y-%m-%d %H:%M:%S UTC")
        )
    });
    format!("{state}{}", gap.unwrap_or_default())
}

/// An age in words.
fn in_words(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
