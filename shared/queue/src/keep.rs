//! Housekeeping at intervals: leases, delays, dead consumers, and the first moment of a stop.
//!
//! Every worker does it for the whole queue where that is safe, so nothing depends on a particular one being alive.

use std::sync::Arc;
use std::time::Duration;

use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;
use redis::RedisResult;
use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::backoff::Backoff;
use crate::fetch::return_unstarted;
use crate::handover::Handover;
use crate::lane::Lane;
use crate::scripts;
use crate::session::{Session, Settlement};

/// Also the precision of delays.
const TICK: Duration = Duration::from_millis(100);
/// Delayed entries moved by one call: Redis does nothing else meanwhile.
const SLICE: usize = 500;

pub(crate) struct Keeper<T> {
    pub(crate) session: Arc<Session>,
    pub(crate) handover: Arc<Handover<Task<T>>>,
    /// Weak: the settler ends when all senders are gone, and leases are kept until then.
    pub(crate) settlements: WeakUnboundedSender<Settlement>,
    pub(crate) worker: WorkerContext,
}

impl<T: Send + 'static> Keeper<T> {
    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        let (lease, forget_after) = (self.session.config.lease, self.session.config.forget_consumers_after);
        let (mut next_renewal, mut next_forgetting) = (Instant::now(), Instant::now());
        let mut backoff = Backoff::new();
        let mut ticks = interval(TICK.min(lease / 6).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.notice_stop();
            let done = async {
                if Instant::now() >= next_renewal {
                    self.renew().await?;
                    self.be_present().await?;
                    next_renewal = Instant::now() + lease / 3;
                }
                if Instant::now() >= next_forgetting {
                    self.forget_consumers().await?;
                    next_forgetting = Instant::now() + forget_after / 2;
                }
                self.promote().await
            };
            match done.await {
                Ok(()) => backoff.reset(),
                Err(_) => backoff.pause().await, // the link has told the log
            }
        }
    }

    /// apalis tells its backend of a stop only after the last handler has ended, which may take long.
    fn notice_stop(&self) {
        if self.worker.is_shutting_down()
            && !self.handover.is_closed()
            && let Some(settlements) = self.settlements.upgrade()
        {
            self.handover.close().iter().for_each(|task| return_unstarted(&settlements, task));
        }
    }

    async fn renew(&self) -> RedisResult<()> {
        let Session { keys, member, commands, in_flight, .. } = &*self.session;
        for lane in Lane::ALL {
            let ids = in_flight.ids(lane);
            if ids.is_empty() {
                continue;
            }
            let mut call = scripts::RENEW.key(keys.stream(lane));
            let renewed =
                call.arg(&member.group).arg(&member.consumer).arg(&ids).invoke_async::<usize>(&mut commands.clone()).await;
            match renewed {
                // Flushed: the handlers that run are beyond recall, and their jobs unknown to Redis.
                Err(error) if crate::entry::is_group_missing(&error) => {}
                Err(error) => return Err(error),
                Ok(renewed) => tracing::trace!(%lane, renewed, held = ids.len(), "renewed leases"),
            }
        }
        Ok(())
    }

    async fn be_present(&self) -> RedisResult<()> {
        let Session { keys, member, commands, config, .. } = &*self.session;
        let forgotten_ms = u64::try_from(config.forget_consumers_after.as_millis()).unwrap_or(u64::MAX);
        let mut call = scripts::PRESENT.key(keys.workers());
        call.arg(&member.consumer).arg(forgotten_ms).invoke_async(&mut commands.clone()).await
    }

    async fn promote(&self) -> RedisResult<()> {
        let Session { keys, commands, .. } = &*self.session;
        let mut call = scripts::PROMOTE.prepare_invoke();
        for lane in Lane::ALL {
            call.key(keys.stream(lane)).key(keys.delayed(lane));
        }
        call.arg(SLICE);
        while call.invoke_async::<usize>(&mut commands.clone()).await? == SLICE {}
        Ok(())
    }

    async fn forget_consumers(&self) -> RedisResult<()> {
        let Session { keys, member, commands, config, .. } = &*self.session;
        let idle_ms = u64::try_from(config.forget_consumers_after.as_millis()).unwrap_or(u64::MAX);
        for lane in Lane::ALL {
            member.forget_others(&mut commands.clone(), keys.stream(lane), idle_ms).await?;
        }
        Ok(())
    }
}
