//! Reads a stream that belongs to somebody else: any program may append to it with a bare `XADD`.
//!
//! Unlike a queue there is no worker here. The caller takes a batch, makes it safe elsewhere, and acknowledges; what it does not
//! acknowledge comes back after a lease, to whoever asks then.

use std::collections::HashMap;
use std::time::Duration;

use redis::RedisResult;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::config::QueueConfig;
use crate::entry::{Member, is_group_missing};
use crate::error::QueueError;
use crate::link::Link;
use crate::outage::Outage;

/// How many rejected entries are kept, about.
const REJECTED_MAX: usize = 10_000;
/// Longest single wait, shorter than the time after which a connection that does not answer is given up.
const BLOCK_MAX: Duration = Duration::from_secs(2);

/// A reader of a foreign stream.
pub struct Inbox {
    stream: String,
    member: Member,
    lease: Duration,
    forget_consumers_after: Duration,
    reads: Link,
    commands: Link,
    next_claim: Mutex<Instant>,
}

/// An entry of a foreign stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its id in the stream.
    pub id: String,
    /// Its fields as they were written. A field that is written twice has its last value; a name that is no
    /// text has its bad bytes replaced.
    pub fields: HashMap<String, Vec<u8>>,
    /// 1 for the first delivery; more means that it was taken before and not acknowledged in time.
    pub delivery: u64,
}

impl Inbox {
    /// Connects when it is first used; a wrong address shows only then, in the log.
    pub fn new(url: impl Into<String>, stream: impl Into<String>, group: impl AsRef<str>) -> Self {
        let (config, outage) = (QueueConfig::new(url, ""), Outage::default());
        Self {
            stream: stream.into(),
            member: Member::new(group.as_ref(), "inbox"),
            lease: Duration::from_secs(60),
            forget_consumers_after: config.forget_consumers_after,
            reads: Link::new(&config, "read inbox", &outage),
            commands: Link::new(&config, "acknowledge inbox", &outage),
            next_claim: Mutex::new(Instant::now()),
        }
    }

    /// How long a taken entry may stay unacknowledged before it is given to somebody else; a minute unless told otherwise.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Up to `max` entries: those first that were taken and never acknowledged, else new ones, for which it waits up to `block`. Empty if
    /// none came, or if Redis was out of reach for so long, which the log tells.
    pub async fn next_batch(&self, max: usize, block: Duration) -> Vec<InboxEntry> {
        let deadline = Instant::now() + block;
        let mut backoff = Backoff::new();
        loop {
            let error = match self.try_batch(max.max(1), deadline).await {
                Ok(batch) if !batch.is_empty() || Instant::now() >= deadline => return batch,
                Ok(_) => continue,
                Err(error) => error,
            };
            let created =
                is_group_missing(&error) && self.member.create_group(&mut self.reads.clone(), &self.stream).await.is_ok();
            if !created {
                tokio::select! {
                    () = backoff.pause() => {}
                    () = sleep_until(deadline) => return Vec::new(),
                }
            }
        }
    }

    async fn try_batch(&self, max: usize, deadline: Instant) -> RedisResult<Vec<InboxEntry>> {
        let claimed = self.claim(max).await?;
        if !claimed.is_empty() {
            return Ok(claimed);
        }
        // A block of 0 would wait for ever.
        let wait = deadline.saturating_duration_since(Instant::now()).min(BLOCK_MAX);
        let wait = (wait >= Duration::from_millis(1)).then(|| u64::try_from(wait.as_millis()).unwrap_or(1));
        let read = self.member.read(&mut self.reads.clone(), &[&self.stream], max, wait).await?;
        Ok(read.into_iter().flat_map(|(_, entries)| entries).map(|(id, fields)| InboxEntry { id, fields, delivery: 1 }).collect())
    }

    async fn claim(&self, max: usize) -> RedisResult<Vec<InboxEntry>> {
        let mut next_claim = self.next_claim.lock().await;
        if Instant::now() < *next_claim {
            return Ok(Vec::new());
        }
        let mut redis = self.reads.clone();
        let claimed = self.member.claim(&mut redis, &self.stream, millis(self.lease), max, &[]).await?;
        if claimed.len() < max {
            *next_claim = Instant::now() + self.lease / 3;
            self.member.forget_others(&mut redis, &self.stream, millis(self.forget_consumers_after)).await?;
        }
        Ok(claimed.into_iter().map(|(id, before, fields)| InboxEntry { id, fields, delivery: before + 1 }).collect())
    }

    /// Removes an entry for good: what it asked for is safe elsewhere.
    pub async fn acknowledge(&self, id: &str) -> Result<(), QueueError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        self.remove(&mut pipe, id);
        Ok(pipe.exec_async(&mut self.commands.clone()).await?)
    }

    /// Sets an entry aside in `<stream>:rejected`, with its fields and the reason, and removes it.
    pub async fn reject(&self, entry: &InboxEntry, reason: &str) -> Result<(), QueueError> {
        let mut pipe = redis::pipe();
        let rejected = format!("{}:rejected", self.stream);
        pipe.atomic().cmd("XADD").arg(rejected).arg("MAXLEN").arg("~").arg(REJECTED_MAX).arg("*");
        for (field, value) in &entry.fields {
            pipe.arg(field).arg(value);
        }
        pipe.arg("reason").arg(reason).ignore();
        self.remove(&mut pipe, &entry.id);
        Ok(pipe.exec_async(&mut self.commands.clone()).await?)
    }

    fn remove(&self, pipe: &mut redis::Pipeline, id: &str) {
        pipe.cmd("XACK").arg(&self.stream).arg(&self.member.group).arg(id).ignore();
        pipe.cmd("XDEL").arg(&self.stream).arg(id).ignore();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
