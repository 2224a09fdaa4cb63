//! What can go wrong for callers. Workers never see these: they wait for Redis for ever.

/// Why a call to the queue failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The job can't be written as JSON. Trying again is useless.
    #[error("encode a job as JSON")]
    Encode(#[from] serde_json::Error),
    /// Redis is out of reach, stalled or refuses. The call may have taken effect, in part or whole; calling again later is safe where a
    /// second delivery of a job is.
    #[error("no good answer from Redis; the call may have taken effect, try again later")]
    Unavailable(#[from] redis::RedisError),
}
