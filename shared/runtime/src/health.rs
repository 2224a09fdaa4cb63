//! Whether this process can do its work: `/healthz`, `/readyz`, and the routes that a service merges into its own.
//!
//! Live means that the process answers. Ready means that every part that it needs was asked and works; what does not is named, with what
//! to do. Parts are asked at most once a second, whoever asks how often.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use futures::future::{BoxFuture, join_all};
use orgmirror_metrics::DEPENDENCY_UP;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// A part that says nothing for so long does not work.
const PATIENCE: Duration = Duration::from_secs(3);
/// An answer is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// How a part does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It works.
    Good,
    /// It works, and a person should know.
    Warning,
    /// It does not.
    Bad,
}

/// What was found about a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which part.
    pub part: &'static str,
    /// How it does.
    pub health: Condition,
    /// What was found, and what to do about it.
    pub found: String,
}

/// What a part will have answered.
type Asked = BoxFuture<'static, Result<(Condition, String), String>>;

/// Asks a part. An error is its message for people.
pub struct Probe {
    part: &'static str,
    ask: Box<dyn Fn() -> Asked + Send + Sync>,
}

impl Probe {
    /// A question about `part`, which is asked again and again. An error makes the process unready.
    pub fn new<F: Future<Output = Result<(Condition, String), String>> + Send + 'static>(
        part: &'static str,
        ask: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self { part, ask: Box::new(move || Box::pin(ask())) }
    }

    async fn find(&self) -> Finding {
        let found = timeout(PATIENCE, (self.ask)()).await;
        let found = found.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        let (health, found) = found.unwrap_or_else(|problem| (Condition::Bad, problem));
        Finding { part: self.part, health, found }
    }
}

/// What a process depends on. Clones share their answers.
#[derive(Clone)]
pub struct Health(Arc<Parts>);

struct Parts {
    probes: Vec<Probe>,
    last: Mutex<Option<(Instant, Readiness)>>,
}

/// Whether a process is ready, and why not.
#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    /// No part is bad.
    pub ready: bool,
    /// Each of them.
    pub parts: Vec<Finding>,
}

impl Health {
    /// Of a process with these parts.
    pub fn new(probes: Vec<Probe>) -> Self {
        Self(Arc::new(Parts { probes, last: Mutex::default() }))
    }

    /// Asks all parts at once, unless they were asked just now.
    pub async fn readiness(&self) -> Readiness {
        let mut last = self.0.last.lock().await;
        if let Some((at, readiness)) = last.as_ref()
            && at.elapsed() < GOOD_FOR
        {
            return readiness.clone();
        }
        let parts = join_all(self.0.probes.iter().map(Probe::find)).await;
        for Finding { part, health, .. } in &parts {
            DEPENDENCY_UP.set(f64::from(u8::from(*health != Condition::Bad)), [(*part).into()]);
        }
        let readiness = Readiness { ready: parts.iter().all(|part| part.health != Condition::Bad), parts };
        *last = Some((Instant::now(), readiness.clone()));
        readiness
    }
}

/// `/healthz` and `/readyz`, to be merged into a service's own routes.
pub fn routes(health: Health) -> Router {
    Router::new().route("/healthz", get(async || "alive\n")).route("/readyz", get(readyz)).with_state(health)
}

/// 200 with what was found, or 503 with the same.
async fn readyz(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let readiness = health.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(part: &'static str, found: Result<Condition, &'static str>) -> Probe {
        Probe::new(part, move || async move { found.map(|condition| (condition, String::new())).map_err(str::to_owned) })
    }

    /// A warning is for people and no reason to send the work elsewhere.
    #[tokio::test]
    async fn one_bad_part_is_enough() {
        let ready = Health::new(vec![probe("database", Ok(Condition::Good)), probe("clock", Ok(Condition::Warning))]);
        assert!(ready.readiness().await.ready);
        let unready = Health::new(vec![probe("database", Err("away")), probe("redis", Ok(Condition::Good))]);
        let found = unready.readiness().await;
        assert!(!found.ready);
        assert_eq!(found.parts[0], Finding { part: "database", health: Condition::Bad, found: "away".to_owned() });
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_says_nothing_does_not_work() {
        let silent = Health::new(vec![Probe::new("redis", std::future::pending)]);
        assert!(!silent.readiness().await.ready);
    }
}
