//! Tells Redis how deliveries ended, many at a time, and until it has heard.
//!
//! Every step may be repeated: acknowledging twice changes nothing, and the script that moves an entry on asks first whether the
//! delivery is still this consumer's.

use std::sync::Arc;
use std::time::Duration;

use redis::{Pipeline, RedisResult};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::fate::Fate;
use crate::lane::Lane;
use crate::scripts;
use crate::session::{Session, Settlement};

/// Most deliveries settled by one transaction.
const BATCH: usize = 256;

/// Runs until nobody can send any more, then deregisters the consumer.
pub(crate) async fn settle(session: Arc<Session>, mut settlements: UnboundedReceiver<Settlement>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut patience = Patience::new(session.config.close_timeout);
    while settlements.recv_many(&mut batch, BATCH).await > 0 {
        batch.iter().for_each(tell_log);
        let transaction = transaction(&session, &batch);
        let mut backoff = Backoff::new();
        while transaction.exec_async(&mut session.commands.clone()).await.is_err() {
            if settlements.is_closed() && patience.is_over() {
                return;
            }
            backoff.pause().await;
        }
        for lane in Lane::ALL {
            let ids = batch.iter().filter(|settlement| settlement.lane == lane).map(|settlement| settlement.id.as_str());
            session.in_flight.settled(lane, ids);
        }
        batch.clear();
    }
    let mut backoff = Backoff::new();
    while leave(&session).await.is_err() && !patience.is_over() {
        backoff.pause().await;
    }
}

async fn leave(session: &Session) -> RedisResult<()> {
    for lane in Lane::ALL {
        session.member.leave(&mut session.commands.clone(), session.keys.stream(lane)).await?;
    }
    redis::cmd("ZREM").arg(session.keys.workers()).arg(&session.member.consumer).query_async(&mut session.commands.clone()).await
}

fn transaction(session: &Session, batch: &[Settlement]) -> Pipeline {
    let Session { config, keys, member, .. } = session;
    let mut pipe = redis::pipe();
    pipe.atomic();
    for lane in Lane::ALL {
        let done = batch.iter().filter(|settlement| settlement.lane == lane && settlement.fate == Fate::Done);
        let done: Vec<&str> = done.map(|settlement| settlement.id.as_str()).collect();
        if !done.is_empty() {
            pipe.cmd("XACK").arg(keys.stream(lane)).arg(&member.group).arg(&done).ignore();
            pipe.cmd("XDEL").arg(keys.stream(lane)).arg(&done).ignore();
        }
    }
    for Settlement { lane, id, fate } in batch {
        let (verb, attempts, detail) = match fate {
            Fate::Done => continue,
            Fate::Delay { attempts, wait } => ("delay", attempts, wait.as_millis().to_string()),
            Fate::Return { attempts } => ("return", attempts, String::new()),
            Fate::Dead { attempts, reason } => ("dead", attempts, reason.clone()),
        };
        pipe.cmd("EVAL").arg(scripts::SETTLE).arg(3).arg(keys.stream(*lane)).arg(keys.delayed(*lane)).arg(keys.dead());
        pipe.arg(&member.group).arg(&member.consumer).arg(id).arg(verb).arg(attempts).arg(detail);
        pipe.arg(lane.name()).arg(config.dead_entries_max).ignore();
    }
    pipe
}

/// Reasons stay in the dead stream: they may quote the job.
fn tell_log(settlement: &Settlement) {
    if let Fate::Dead { attempts, .. } = &settlement.fate {
        tracing::warn!(entry = settlement.id, lane = %settlement.lane, attempts, "gave up a job; the dead stream has it with the reason");
    }
}

/// How long a stopping worker waits for Redis, counted from when it first had to.
struct Patience {
    length: Duration,
    since: Option<Instant>,
}

impl Patience {
    fn new(length: Duration) -> Self {
        Self { length, since: None }
    }

    fn is_over(&mut self) -> bool {
        self.since.get_or_insert_with(Instant::now).elapsed() >= self.length
    }
}
