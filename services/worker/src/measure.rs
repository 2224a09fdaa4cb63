//! Metrics of deliveries: how they ended, and how long they took.

use std::time::{Duration, Instant};

use orgmirror_atlassian::{Budget, Family, KeyFingerprint, Operation};
use orgmirror_domain::ids::OrgId;
use orgmirror_domain::job::JobKind;
use orgmirror_metrics::{API_REQUESTS, BUDGET_AVAILABLE, BUDGET_RATE, JOB_DURATION, JOBS_COMPLETED, WORKER_BUSY, WORKER_SLOTS};

/// How a delivery of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its effect is committed.
    Done,
    /// Somebody else had done it, or its run has ended.
    Late,
    /// It comes back.
    Again,
    /// Its run waits for somebody.
    Held,
    /// Split into single ids, or an exception of its run.
    Split,
    /// Given up, and its run with it.
    Failed,
}

impl Ended {
    const ALL: [Self; 6] = [Self::Done, Self::Late, Self::Again, Self::Held, Self::Split, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Late => "late",
            Self::Again => "again",
            Self::Held => "held",
            Self::Split => "split",
            Self::Failed => "failed",
        }
    }

    /// Counts a delivery of a job of this kind.
    pub(crate) fn count(self, kind: JobKind) {
        JOBS_COMPLETED.add(1, [kind.as_str().into(), self.as_str().into()]);
    }
}

/// Since when a job, or the next page of a chain, is worked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    kind: JobKind,
    started: Instant,
}

impl Stopwatch {
    pub(crate) fn start(kind: JobKind) -> Self {
        Self { kind, started: Instant::now() }
    }

    /// A job's effect is committed; what follows is the next page's.
    pub(crate) fn done(&mut self) {
        Ended::Done.count(self.kind);
        JOB_DURATION.record(self.started.elapsed(), [self.kind.as_str().into()]);
        self.started = Instant::now();
    }
}

/// A slot in use, until this is dropped.
pub(crate) struct Busy(());

impl Busy {
    pub(crate) fn start() -> Self {
        WORKER_BUSY.add(1.0, []);
        Self(())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        WORKER_BUSY.add(-1.0, []);
    }
}

/// Makes the counters of syncs appear at zero, so that an alert sees the first of each.
pub(crate) fn from_zero(slots: usize) {
    WORKER_SLOTS.add(slots as f64, []);
    WORKER_BUSY.add(0.0, []);
    for kind in JobKind::ALL {
        for ended in Ended::ALL {
            JOBS_COMPLETED.add(0, [kind.as_str().into(), ended.as_str().into()]);
        }
    }
    for operation in [Operation::UsersPage, Operation::GroupsPage] {
        for status in [200, 401, 403, 429, 500] {
            API_REQUESTS.add(0, [operation.as_str().into(), status.into()]);
        }
    }
    for lane in [orgmirror_atlassian::Lane::Interactive, orgmirror_atlassian::Lane::Bulk] {
        BUDGET_AVAILABLE.set(0.0, [lane.as_str().into()]);
    }
}

/// Between two looks at what the budget has learnt.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Tells for ever what the budget has learnt.
pub(crate) async fn watch_budget(budget: Budget, org: OrgId, key: impl Fn() -> KeyFingerprint) {
    loop {
        let states = budget.state(&org, &key()).await.unwrap_or_default();
        let general = states.into_iter().find(|state| state.family == Family::General);
        match general.and_then(|state| state.learnt_per_minute) {
            Some(rate) => BUDGET_RATE.set(rate, []),
            None => BUDGET_RATE.clear(),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
