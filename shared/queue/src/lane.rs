//! Lanes, and the keys that hold them.

use std::fmt;

/// Two queues in one: a free slot takes from the bulk lane only when the interactive one is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody waits for it.
    Interactive,
    /// Everything else.
    Bulk,
}

impl Lane {
    /// All lanes, the one to serve first in front.
    pub const ALL: [Lane; 2] = [Lane::Interactive, Lane::Bulk];

    /// The lane's word in keys, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Lane::Interactive => "interactive",
            Lane::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names of all keys of a queue. They share one hash tag, since scripts and transactions touch several of them at once.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    streams: [String; 2],
    delayed: [String; 2],
    dead: String,
    workers: String,
    probe: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        let tagged = if prefix.contains('{') { prefix.to_owned() } else { format!("{{{prefix}}}") };
        Self {
            streams: Lane::ALL.map(|lane| format!("{tagged}:{lane}")),
            delayed: Lane::ALL.map(|lane| format!("{tagged}:{lane}:delayed")),
            dead: format!("{tagged}:dead"),
            workers: format!("{tagged}:workers"),
            probe: format!("{tagged}:probe"),
        }
    }

    /// Entries that wait for a worker or are with one.
    pub(crate) fn stream(&self, lane: Lane) -> &str {
        &self.streams[lane as usize]
    }

    /// Sorted set of entries that wait for their time.
    pub(crate) fn delayed(&self, lane: Lane) -> &str {
        &self.delayed[lane as usize]
    }

    /// Entries that were given up, of both lanes, with the reason.
    pub(crate) fn dead(&self) -> &str {
        &self.dead
    }

    /// Written to see whether Redis can write.
    pub(crate) fn probe(&self) -> &str {
        &self.probe
    }

    /// Sorted set of workers, by when they were last heard of.
    pub(crate) fn workers(&self) -> &str {
        &self.workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_share_the_hash_tag() {
        let keys = Keys::new("orgmirror");
        assert_eq!(keys.stream(Lane::Bulk), "{orgmirror}:bulk");
        assert_eq!(keys.delayed(Lane::Interactive), "{orgmirror}:interactive:delayed");
        assert_eq!(Keys::new("a:{b}:c").dead(), "a:{b}:c:dead");
    }
}
