//! The budget's own scripts and the processes' own memory, against a token bucket, in virtual time.
//!
//! A fleet of four processes, each with eight callers that always want a call. The scripts run in the Lua that Redis has, with
//! nothing behind `redis.call` but a table and the virtual clock, and `agreement`
//! shows that Redis answers the same.

mod agreement;
mod bucket;
mod fleet;
mod script;

use bucket::Hint;
use fleet::{Figures, Fleet};

/// A sync of some 2,600 calls at a hidden limit; figures from half a minute on.
fn sync(per_minute: f64, burst: f64, latency_ms: f64, hint: Hint) -> Figures {
    let mut fleet = Fleet::new(per_minute, burst, latency_ms, hint);
    fleet.run_until(30.0);
    let from = fleet.mark();
    fleet.run_until((2600.0 / per_minute * 60.0).clamp(60.0, 1800.0));
    fleet.figures_since(from)
}

/// Prints what the closing note of the budget shows: `cargo test -p orgmirror-atlassian --lib simulation::table -- --ignored --nocapture`.
#[test]
#[ignore = "prints a table, asserts nothing"]
fn table() {
    println!("hint        limit/min burst latency | share   429s (first 30 s) learnt/min");
    for hint in [Hint::None, Hint::RetryAfter, Hint::Headers] {
        for per_minute in [60.0, 120.0, 300.0, 600.0, 1500.0, 3000.0] {
            for (burst, latency_ms) in [(3.0, 120.0), (10.0, 5.0), (10.0, 120.0), (60.0, 120.0)] {
                let Figures { share, refused, refused_first, learnt_per_minute } = sync(per_minute, burst, latency_ms, hint);
                let (hint, share, learnt) = (format!("{hint:?}"), share * 100.0, learnt_per_minute.unwrap_or_default());
                println!(
                    "{hint:11} {per_minute:9} {burst:5} {latency_ms:4} ms | {share:5.1}% {refused:4} ({refused_first:3}) {learnt:7.1}"
                );
            }
        }
    }
}

/// The target of a full sync: at least 97 % of what is granted after half a minute, and at most ten 429s.
#[test]
fn a_hidden_limit_is_used_up_and_seldom_met() {
    for hint in [Hint::None, Hint::RetryAfter] {
        for latency_ms in [30.0, 120.0, 200.0] {
            let figures = sync(300.0, 10.0, latency_ms, hint);
            assert!(figures.share >= 0.97, "{hint:?} {latency_ms} ms: {figures:?}");
            assert!(figures.refused <= 10, "{hint:?} {latency_ms} ms: {figures:?}");
        }
    }
}

#[test]
fn limits_of_every_size_are_found() {
    for per_minute in [60.0, 120.0, 600.0, 1500.0, 3000.0] {
        let figures = sync(per_minute, 10.0, 120.0, Hint::None);
        assert!(figures.share >= 0.97, "{per_minute}/min: {figures:?}");
        let learnt = figures.learnt_per_minute.unwrap();
        assert!((learnt / per_minute - 1.0).abs() < 0.03, "{per_minute}/min: {figures:?}");
    }
}

#[test]
fn a_limit_that_headers_tell_is_not_met_at_all() {
    for per_minute in [60.0, 300.0, 3000.0] {
        let figures = sync(per_minute, 10.0, 120.0, Hint::Headers);
        assert!(figures.share >= 0.97, "{per_minute}/min: {figures:?}");
        assert_eq!((figures.refused, figures.learnt_per_minute), (0, Some(per_minute)));
    }
}

/// The limit falls to a third in mid-run and rises again: within a quarter of a minute the rate is within a tenth of it.
#[test]
fn a_limit_that_falls_and_rises_is_followed() {
    for hint in [Hint::None, Hint::RetryAfter, Hint::Headers] {
        for low_for in [20.0, 60.0, 120.0] {
            let mut fleet = Fleet::new(300.0, 10.0, 120.0, hint);
            fleet.run_until(200.0);
            let mut follow = |per_minute: f64, from: f64| {
                fleet.set_limit(per_minute);
                fleet.run_until(from + 15.0);
                let learnt = fleet.learnt_per_minute().unwrap();
                assert!((learnt / per_minute - 1.0).abs() <= 0.1, "{hint:?}, low for {low_for} s: {learnt} of {per_minute}");
                let settled = fleet.mark();
                fleet.run_until(from + low_for);
                fleet.figures_since(settled)
            };
            follow(100.0, 200.0);
            let figures = follow(300.0, 200.0 + low_for);
            assert!(low_for < 60.0 || figures.share > 0.9, "{hint:?}, low for {low_for} s: {figures:?}");
        }
    }
}

/// Ten callers come to a fleet at its limit: most are served at once out of the lead, the rest before any bulk call.
#[test]
fn interactive_calls_wait_for_no_bulk_call() {
    for hint in [Hint::None, Hint::Headers] {
        let mut fleet = Fleet::new(300.0, 10.0, 120.0, hint);
        fleet.run_until(100.0);
        let refused = fleet.refused();
        fleet.interactive(10);
        fleet.run_until(104.0);
        let mut waited: Vec<f64> = fleet.interactive.iter().map(|(wanted, granted)| granted - wanted).collect();
        waited.sort_by(f64::total_cmp);
        assert!(waited[6] < 0.1 && waited[9] < 1.6, "{hint:?}: {waited:?}");
        fleet.run_until(160.0);
        assert!(fleet.refused() <= refused + 1, "{hint:?}: bulk waits until the rate has caught up");
    }
}

/// A simulator without a limit: after a second the callers alone decide how fast it goes, and few of them ask Redis.
#[test]
fn without_a_limit_calls_grow_to_all_that_is_wanted() {
    let mut fleet = Fleet::new(1e9, 1e9, 4.0, Hint::None);
    fleet.run_until(1.0);
    let (through, asked) = (fleet.bucket.let_through, fleet.asked);
    fleet.run_until(3.0);
    let per_second = (fleet.bucket.let_through - through) as f64 / 2.0;
    // A caller is back after the latency and the moment that a worker takes.
    let wanted = 32.0 / 0.005;
    assert!(per_second > 0.9 * wanted, "{per_second} of {wanted}");
    let share = (fleet.asked - asked) as f64 / per_second / 2.0;
    assert!(share < 0.2, "{share} questions to Redis per call");
    assert_eq!(fleet.learnt_per_minute(), None);
}
