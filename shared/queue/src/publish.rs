//! Adding jobs to a queue and asking how full it is.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::config::QueueConfig;
use crate::error::QueueError;
use crate::lane::{Keys, Lane};
use crate::link::Link;
use crate::outage::Outage;
use crate::scripts;

/// Commands sent in one go. More would hold up everybody else's commands without being faster.
const CHUNK: usize = 1_000;

/// Adds jobs to a queue. Cheap to clone; clones share a connection, which opens at the first call and again after every failure.
#[derive(Clone)]
pub struct Publisher {
    group: Arc<str>,
    lease: Duration,
    keys: Arc<Keys>,
    link: Link,
    traceparent: Option<Arc<str>>,
}

/// How full a queue is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Work that somebody waits for.
    pub interactive: LaneDepth,
    /// All other work.
    pub bulk: LaneDepth,
    /// Entries that were given up, of both lanes.
    pub dead: u64,
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneDepth {
    /// Waiting for a free slot.
    pub ready: u64,
    /// With a worker, not yet acknowledged.
    pub delivered: u64,
    /// Waiting for their time, after a failure or because they were postponed.
    pub delayed: u64,
    /// How long ago the oldest entry that is ready or delivered was added.
    pub oldest: Option<Duration>,
}

impl LaneDepth {
    /// Everything that is not finished.
    pub fn outstanding(&self) -> u64 {
        self.ready + self.delivered + self.delayed
    }
}

impl Depth {
    /// The figures of one lane.
    pub fn lane(&self, lane: Lane) -> &LaneDepth {
        match lane {
            Lane::Interactive => &self.interactive,
            Lane::Bulk => &self.bulk,
        }
    }
}

impl Publisher {
    /// Connects when it is first used; a wrong address shows only then.
    pub fn new(config: QueueConfig) -> Self {
        Self {
            link: Link::new(&config, "publish", &Outage::default()),
            keys: Arc::new(Keys::new(&config.prefix)),
            lease: config.lease,
            group: config.group.into(),
            traceparent: None,
        }
    }

    /// The same publisher, whose jobs carry this trace context to their handlers.
    #[must_use]
    pub fn traced(&self, traceparent: impl Into<Arc<str>>) -> Self {
        Self { traceparent: Some(traceparent.into()), ..self.clone() }
    }

    /// Adds jobs, in their order. If it fails some may have been added; publishing all of them again delivers those twice.
    pub async fn publish<T: Serialize>(&self, lane: Lane, jobs: &[T]) -> Result<(), QueueError> {
        for chunk in jobs.chunks(CHUNK) {
            let mut pipe = redis::pipe();
            for job in chunk {
                let command = pipe.cmd("XADD").arg(self.keys.stream(lane)).arg("*").arg("job").arg(serde_json::to_vec(job)?);
                if let Some(traceparent) = &self.traceparent {
                    command.arg("trace").arg(&**traceparent);
                }
                command.ignore();
            }
            pipe.exec_async(&mut self.link.clone()).await?;
        }
        Ok(())
    }

    /// Adds jobs from the first on while no more than `window` of the lane are outstanding, and says how many it added. The bound holds
    /// with any number of publishers.
    pub async fn publish_within<T: Serialize>(&self, lane: Lane, window: u64, jobs: &[T]) -> Result<usize, QueueError> {
        let mut published = 0;
        for chunk in jobs.chunks(CHUNK) {
            let mut call = scripts::PUBLISH_WITHIN.key(self.keys.stream(lane));
            call.key(self.keys.delayed(lane)).arg(window).arg(self.traceparent.as_deref().unwrap_or_default());
            for job in chunk {
                call.arg(serde_json::to_vec(job)?);
            }
            let added: usize = call.invoke_async(&mut self.link.clone()).await?;
            published += added;
            if added < chunk.len() {
                break;
            }
        }
        Ok(published)
    }

    /// How many jobs of a lane are not finished, whether ready, delivered or delayed. As cheap as a call can be.
    pub async fn outstanding(&self, lane: Lane) -> Result<u64, QueueError> {
        let mut pipe = redis::pipe();
        pipe.cmd("XLEN").arg(self.keys.stream(lane)).cmd("ZCARD").arg(self.keys.delayed(lane));
        let (in_stream, delayed): (u64, u64) = pipe.query_async(&mut self.link.clone()).await?;
        Ok(in_stream + delayed)
    }

    /// All figures of the queue, for metrics and scaling.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        let dead = redis::cmd("XLEN").arg(self.keys.dead()).query_async(&mut self.link.clone()).await?;
        Ok(Depth { interactive: self.lane_depth(Lane::Interactive).await?, bulk: self.lane_depth(Lane::Bulk).await?, dead })
    }

    /// Whether Redis answers and can write: a replica answers too, and so does a server whose disk is full.
    pub async fn check(&self) -> Result<(), QueueError> {
        let mut write = redis::cmd("SET");
        write.arg(self.keys.probe()).arg(1).arg("PX").arg(1_000);
        Ok(write.exec_async(&mut self.link.clone()).await?)
    }

    /// How many workers were heard of within a lease. One that died counts until then.
    pub async fn workers(&self) -> Result<usize, QueueError> {
        let lease_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        Ok(scripts::WORKERS.key(self.keys.workers()).arg(lease_ms).invoke_async(&mut self.link.clone()).await?)
    }

    async fn lane_depth(&self, lane: Lane) -> Result<LaneDepth, QueueError> {
        let mut call = scripts::DEPTH.key(self.keys.stream(lane));
        call.key(self.keys.delayed(lane)).arg(&*self.group);
        let (in_stream, delivered, delayed, oldest_ms): (u64, u64, u64, i64) = call.invoke_async(&mut self.link.clone()).await?;
        Ok(LaneDepth {
            ready: in_stream.saturating_sub(delivered),
            delivered,
            delayed,
            oldest: u64::try_from(oldest_ms).ok().map(Duration::from_millis),
        })
    }
}
