//! One read of the API: budget, instant, call, and again after a passing failure.
//!
//! The instant is drawn for each attempt, after the budget was granted and just before the request: the API may have read any row
//! that early. The same statement asks whether the job is still wanted, so no call is made for one that is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orgmirror_atlassian::{ApiError, Client, Family, Operation, Permit, Verdict, backoff};
use orgmirror_domain::ids::JobKey;
use orgmirror_metrics::BUDGET_WAIT;
use orgmirror_queue::Lane;
use orgmirror_store::StoreError;
use orgmirror_store::attempt::{Asking, Drawn};

use crate::circuit::Passage;
use crate::env::Env;

/// Waits longer than this are spent in the queue, where they hold no slot.
pub(crate) const SHORT_WAIT: Duration = Duration::from_secs(2);
/// What a job of several calls waits for its budget.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);
/// Between two looks whether another call may be tried, of a job that does not leave.
const TRIED_EVERY: Duration = Duration::from_millis(250);
/// Attempts in one delivery, while the API answers at all.
const TRIES: u32 = 4;

/// An answer, with the instant of its observation.
pub(crate) struct Read<T> {
    pub(crate) answer: T,
    pub(crate) drawn: Drawn,
    /// Attempts that reached the API, this one included.
    pub(crate) calls: i32,
}

/// Why a delivery ends without a commit.
#[derive(Debug)]
pub(crate) enum Left {
    /// The job is done, or its run is held or has ended.
    NotWanted,
    /// The worker stops; the job goes back.
    Stopping { calls: i32 },
    /// The budget has nothing for so long, or nothing answers and another job tries. No attempt.
    Budget { wait: Duration, calls: i32 },
    /// The API's answer, after all attempts of this delivery.
    Api {
        error: ApiError,
        calls: i32,
        /// Kept until it is settled what becomes of the job: until then no other job of this worker tries an API that is down.
        passage: Option<Passage>,
    },
    /// What the API tells cannot be mirrored, whatever is tried; the reason is for people.
    Hopeless { reason: String, calls: i32 },
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for Left {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Left {
    /// Whose job this belongs to now, if a prefetch left it: a budget wait and a failure belong to the page read ahead.
    pub(crate) fn with_calls(self, before: i32) -> Self {
        match self {
            Self::NotWanted | Self::Store(_) => self,
            Self::Stopping { calls } => Self::Stopping { calls: calls + before },
            Self::Budget { wait, calls } => Self::Budget { wait, calls: calls + before },
            Self::Api { error, calls, passage } => Self::Api { error, calls: calls + before, passage },
            Self::Hopeless { reason, calls } => Self::Hopeless { reason, calls: calls + before },
        }
    }
}

impl Env {
    /// Reads until there is an answer, or a reason to leave. A wait for budget of more than a moment is spent in the queue.
    pub(crate) async fn read<T, F: Future<Output = Result<T, ApiError>> + Send>(
        &self,
        asking: Asking,
        lane: Lane,
        operation: Operation,
        call: impl Fn(Arc<Client>, Permit) -> F + Send + Sync,
    ) -> Result<Read<T>, Left> {
        self.read_within(SHORT_WAIT, asking, lane, operation, call).await
    }

    /// The same, waiting up to `patience` for budget: for a job of several calls, which would have to begin anew.
    pub(crate) async fn read_within<T, F: Future<Output = Result<T, ApiError>> + Send>(
        &self,
        patience: Duration,
        asking: Asking,
        lane: Lane,
        operation: Operation,
        call: impl Fn(Arc<Client>, Permit) -> F + Send + Sync,
    ) -> Result<Read<T>, Left> {
        let (mut calls, mut passage) = (0, None);
        loop {
            passage = self.circuit.enter(passage);
            if passage.is_none() {
                if self.stop.is_cancelled() {
                    return Err(Left::Stopping { calls });
                }
                if patience <= SHORT_WAIT {
                    return Err(Left::Budget { wait: SHORT_WAIT, calls });
                }
                // Leaving would end the job's other calls, one of which may be the one that is being tried.
                self.pause(TRIED_EVERY).await;
                continue;
            }
            let client = self.api.client();
            let permit = self.permit(&client, lane, operation, patience, calls).await?;
            let Some(drawn) = self.store.draw(asking).await? else { return Err(Left::NotWanted) };
            calls += 1;
            let outcome = call(Arc::clone(&client), permit).await;
            fail::fail_point!("worker::after_fetch");
            let error = match outcome {
                Ok(answer) => {
                    self.circuit.answered();
                    return Ok(Read { answer, drawn, calls });
                }
                Err(error) => error,
            };
            if is_answer(&error) {
                self.circuit.answered();
            } else {
                self.circuit.failed();
            }
            let tries = if self.circuit.is_down() { 1 } else { TRIES };
            let wait = match error.verdict() {
                Verdict::Retry => Some(None),
                Verdict::RetryAfter(wait) => Some(wait),
                Verdict::HoldRun | Verdict::GiveUp | Verdict::RestartChain => None,
            };
            let wait = wait.map(|told| backoff(calls.unsigned_abs(), told, rand::random()));
            match wait {
                Some(wait) if calls.unsigned_abs() < tries && wait <= SHORT_WAIT && !self.stop.is_cancelled() => {
                    tracing::debug!(%error, ?wait, job = asked_for(asking).0, "a read failed and is tried again");
                    self.pause(wait).await;
                }
                _ => return Err(Left::Api { error, calls, passage }),
            }
        }
    }

    /// Whether the API answers a plain call, which no single broken row can spoil. Tells an outage from a page or an account that
    /// cannot be read, whatever else is asked meanwhile.
    pub(crate) async fn is_answered(&self, lane: Lane) -> Result<bool, Left> {
        let client = self.api.client();
        let permit = self.permit(&client, lane, Operation::Directories, SHORT_WAIT, 0).await?;
        let answers = match client.directories(permit, None).await {
            Ok(_) => true,
            Err(error) => is_answer(&error),
        };
        if answers {
            self.circuit.answered();
        } else {
            self.circuit.found_down();
        }
        Ok(answers)
    }

    /// What the API's answers have shown to be allowed, of the calls that syncs are made of; `None` while no limit was met or Redis is away.
    pub(crate) async fn learnt_per_minute(&self) -> Option<f64> {
        let states = self.api.client().budget_state().await.ok()?;
        let general = states.into_iter().find(|state| state.family == Family::General)?;
        general.learnt_per_minute.filter(|rate| *rate > 0.0)
    }

    /// The right to make one call, which is waited for up to `patience`.
    pub(crate) async fn permit(
        &self,
        client: &Client,
        lane: Lane,
        operation: Operation,
        patience: Duration,
        calls: i32,
    ) -> Result<Permit, Left> {
        let lane = match lane {
            Lane::Interactive => orgmirror_atlassian::Lane::Interactive,
            Lane::Bulk => orgmirror_atlassian::Lane::Bulk,
        };
        let asked = Instant::now();
        loop {
            if self.stop.is_cancelled() {
                return Err(Left::Stopping { calls });
            }
            match client.permit(lane, operation).await {
                Ok(permit) => {
                    BUDGET_WAIT.record(asked.elapsed(), [lane.as_str().into()]);
                    return Ok(permit);
                }
                Err(wait) if wait.retry_in <= patience => self.pause(wait.retry_in).await,
                Err(wait) => {
                    // The rest is waited for in the queue.
                    BUDGET_WAIT.record(asked.elapsed() + wait.retry_in, [lane.as_str().into()]);
                    return Err(Left::Budget { wait: wait.retry_in, calls });
                }
            }
        }
    }

    /// Waits, or less if the worker stops.
    async fn pause(&self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// Whether the service works, although it refused this call.
fn is_answer(error: &ApiError) -> bool {
    let failed = matches!(error.verdict(), Verdict::Retry | Verdict::RetryAfter(_));
    !failed || matches!(error, ApiError::RateLimited { .. })
}

fn asked_for(asking: Asking) -> JobKey {
    match asking {
        Asking::For(job) | Asking::AheadOf(job) => job,
    }
}
