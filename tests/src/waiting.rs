//! What stories wait for, and how they reach a world's Redis.

use anyhow::{Context, Result, ensure};
use orgmirror_domain::run::{Hold, Phase};
use orgmirror_queue::Lane;
use orgmirror_store::progress::RunView;
use orgmirror_store::request::Ticket;
use redis::aio::MultiplexedConnection;
use serde_json::Value;

use crate::world::{World, until};

impl World {
    /// Waits until the run is in that phase; it must not have left it.
    pub async fn reaches(&self, ticket: Ticket, phase: Phase) -> Result<()> {
        until(&format!("the run is {phase}"), async || {
            let run = self.run(ticket).await?;
            ensure!(run.phase <= phase, "the run is {} already, {:?}", run.phase, run.failure);
            Ok((run.phase == phase).then_some(()))
        })
        .await
    }

    /// Waits until the run waits for that reason; the run as it is then.
    pub async fn held(&self, ticket: Ticket, hold: Hold) -> Result<RunView> {
        let run = self.ended(ticket).await?;
        ensure!(run.hold == Some(hold), "the run is {}, {:?} {:?} {:?}", run.phase, run.hold, run.hold_reason, run.failure);
        Ok(run)
    }

    /// Waits until so many jobs of the run are done.
    pub async fn done(&self, ticket: Ticket, jobs: i64) -> Result<()> {
        until(&format!("{jobs} jobs are done"), async || {
            let run = self.run(ticket).await?;
            ensure!(run.phase != Phase::Failed, "the run failed: {:?}", run.failure);
            Ok((run.jobs.done >= jobs || run.phase.has_ended()).then_some(()))
        })
        .await
    }

    /// Waits until `held` calls of an operation wait at the simulator.
    pub async fn calls_wait(&self, operation: &str, held: u64) -> Result<()> {
        until(&format!("{held} calls of {operation} wait"), async || Ok((self.sim.held(operation).await? >= held).then_some(())))
            .await
    }

    /// Waits until the queue holds nothing.
    pub async fn queue_is_empty(&self) -> Result<()> {
        let publisher = self.publisher();
        until("the queue is empty", async || {
            let depth = publisher.depth().await?;
            Ok((depth.interactive.outstanding() + depth.bulk.outstanding() == 0).then_some(()))
        })
        .await
    }

    /// This world's Redis.
    pub async fn redis(&self) -> Result<MultiplexedConnection> {
        Ok(redis::Client::open(self.redis_url())?.get_multiplexed_async_connection().await?)
    }

    /// Key of the stream of a lane of this world's queue.
    pub fn lane_stream(&self, lane: Lane) -> String {
        format!("{{{}}}:{lane}", self.queue().prefix)
    }

    /// Pushes a request as any program would.
    pub async fn push_request(&self, body: &str) -> Result<()> {
        let stream = self.requests_stream();
        redis::cmd("XADD").arg(stream).arg("*").arg("request").arg(body).exec_async(&mut self.redis().await?).await?;
        Ok(())
    }

    /// One object of the truth, by the name and value of its id.
    pub async fn truth_of(&self, what: &str, field: &str, id: &str) -> Result<Value> {
        let lines = self.sim.truth(what).await?;
        lines.into_iter().find(|line| line[field] == id).with_context(|| format!("{id} is not among {what}"))
    }
}
