//! An entry of a lane's stream as it comes from Redis.
//!
//! Fields: `job` (JSON), `attempts` (counted deliveries so far, absent at first), `trace` (W3C traceparent, optional). Whatever else a
//! publisher adds is carried along.

use std::collections::HashMap;

use redis::RedisResult;
use redis::aio::ConnectionLike;

use crate::lane::Lane;
use crate::scripts;

/// Fields of an entry by name.
pub(crate) type Fields = HashMap<String, Vec<u8>>;

/// Entries of one stream, each with its id.
pub(crate) type Entries = Vec<(String, Fields)>;

/// Names and values in turn, as Redis sends them. Any bytes may be either, and none may fail a batch: what failed to convert here would
/// come back for ever, with its batch mates.
type Flat = Vec<Vec<u8>>;

/// [`Entries`] as Redis sends them.
type FlatEntries = Vec<(String, Flat)>;

fn named(flat: Flat) -> Fields {
    let mut fields = Fields::with_capacity(flat.len() / 2);
    let mut parts = flat.into_iter();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        fields.insert(String::from_utf8_lossy(&name).into_owned(), value);
    }
    fields
}

/// An entry that this consumer now holds.
pub(crate) struct Entry {
    pub(crate) lane: Lane,
    pub(crate) id: String,
    /// Deliveries that ended without a word: the worker died or lost its lease.
    pub(crate) abandoned: u64,
    pub(crate) fields: Fields,
}

impl Entry {
    /// The number of the delivery that this is, 1 for the first.
    pub(crate) fn attempt(&self) -> u64 {
        let settled = self.text("attempts").and_then(|text| text.parse().ok()).unwrap_or(0);
        self.abandoned.saturating_add(settled).saturating_add(1)
    }

    pub(crate) fn traceparent(&self) -> Option<String> {
        self.text("trace").map(str::to_owned)
    }

    pub(crate) fn job(&self) -> Option<&[u8]> {
        self.fields.get("job").map(Vec::as_slice)
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

/// Who reads, and as part of what.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) group: String,
    /// Unique for each start of a process, so that a restarted worker is not taken for the dead one whose deliveries it must not renew.
    pub(crate) consumer: String,
}

impl Member {
    pub(crate) fn new(group: &str, name: &str) -> Self {
        Self { group: group.to_owned(), consumer: format!("{name}-{}", uuid::Uuid::new_v4().simple()) }
    }

    /// Entries that nobody has had yet: up to `count` of *each* stream. Without `block_ms` it answers at once.
    pub(crate) async fn read(
        &self,
        redis: &mut impl ConnectionLike,
        streams: &[&str],
        count: usize,
        block_ms: Option<u64>,
    ) -> RedisResult<Vec<(String, Entries)>> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&self.group).arg(&self.consumer).arg("COUNT").arg(count);
        if let Some(block_ms) = block_ms {
            command.arg("BLOCK").arg(block_ms);
        }
        command.arg("STREAMS").arg(streams).arg(vec![">"; streams.len()]);
        let answer: Option<Vec<(String, FlatEntries)>> = command.query_async(redis).await?;
        let named = |(id, flat)| (id, named(flat));
        Ok(answer.unwrap_or_default().into_iter().map(|(stream, flat)| (stream, flat.into_iter().map(named).collect())).collect())
    }

    /// Ids of the entries that this consumer holds. Asked in this way because reading them once more would count as a delivery of each.
    pub(crate) async fn held(&self, redis: &mut impl ConnectionLike, stream: &str) -> RedisResult<Vec<String>> {
        const MORE_THAN_ANY_WORKER_HOLDS: usize = 100_000;
        let mut command = redis::cmd("XPENDING");
        command.arg(stream).arg(&self.group).arg("-").arg("+").arg(MORE_THAN_ANY_WORKER_HOLDS).arg(&self.consumer);
        let pending: Vec<(String, String, u64, u64)> = command.query_async(redis).await?;
        Ok(pending.into_iter().map(|(id, ..)| id).collect())
    }

    /// Entries by id, as far as they exist. Changes nothing.
    pub(crate) async fn look_up(&self, redis: &mut impl ConnectionLike, stream: &str, ids: &[String]) -> RedisResult<Entries> {
        if ids.is_empty() {
            return Ok(Entries::new());
        }
        let mut pipe = redis::pipe();
        for id in ids {
            pipe.cmd("XRANGE").arg(stream).arg(id).arg(id);
        }
        let found: Vec<FlatEntries> = pipe.query_async(redis).await?;
        Ok(found.into_iter().flatten().map(|(id, flat)| (id, named(flat))).collect())
    }

    /// Takes over up to `count` entries that were silent for `lease_ms`: id, deliveries so far, fields. Its own among `at_work` it renews.
    pub(crate) async fn claim(
        &self,
        redis: &mut impl ConnectionLike,
        stream: &str,
        lease_ms: u64,
        count: usize,
        at_work: &[String],
    ) -> RedisResult<Vec<(String, u64, Fields)>> {
        let mut call = scripts::CLAIM.key(stream);
        call.arg(&self.group).arg(&self.consumer).arg(lease_ms).arg(count).arg(at_work);
        let claimed: Vec<(String, u64, Flat)> = call.invoke_async(redis).await?;
        Ok(claimed.into_iter().map(|(id, deliveries, flat)| (id, deliveries, named(flat))).collect())
    }

    /// Creates the group, from the stream's first entry on, where it is missing.
    pub(crate) async fn create_group(&self, redis: &mut impl ConnectionLike, stream: &str) -> RedisResult<()> {
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(stream).arg(&self.group).arg("0").arg("MKSTREAM");
        match command.query_async::<()>(redis).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            other => other,
        }
    }

    /// Deletes consumers that hold nothing and were silent for `idle_ms`.
    pub(crate) async fn forget_others(&self, redis: &mut impl ConnectionLike, stream: &str, idle_ms: u64) -> RedisResult<u64> {
        scripts::FORGET.key(stream).arg(&self.group).arg(&self.consumer).arg(idle_ms).invoke_async(redis).await
    }

    /// Deregisters this consumer; what it holds goes to the back of the stream at once.
    pub(crate) async fn leave(&self, redis: &mut impl ConnectionLike, stream: &str) -> RedisResult<()> {
        const SLICE: usize = 500;
        let mut call = scripts::LEAVE.key(stream);
        call.arg(&self.group).arg(&self.consumer).arg(SLICE);
        while call.invoke_async::<usize>(redis).await? == SLICE {}
        Ok(())
    }
}

/// Whether the group, and maybe all of Redis, is gone: somebody flushed it, or it came back empty.
pub(crate) fn is_group_missing(error: &redis::RedisError) -> bool {
    error.code() == Some("NOGROUP")
}
