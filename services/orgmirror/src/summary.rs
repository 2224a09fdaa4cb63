//! What people read when a run has ended.

use std::fmt::Write;

use indicatif::HumanCount;
use orgmirror_domain::run::Phase;
use orgmirror_store::progress::{Freshness, RunView};

/// Discrepancies shown; `orgmirror runs ID --json` has all.
const SHOWN: usize = 10;

/// A run's end in words. `mirror` is how large the mirror is now, where the run is the newest.
pub(crate) fn summary(run: &RunView, mirror: Option<&Freshness>) -> String {
    let mut text = headline(run, mirror);
    let mut row = |label: &str, value: String| {
        // Writing to a String cannot fail.
        let _written = write!(text, "\n  {label:<14}{value}");
    };
    row("run", run.run_id.to_string());
    row("calls", count(run.calls));
    row(
        "rows",
        format!("{} added, {} changed, {} removed", count(run.rows_added), count(run.rows_changed), count(run.rows_removed)),
    );
    if let (Some(watermark), Some(at)) = (run.watermark, run.watermark_at) {
        row("fresh as of", format!("{} (watermark {watermark})", at.format("%Y-%m-%d %H:%M:%S UTC")));
    }
    if let Some(reason) = run.failure.as_ref().or(run.hold_reason.as_ref()) {
        row("reason", reason.clone());
    }
    if run.exceptions > 0 {
        row(
            "unreadable",
            format!("{} accounts or groups, at all or in part: orgmirror runs {}", count(run.exceptions), run.run_id),
        );
    }
    row("discrepancies", if run.discrepancies.is_empty() { "none".to_owned() } else { run.discrepancies.len().to_string() });
    for one in run.discrepancies.iter().take(SHOWN) {
        row("", format!("{} {}: {}", one.kind, one.subject, one.detail));
    }
    if run.discrepancies.len() > SHOWN {
        row("", format!("and {} more: orgmirror runs {} --json", run.discrepancies.len() - SHOWN, run.run_id));
    }
    text
}

fn headline(run: &RunView, mirror: Option<&Freshness>) -> String {
    match (run.phase, run.hold) {
        (Phase::Completed, _) if run.scope == "full" => match mirror {
            Some(mirror) => format!(
                "Synced {} users, {} groups and {} memberships{}.",
                count(mirror.accounts),
                count(mirror.groups),
                count(mirror.memberships),
                duration(run)
            ),
            None => format!("Synced the organisation{}.", duration(run)),
        },
        (Phase::Completed, _) => format!("Synced the {} asked for{}.", run.scope, duration(run)),
        (phase, _) => held(run).map_or_else(|| format!("The sync is {phase}."), |held| format!("The sync is {held}.")),
    }
}

/// Why and since when a run waits: `held: API unreachable since 2026-11-24 03:04:05 UTC`.
pub(crate) fn held(run: &RunView) -> Option<String> {
    let since = run.held_since.map(|at| format!(" since {}", at.format("%Y-%m-%d %H:%M:%S UTC"))).unwrap_or_default();
    run.hold.map(|hold| format!("held: {}{since}", hold.in_words()))
}

fn duration(run: &RunView) -> String {
    let (Some(started), Some(finished)) = (run.watermark_at, run.finished_at) else { return String::new() };
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let seconds = (finished - started).num_milliseconds() as f64 / 1000.0;
    if seconds < 90.0 { format!(" in {seconds:.1} s") } else { format!(" in {:.1} min", seconds / 60.0) }
}

fn count(number: i64) -> String {
    HumanCount(number.max(0).unsigned_abs()).to_string()
}
