//! Follows a request to its end: the run that answers it may change while it waits.

use std::time::Duration;

use anyhow::{Context, Result};
use orgmirror_domain::run::Phase;
use orgmirror_store::Store;
use orgmirror_store::progress::{RunView, Which};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::forecast::Forecast;
use crate::outcome::Outcome;
use crate::terminal::Progress;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Shows progress until the run that answers `request` has ended, is held, or `stop` is cancelled.
pub(crate) async fn until_answered(
    store: &Store,
    request: Uuid,
    mut forecast: Forecast,
    silent: bool,
    stop: &CancellationToken,
) -> Result<RunView> {
    let mut progress = Progress::new(silent);
    loop {
        let run = store.answering_run(request).await?.context("the request has gone")?;
        let run = store.runs(Which::One(run)).await?.into_iter().next().context("the run has gone")?;
        progress.show(&run, forecast.left(&run).await);
        // Nothing answers: it goes on by itself. For everything else a person must act.
        let held = run.hold.is_some_and(|hold| hold != orgmirror_domain::run::Hold::ApiDown);
        if run.phase.has_ended() || held || stop.is_cancelled() {
            progress.finish();
            return Ok(run);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// The exit status that a run's end means.
pub(crate) fn outcome(run: &RunView) -> Outcome {
    match (run.phase, run.hold) {
        (Phase::Completed, _) => Outcome::Done,
        (_, Some(_)) => Outcome::Held,
        _ => Outcome::Failed,
    }
}
