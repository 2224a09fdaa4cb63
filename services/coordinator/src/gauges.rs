//! Tells every few seconds what is so: runs, jobs, the queue, the gate, freshness.
//!
//! Every coordinator tells the same, since all ask the same Postgres and Redis. What cannot be asked is taken away: an alert on a value of an
//! hour ago would be an alert on nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{OrgId, OrgKey};
use orgmirror_domain::job::{JobKind, JobState};
use orgmirror_domain::run::{Phase, RunKind};
use orgmirror_metrics::{
    DISCREPANCIES, FRESHNESS, GATE_WAITING, JOBS, KEY_EXPIRY, LAST_RUN, QUEUE_DEAD, QUEUE_DEPTH, QUEUE_OLDEST, REQUESTS_REJECTED,
    ROWS_WRITTEN, RUN_ROWS, RUN_STATE, Value, WORKERS,
};
use orgmirror_queue::{Lane, Publisher};
use orgmirror_store::Store;
use orgmirror_store::gauges::Snapshot;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// Kinds of discrepancies that have a series of their own.
const DISCREPANCY_KINDS: [&str; 4] = ["group_members", "partition_count", "organisation_count", "members_lost"];
/// The series of all others.
const OTHER: &str = "other";

/// Looks until `stop` is cancelled.
pub(crate) async fn for_ever(store: Store, publisher: Publisher, org: OrgKey, org_id: OrgId, stop: CancellationToken) {
    from_zero();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        match store.snapshot(org).await {
            Ok(snapshot) => show(&org_id, &snapshot),
            Err(error) => {
                // The tick says so already, as a warning.
                tracing::debug!(error = &error as &dyn std::error::Error, "cannot ask the database for metrics");
                forget();
            }
        }
        show_queue(&publisher).await;
    }
}

/// Counters that an alert must see from their first count on.
fn from_zero() {
    REQUESTS_REJECTED.add(0, []);
    for table in ["account", "group"] {
        ROWS_WRITTEN.add(0, [table.into(), "removed".into()]);
    }
}

fn show(org: &OrgId, now: &Snapshot) {
    let org = Value::from(org);
    FRESHNESS.replace(now.age_s.map(|age| ([org.clone()], age)));
    KEY_EXPIRY.replace(now.key_life_s.map(|left| ([org.clone()], left)));
    let ends = Phase::ALL.iter().filter(|phase| phase.has_ended());
    LAST_RUN.replace(ends.map(|end| ([org.clone(), end.as_str().into()], as_number(now.last_end == Some(*end)))));
    RUN_STATE.replace(run_states(&org, now));
    RUN_ROWS.replace(now.rows.into_iter().flat_map(|(users, groups)| {
        [("users", users), ("groups", groups)].into_iter().flat_map(|(entity, rows)| {
            [("listed", rows.done), ("expected", rows.of)]
                .map(|(progress, count)| ([org.clone(), entity.into(), progress.into()], count as f64))
        })
    }));
    let mut jobs: BTreeMap<[Value; 2], f64> = BTreeMap::new();
    for kind in JobKind::ALL {
        jobs.extend(JobState::ALL.iter().map(|state| ([kind.as_str().into(), state.as_str().into()], 0.0)));
    }
    jobs.extend(now.jobs.iter().map(|jobs| ([jobs.kind.as_str().into(), jobs.state.as_str().into()], jobs.count as f64)));
    JOBS.replace(jobs);
    let mut gate: BTreeMap<[Value; 1], f64> = Action::WORDS.iter().map(|word| ([(*word).into()], 0.0)).collect();
    for (action, count) in &now.gate {
        *gate.entry([action.word().into()]).or_default() += *count as f64;
    }
    GATE_WAITING.replace(gate);
    let mut discrepancies: BTreeMap<[Value; 1], f64> =
        DISCREPANCY_KINDS.into_iter().chain([OTHER]).map(|kind| ([kind.into()], 0.0)).collect();
    for one in &now.discrepancies {
        let kind = DISCREPANCY_KINDS.into_iter().find(|kind| *kind == one.kind).unwrap_or(OTHER);
        *discrepancies.entry([kind.into()]).or_default() += 1.0;
    }
    DISCREPANCIES.replace(discrepancies);
}

/// Every kind in every state, most of them 0.
fn run_states(org: &Value, now: &Snapshot) -> BTreeMap<[Value; 3], f64> {
    let states = || Phase::ALL.iter().filter(|phase| !phase.has_ended()).map(|phase| phase.as_str()).chain(["held"]);
    let mut runs: BTreeMap<[Value; 3], f64> = BTreeMap::new();
    for kind in RunKind::ALL {
        runs.extend(states().map(|state| ([org.clone(), kind.as_str().into(), state.into()], 0.0)));
    }
    for open in &now.runs {
        let state = if open.held { "held" } else { open.phase.as_str() };
        *runs.entry([org.clone(), open.kind.as_str().into(), state.into()]).or_default() += open.count as f64;
    }
    runs
}

fn forget() {
    FRESHNESS.clear();
    KEY_EXPIRY.clear();
    LAST_RUN.clear();
    RUN_STATE.clear();
    RUN_ROWS.clear();
    JOBS.clear();
    GATE_WAITING.clear();
    DISCREPANCIES.clear();
}

async fn show_queue(publisher: &Publisher) {
    let Ok((depth, workers)) = tokio::try_join!(publisher.depth(), publisher.workers()) else {
        QUEUE_DEPTH.clear();
        QUEUE_OLDEST.clear();
        QUEUE_DEAD.clear();
        return WORKERS.clear();
    };
    QUEUE_DEPTH.replace(Lane::ALL.map(|lane| ([lane.name().into()], depth.lane(lane).outstanding() as f64)));
    let oldest = |lane| depth.lane(lane).oldest.unwrap_or_default().as_secs_f64();
    QUEUE_OLDEST.replace(Lane::ALL.map(|lane| ([lane.name().into()], oldest(lane))));
    QUEUE_DEAD.set(depth.dead as f64, []);
    WORKERS.set(workers as f64, []);
}

fn as_number(is: bool) -> f64 {
    f64::from(u8::from(is))
}
