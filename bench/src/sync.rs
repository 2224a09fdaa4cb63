//! A first, an unchanged and an active sync of one organisation, against the least that each would have to do.

use anyhow::{Context, Result};

use crate::copy::{Rows, Stored};
use crate::database::LogPosition;
use crate::fetch::{Fetched, Walks};
use crate::installation::{Installation, Synced};
use crate::lab::Lab;
use crate::median::median;
use crate::memory;
use crate::options::{Options, Size};
use crate::progress::say;
use crate::report::{Figure, Section};
use crate::simulator::{Calls, Digest, Simulator};

/// Calls in flight of the one worker, and connections of the floor.
const CONCURRENCY: usize = 8;
/// How often each half of the floor is measured; the middle one counts.
const FLOOR_ROUNDS: usize = 3;
/// Accounts with new activity before the third sync.
const ACTIVE_PERCENT: f64 = 60.0;
/// Rows on a full page.
const PAGE: usize = 100;

/// A sync with what it wrote to the log: until it ended, and until all was tidied up after it.
struct Measured {
    synced: Synced,
    log_bytes: u64,
    log_bytes_settled: u64,
    calls: Calls,
}

pub(crate) async fn measure(options: &Options) -> Result<Section> {
    let lab = Lab::start(options).await?;
    let latency = format!("{}ms", options.latency_ms);
    let simulator = lab.simulator(options.size(), &["--latency", &latency]).await?;
    let mut installation = lab.installation("syncs", &simulator).await?;
    installation.start(1, CONCURRENCY).await?;
    let mut figures = Vec::new();
    say("waiting until the services have settled");
    installation.database.quiet().await?;

    say("first sync");
    let first = sync(&mut installation, &simulator).await?;
    let digest = simulator.digest().await?;
    let (fetched, stored) = floor(&lab, &installation, &simulator).await?;
    figures.extend(first_figures(options.size(), &first, &digest, &fetched, &stored));
    let (difference, held) = installation.database.compare(&digest).await?;
    figures.push(Figure::count("rows by which the mirror's counts differ from the truth's", held, difference).at_most(0.0));

    say("unchanged second sync");
    let second = sync(&mut installation, &simulator).await?;
    figures.extend(second_figures(&first, &second, &fetched));

    let active = simulator.be_active(ACTIVE_PERCENT).await?;
    say(format!("sync after new activity of {active} users"));
    let third = sync(&mut installation, &simulator).await?;
    figures.extend(active_figures(&first, &third, active));

    figures.extend(memory::figures(&lab, &installation).await?);
    installation.stop().await?;
    simulator.stop().await?;
    lab.stop().await;
    let method = format!(
        "One worker with {CONCURRENCY} calls in flight, one coordinator, Postgres that waits for its disk, answers that take {latency}. Time is that of `orgmirror sync --wait`, \
         start of the program included; a CHECKPOINT goes before each measurement. Fetching is every page of users and groups with all that the \
         mirror holds, in several chains of cursors from both ends, bodies read and dropped; COPY is the mirror's final rows from files into empty \
         tables with the same indexes. The middle of {FLOOR_ROUNDS} rounds of each is the floor."
    );
    Ok(Section { title: "Syncs", method, figures })
}

async fn sync(installation: &mut Installation, simulator: &Simulator) -> Result<Measured> {
    simulator.forget_calls().await?;
    let before = installation.database.checkpoint().await?;
    let synced = installation.sync(simulator).await?;
    let (calls, ended) = (simulator.calls().await?, installation.database.log_position().await?);
    say("  waiting until all is tidied up");
    installation.database.quiet().await?;
    let settled = installation.database.log_position().await?;
    let written = |until: LogPosition| until.since(before);
    Ok(Measured { synced, log_bytes: written(ended), log_bytes_settled: written(settled), calls })
}

async fn floor(lab: &Lab, installation: &Installation, simulator: &Simulator) -> Result<(Fetched, Stored)> {
    let walks = Walks::plan(simulator).await?;
    let (mut fetched, mut stored) = (Vec::new(), Vec::new());
    for round in 1..=FLOOR_ROUNDS {
        say(format!("fetching everything over {CONCURRENCY} connections in {} chains, round {round}", walks.count()));
        let all = walks.fetch(simulator, CONCURRENCY).await?;
        say(format!("  {:.2} s, {} pages, {}", all.seconds, all.pages, megabytes(all.bytes)));
        fetched.push(all);
    }
    let database = &installation.database;
    let rows = Rows::take(database, lab.folder()).await?;
    for round in 1..=FLOOR_ROUNDS {
        say(format!("copying the rows, round {round}"));
        let all = rows.store(database).await?;
        say(format!("  {:.2} s, {} rows, {} of log", all.seconds, all.rows, megabytes(all.log_bytes)));
        stored.push(all);
    }
    let fetched = median(fetched, |all| all.seconds).context("nothing was fetched")?;
    let stored = median(stored, |all| all.seconds).context("nothing was copied")?;
    Ok((fetched, stored))
}

fn first_figures(size: Size, first: &Measured, digest: &Digest, fetched: &Fetched, stored: &Stored) -> Vec<Figure> {
    let floor = fetched.seconds + stored.seconds;
    let minimum = (size.users.div_ceil(PAGE) + size.groups.div_ceil(PAGE)) as u64 + digest.granting_groups;
    let (seconds, calls) = (first.synced.seconds, first.calls.total);
    vec![
        Figure::note(
            "floor: fetching",
            format!(
                "{:.2} s, {} pages, {} over {CONCURRENCY} connections",
                fetched.seconds,
                fetched.pages,
                megabytes(fetched.bytes)
            ),
        ),
        Figure::note(
            "floor: COPY",
            format!("{:.2} s, {} rows, {} of log", stored.seconds, stored.rows, megabytes(stored.log_bytes)),
        ),
        Figure::ratio("first sync: time / floor", format!("{seconds:.2} s / {floor:.2} s"), seconds / floor)
            .at_most_better(3.0, 1.5),
        Figure::ratio("first sync: calls / minimum", format!("{calls} / {minimum}"), ratio(calls, minimum))
            .at_most_better(1.05, 1.02),
        Figure::note(
            "first sync: calls",
            format!(
                "most in flight {}, refused for their rate {}, {} read",
                first.calls.max_in_flight,
                first.calls.rate_limited,
                megabytes(first.calls.bytes)
            ),
        ),
        Figure::ratio(
            "first sync: log / log of COPY",
            format!(
                "{} / {}; {} when tidied up",
                megabytes(first.log_bytes),
                megabytes(stored.log_bytes),
                megabytes(first.log_bytes_settled)
            ),
            ratio(first.log_bytes, stored.log_bytes),
        ),
        Figure::note("first sync: rows", rows(first)),
    ]
}

fn second_figures(first: &Measured, second: &Measured, fetched: &Fetched) -> Vec<Figure> {
    let run = &second.synced.run;
    let changed = run.rows_added + run.rows_changed + run.rows_removed;
    let seconds = second.synced.seconds;
    vec![
        Figure::ratio(
            "unchanged sync: time / fetching",
            format!("{seconds:.2} s / {:.2} s", fetched.seconds),
            seconds / fetched.seconds,
        )
        .at_most(1.5),
        log_of("unchanged sync", first, second).at_most(0.05),
        Figure::count("unchanged sync: rows changed", rows(second), changed).at_most(0.0),
        Figure::note("unchanged sync: calls", second.calls.total.to_string()),
    ]
}

fn active_figures(first: &Measured, third: &Measured, active: u64) -> Vec<Figure> {
    let (seconds, of_first) = (third.synced.seconds, first.synced.seconds);
    vec![
        Figure::ratio(
            format!("sync after activity of {ACTIVE_PERCENT} %: time / first"),
            format!("{seconds:.2} s / {of_first:.2} s, {active} users active"),
            seconds / of_first,
        ),
        log_of(&format!("sync after activity of {ACTIVE_PERCENT} %"), first, third),
        Figure::note(format!("sync after activity of {ACTIVE_PERCENT} %: rows"), rows(third)),
    ]
}

fn log_of(what: &str, first: &Measured, later: &Measured) -> Figure {
    let settled = format!("{} / {} when tidied up", megabytes(later.log_bytes_settled), megabytes(first.log_bytes_settled));
    Figure::ratio(
        format!("{what}: log / log of the first"),
        format!("{} / {}; {settled}", megabytes(later.log_bytes), megabytes(first.log_bytes)),
        ratio(later.log_bytes, first.log_bytes),
    )
}

fn rows(measured: &Measured) -> String {
    let run = &measured.synced.run;
    let (added, changed, removed) = (run.rows_added, run.rows_changed, run.rows_removed);
    format!("added {added}, changed {changed}, removed {removed}; discrepancies {}", run.discrepancies.len())
}

fn ratio(over: u64, under: u64) -> f64 {
    over as f64 / under as f64
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
