//! Moves runs from phase to phase as far as they go.

use orgmirror_domain::run::Phase;
use orgmirror_runtime::trace::{self, Sampling};
use orgmirror_store::barrier::OpenRun;
use orgmirror_store::sweep::Swept;
use orgmirror_store::{Store, StoreResult};
use tracing::Instrument;

use crate::CoordinatorSettings;

/// Moves a run on until its barrier is shut, it is held, or it has ended.
pub(crate) async fn advance(store: &Store, settings: &CoordinatorSettings, run: OpenRun) -> StoreResult<()> {
    let mut phase = run.phase;
    while phase != Phase::Sweeping {
        // Without a lock first: most ticks find the barrier shut, and then nobody's page has to wait.
        if !store.seems_drained(run.run).await? {
            return Ok(());
        }
        let span = tracing::info_span!("run.advance", run.id = %run.run_id);
        trace::join(&span, run.run_id.0, Sampling::Kept);
        match store.advance(run.run).instrument(span).await? {
            Some(next) => phase = next,
            None => return Ok(()),
        }
        fail::fail_point!("coordinator::after_transition_before_effects");
        tracing::info!(run = %run.run_id, %phase, "a run moved on");
        if phase.has_ended() {
            return Ok(());
        }
    }
    let span = tracing::info_span!("run.sweep", run.id = %run.run_id);
    trace::join(&span, run.run_id.0, Sampling::Kept);
    match store.sweep(run.run, settings.sweep_limits).instrument(span).await? {
        Swept::Completed => {
            tracing::info!(run = %run.run_id, "a run completed");
            // A failure costs readers speed alone.
            if let Err(error) = store.analyze_after(run.run).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot take statistics after a run");
            }
        }
        Swept::Held => tracing::warn!(run = %run.run_id, "a run waits for approval of what it would remove"),
        Swept::TooLate => {}
    }
    Ok(())
}
