//! Takes entries from Redis, as many as can start at once and never more: nothing ages in a buffer of this process.
//!
//! Order within a round: lost and abandoned entries of a lane before its new ones, everything interactive before everything bulk. So a slot that
//! becomes free while both lanes are full always goes to the interactive one. Only when both are empty does the fetcher wait, on both.

use std::sync::Arc;
use std::time::Duration;

use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use redis::RedisResult;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::backoff::Backoff;
use crate::decode::decode;
use crate::delivery::Delivery;
use crate::entry::{Entry, is_group_missing};
use crate::fate::Fate;
use crate::handover::Handover;
use crate::lane::Lane;
use crate::session::{Session, Settlement, Settlements};

/// Most entries asked for in one go.
const BATCH: usize = 128;
/// How long a read waits for an entry, and thereby how long an idle worker takes to stop.
const BLOCK: Duration = Duration::from_millis(250);

pub(crate) struct Fetcher<T> {
    pub(crate) session: Arc<Session>,
    pub(crate) handover: Arc<Handover<Task<T>>>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) settlements: Settlements,
    pub(crate) worker: WorkerContext,
}

impl<T: DeserializeOwned + Send + 'static> Fetcher<T> {
    /// Runs until the handover is closed.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new();
        let mut next_claim = Instant::now();
        let mut answer_lost = false;
        while !self.handover.is_closed() {
            let Some(slots) = self.free_slots().await else { continue };
            let claiming = Instant::now() >= next_claim;
            let steps = Step::ALL.into_iter().filter(|step| match step {
                Step::Recover => answer_lost,
                Step::Claim => claiming,
                Step::Read => true,
            });
            match self.take(&steps.collect::<Vec<_>>(), slots.num_permits()).await {
                Ok((entries, cut_short)) => {
                    // A full round of claims may have left some behind: the next round claims again.
                    if claiming && entries.iter().all(|entry| entry.abandoned == 0) {
                        next_claim = Instant::now() + self.session.config.lease / 3;
                    }
                    answer_lost = cut_short;
                    backoff.reset();
                    self.hand_over(entries, slots);
                }
                Err(error) if is_group_missing(&error) && self.create_groups().await.is_ok() => {}
                Err(_) => {
                    answer_lost = true;
                    backoff.pause().await; // the link has told the log
                }
            }
        }
    }

    /// Waits for a slot, then takes all that are free. `None` when it is time to look whether the worker stops or is paused.
    async fn free_slots(&self) -> Option<OwnedSemaphorePermit> {
        let mut first = timeout(BLOCK, self.slots.clone().acquire_owned()).await.ok()?.ok()?;
        if self.worker.is_paused() {
            tokio::time::sleep(BLOCK).await;
            return None;
        }
        let more = self.slots.available_permits().min(BATCH - 1);
        if let Ok(others) = self.slots.clone().try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
            first.merge(others);
        }
        Some(first)
    }

    /// One round. An error is one only while nothing was taken, since what Redis has delivered must be handed over; else it is told beside
    /// the entries that the round was cut short.
    async fn take(&self, steps: &[Step], room: usize) -> RedisResult<(Vec<Entry>, bool)> {
        let mut taken = Vec::new();
        for lane in Lane::ALL {
            for step in steps {
                if taken.len() >= room {
                    return Ok((taken, steps.contains(&Step::Recover))); // not yet in every lane
                }
                match self.take_from(lane, *step, room - taken.len()).await {
                    Ok(entries) => taken.extend(entries),
                    Err(error) if taken.is_empty() => return Err(error),
                    Err(_) => return Ok((taken, true)),
                }
            }
        }
        let entries = if taken.is_empty() { self.wait(room).await? } else { taken };
        Ok((entries, false))
    }

    async fn take_from(&self, lane: Lane, step: Step, count: usize) -> RedisResult<Vec<Entry>> {
        let Session { keys, member, in_flight, .. } = &*self.session;
        let (mut redis, stream) = (self.session.reads.clone(), keys.stream(lane));
        let not_abandoned = |(id, fields)| Entry { lane, id, abandoned: 0, fields };
        Ok(match step {
            Step::Recover => {
                let mut lost = member.held(&mut redis, stream).await?;
                lost.retain(|id| !in_flight.contains(lane, id));
                member.look_up(&mut redis, stream, &lost).await?.into_iter().map(not_abandoned).collect()
            }
            Step::Claim => {
                let claimed = member.claim(&mut redis, stream, self.session.lease_ms(), count, &in_flight.ids(lane)).await?;
                claimed.into_iter().map(|(id, abandoned, fields)| Entry { lane, id, abandoned, fields }).collect()
            }
            Step::Read => {
                let read = member.read(&mut redis, &[stream], count, None).await?;
                read.into_iter().flat_map(|(_, entries)| entries).map(not_abandoned).collect()
            }
        })
    }

    /// Waits on both lanes. Redis counts for each stream apart, so half the room is asked of each; with room for one, an entry of both
    /// may come at the same moment, and the bulk one is handed back.
    async fn wait(&self, room: usize) -> RedisResult<Vec<Entry>> {
        let Session { keys, member, reads, .. } = &*self.session;
        let streams = Lane::ALL.map(|lane| keys.stream(lane));
        let block_ms = u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX);
        let read = member.read(&mut reads.clone(), &streams, (room / 2).max(1), Some(block_ms)).await?;
        let mut entries = Vec::new();
        for (stream, of_lane) in read {
            let lane = if stream == keys.stream(Lane::Interactive) { Lane::Interactive } else { Lane::Bulk };
            entries.extend(of_lane.into_iter().map(|(id, fields)| Entry { lane, id, abandoned: 0, fields }));
        }
        Ok(entries)
    }

    async fn create_groups(&self) -> RedisResult<()> {
        let Session { keys, member, reads, .. } = &*self.session;
        for lane in Lane::ALL {
            member.create_group(&mut reads.clone(), keys.stream(lane)).await?;
        }
        tracing::debug!(group = member.group, "created the consumer group, which was missing");
        Ok(())
    }

    /// Gives each entry its slot and leaves it for apalis; settles at once what can't be started.
    fn hand_over(&self, entries: Vec<Entry>, mut slots: OwnedSemaphorePermit) {
        let mut tasks = Vec::with_capacity(entries.len());
        for entry in entries {
            if self.session.in_flight.contains(entry.lane, &entry.id) {
                continue; // This very worker is at it.
            }
            match self.admit(&entry, &mut slots) {
                Ok(task) => tasks.push(task),
                Err(fate) => self.settle(entry.lane, entry.id, fate),
            }
        }
        for task in self.handover.leave(tasks) {
            return_unstarted(&self.settlements, &task);
        }
    }

    /// The entry as a task that occupies a slot, or what else must become of it.
    fn admit(&self, entry: &Entry, slots: &mut OwnedSemaphorePermit) -> Result<Task<T>, Fate> {
        let attempt = entry.attempt();
        if attempt > self.session.config.max_deliveries {
            let reason = format!("{} deliveries ended without a word: did it kill its workers?", entry.abandoned);
            return Err(Fate::Dead { attempts: attempt - 1, reason });
        }
        let job = decode(entry.job()).map_err(|reason| Fate::Dead { attempts: attempt, reason })?;
        let Some(slot) = slots.split(1) else {
            return Err(Fate::Return { attempts: attempt - 1 });
        };
        self.session.in_flight.start(entry.lane, &entry.id, slot);
        let delivery = Delivery { id: entry.id.clone(), lane: entry.lane, attempt, traceparent: entry.traceparent() };
        Ok(TaskBuilder::new(job)
            .task_id(TaskId::from_string(format!("{}/{}", entry.lane, entry.id))) // apalis wants it unique among running tasks
            .attempt(usize::try_from(attempt - 1).unwrap_or(usize::MAX))
            .data(delivery)
            .build())
    }

    fn settle(&self, lane: Lane, id: String, fate: Fate) {
        // The settler outlives every sender.
        let _ = self.settlements.send(Settlement { lane, id, fate });
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    /// What Redis delivered by an answer that got lost with its connection: nobody works on it, and it need not wait for its lease.
    Recover,
    /// What others have abandoned.
    Claim,
    /// What is new.
    Read,
}

impl Step {
    const ALL: [Step; 3] = [Step::Recover, Step::Claim, Step::Read];
}

/// Hands back a task that will not be started; it counts as no attempt.
pub(crate) fn return_unstarted<T>(settlements: &Settlements, task: &Task<T>) {
    if let Some(delivery) = task.data().get::<Delivery>() {
        let fate = Fate::Return { attempts: delivery.attempt - 1 };
        let _ = settlements.send(Settlement { lane: delivery.lane, id: delivery.id.clone(), fate });
    }
}
