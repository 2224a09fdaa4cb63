//! When a run's calls are made, at the rate that the API has shown to allow.

use std::time::{Duration, Instant};

use orgmirror_atlassian::{Budget, Family, FamilyState, KeyFingerprint};
use orgmirror_domain::ids::{OrgId, OrgKey};
use orgmirror_domain::run::Phase;
use orgmirror_runtime::config::Config;
use orgmirror_store::Store;
use orgmirror_store::progress::RunView;

use crate::wiring;

/// Between two questions to Redis; a rate is learnt over longer times.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// What the workers' budget has learnt, asked for now and then.
pub(crate) struct Forecast {
    /// `None` where settings or the organisation's key tell no budget.
    source: Option<(Budget, OrgId, KeyFingerprint)>,
    asked: Option<Instant>,
    per_minute: Option<f64>,
}

impl Forecast {
    /// A forecast for runs of this organisation. Whatever it lacks, it then has nothing to say.
    pub(crate) async fn new(config: &Config, store: &Store, org: OrgKey) -> Self {
        let key = store.current_key(org).await.ok().and_then(|(fingerprint, _)| fingerprint);
        let source = match (wiring::budget(config), config.atlassian.org_id(), key) {
            (Ok(budget), Ok(org), Some(key)) => Some((budget, OrgId::from(org), KeyFingerprint(key))),
            _ => None,
        };
        Self { source, asked: None, per_minute: None }
    }

    /// What is known of the calls that syncs are made of; `None` while Redis does not answer.
    pub(crate) async fn general(&self) -> Option<FamilyState> {
        let (budget, org, key) = self.source.as_ref()?;
        let states = budget.state(org, key).await.ok()?;
        states.into_iter().find(|state| state.family == Family::General)
    }

    /// How long the run's calls still take; `None` while no limit was met, or the run is not scanning.
    pub(crate) async fn left(&mut self, run: &RunView) -> Option<Duration> {
        if self.asked.is_none_or(|at| at.elapsed() >= ASK_EVERY) {
            (self.asked, self.per_minute) =
                (Some(Instant::now()), self.general().await.and_then(|state| state.learnt_per_minute));
        }
        at_rate(calls_left(run), self.per_minute)
    }
}

/// Full pages that a scanning run has not listed yet, and its jobs that are no pages and not done yet.
pub(crate) fn calls_left(run: &RunView) -> i64 {
    if run.phase != Phase::Scanning {
        return 0;
    }
    let rows = (run.users.of - run.users.done).max(0) + (run.groups.of - run.groups.done).max(0);
    rows / 100 + (run.jobs.of - run.jobs.done).max(0)
}

/// How long so many calls take.
pub(crate) fn at_rate(calls: i64, per_minute: Option<f64>) -> Option<Duration> {
    let per_minute = per_minute.filter(|rate| calls > 0 && *rate > 0.0)?;
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    Some(Duration::from_secs_f64(calls as f64 * 60.0 / per_minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_where_there_is_a_rate() {
        assert_eq!(at_rate(150, Some(300.0)), Some(Duration::from_secs(30)));
        for (calls, rate) in [(0, Some(300.0)), (150, None), (150, Some(0.0))] {
            assert_eq!(at_rate(calls, rate), None);
        }
    }
}
