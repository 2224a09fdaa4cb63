//! Settings of a queue: one value is shared by everybody who publishes to it or works on it.

use std::fmt;
use std::time::Duration;

/// Where the queue lives and how patient it is.
///
/// ```
/// use orgmirror_queue::QueueConfig;
/// use std::time::Duration;
///
/// let config = QueueConfig::new("redis://127.0.0.1/", "mailer").lease(Duration::from_secs(20)).max_deliveries(8);
/// assert_eq!(config.group, "workers");
/// ```
#[derive(Clone)]
pub struct QueueConfig {
    /// `redis://[user:password@]host:port/database`.
    pub url: String,
    /// First part of every key. Used as hash tag, so that a Redis Cluster keeps all keys of a queue on one node.
    pub prefix: String,
    /// The consumer group. A queue has one: an entry is deleted when this group has finished it.
    pub group: String,
    /// How long a delivery may stay silent before another worker takes it over. Workers renew each third of it while a handler runs, so
    /// it bounds the wait after a crash, not the length of a job.
    pub lease: Duration,
    /// After so many counted deliveries an entry goes to the dead stream.
    pub max_deliveries: u64,
    /// Wait before the second attempt of a failed job; doubles with each further one.
    pub retry_base: Duration,
    /// Longest wait before another attempt.
    pub retry_max: Duration,
    /// About how many entries the dead stream keeps; the oldest go first.
    pub dead_entries_max: usize,
    /// How long a command may stay unanswered before its connection is given up. A stall of Redis that is shorter costs nothing.
    pub response_timeout: Duration,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// Consumers that hold nothing and were not seen for so long are deleted.
    pub forget_consumers_after: Duration,
    /// How long a stopping worker tries to tell Redis what it has finished. Past it, leases have to run out.
    pub close_timeout: Duration,
}

impl QueueConfig {
    /// A queue with settings that suit jobs of seconds.
    pub fn new(url: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: prefix.into(),
            group: "workers".into(),
            lease: Duration::from_secs(30),
            max_deliveries: 5,
            retry_base: Duration::from_millis(500),
            retry_max: Duration::from_secs(60),
            dead_entries_max: 10_000,
            response_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            forget_consumers_after: Duration::from_secs(600),
            close_timeout: Duration::from_secs(5),
        }
    }

    /// Sets [`group`](Self::group).
    #[must_use]
    pub fn group(self, group: impl Into<String>) -> Self {
        Self { group: group.into(), ..self }
    }

    /// Sets [`lease`](Self::lease).
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Sets [`max_deliveries`](Self::max_deliveries).
    #[must_use]
    pub fn max_deliveries(self, max_deliveries: u64) -> Self {
        Self { max_deliveries, ..self }
    }

    /// Sets [`retry_base`](Self::retry_base) and [`retry_max`](Self::retry_max).
    #[must_use]
    pub fn retry(self, retry_base: Duration, retry_max: Duration) -> Self {
        Self { retry_base, retry_max, ..self }
    }

    /// Sets [`dead_entries_max`](Self::dead_entries_max).
    #[must_use]
    pub fn dead_entries_max(self, dead_entries_max: usize) -> Self {
        Self { dead_entries_max, ..self }
    }

    /// Sets [`response_timeout`](Self::response_timeout).
    #[must_use]
    pub fn response_timeout(self, response_timeout: Duration) -> Self {
        Self { response_timeout, ..self }
    }

    /// Sets [`forget_consumers_after`](Self::forget_consumers_after).
    #[must_use]
    pub fn forget_consumers_after(self, forget_consumers_after: Duration) -> Self {
        Self { forget_consumers_after, ..self }
    }

    /// Sets [`close_timeout`](Self::close_timeout).
    #[must_use]
    pub fn close_timeout(self, close_timeout: Duration) -> Self {
        Self { close_timeout, ..self }
    }
}

/// Leaves the address out: it may hold a password.
impl fmt::Debug for QueueConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueConfig")
            .field("prefix", &self.prefix)
            .field("group", &self.group)
            .field("lease", &self.lease)
            .field("max_deliveries", &self.max_deliveries)
            .finish_non_exhaustive()
    }
}
