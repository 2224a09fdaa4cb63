//! Measures the product as ratios, all within one run.
//!
//! Seconds say more about a computer than about a program, so each figure is a ratio whose both sides were measured minutes apart on
//! the same computer: a sync against the least that any program would have to do, many workers against one, the queue against bare
//! streams. Run it on a quiet computer: `make bench`, or `cargo xtask bench --only queue` for a part.
//!
//! Invariants
//! - The product runs as people run it: the executable of the release build, each service a process of its own, found by its address
//!   alone. Nothing of it is linked in, so its memory and its start are its own.
//! - Nothing outlives a measurement: whichever way it ends, its processes are ended and its folders deleted.
//! - Only a whole run at full size replaces `bench/results.md`.
//!
//! Absent: profiles, and limits that make a build fail. A missed target is told, and a person decides.

mod apalis_redis;
mod console;
mod copy;
mod database;
mod fetch;
mod guard;
mod installation;
mod lab;
mod limits;
mod machine;
mod median;
mod memory;
mod options;
mod progress;
mod queue;
mod report;
mod scaling;
mod service;
mod simulator;
mod sync;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::machine::Machine;
use crate::options::{Options, Part};
use crate::report::Report;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match until_told_to_stop(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Dropping the measurements ends their processes and deletes their folders.
async fn until_told_to_stop(options: &Options) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for signals")?;
    let report = tokio::select! {
        report = measure(options) => report?,
        _ = interrupt.recv() => bail!("interrupted; nothing is kept"),
        _ = terminate.recv() => bail!("told to stop; nothing is kept"),
    };
    let text = report.markdown();
    print!("{text}");
    match options.keep_at() {
        Some(path) => std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?,
        None => eprintln!("Only a whole run at full size replaces bench/results.md; this one is printed alone."),
    }
    eprintln!("{}", report.verdict());
    Ok(())
}

async fn measure(options: &Options) -> Result<Report> {
    let mut report = Report::new(Machine::look()?, options.sizes());
    if options.includes(Part::Sync) {
        report.add(sync::measure(options).await.context("measure syncs")?);
    }
    if options.includes(Part::Scaling) {
        report.add(scaling::many_workers(options).await.context("measure scaling")?);
    }
    if options.includes(Part::OneDirectory) {
        report.add(scaling::one_directory(options).await.context("measure the longest chain")?);
    }
    if options.includes(Part::Limits) {
        report.add(limits::measure(options).await.context("measure the call budget")?);
    }
    if options.includes(Part::Queue) {
        report.add(queue::measure(options).await.context("measure the queue")?);
    }
    if options.includes(Part::Console) {
        report.add(console::measure(options).await.context("measure the console")?);
    }
    Ok(report)
}
