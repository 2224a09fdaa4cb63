//! What to measure, and at which size.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// The size that the product is built for.
const USERS: usize = 120_000;
const GROUPS: usize = 110_000;

/// Measures the product as ratios within one run.
///
/// Example: `cargo xtask bench --users 3000 --groups 1000 --only sync`
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
pub(crate) struct Options {
    /// The product's executable, of the release build.
    #[arg(long, env = "ORGMIRROR_BIN", value_name = "FILE")]
    pub(crate) executable: PathBuf,
    /// Users of the simulated organisation.
    #[arg(long, default_value_t = USERS, value_name = "N")]
    pub(crate) users: usize,
    /// Groups of the simulated organisation.
    #[arg(long, default_value_t = GROUPS, value_name = "N")]
    pub(crate) groups: usize,
    /// Users where many workers are measured; as many as above unless set.
    #[arg(long, value_name = "N")]
    scaling_users: Option<usize>,
    /// Groups where many workers are measured; as many as above unless set.
    #[arg(long, value_name = "N")]
    scaling_groups: Option<usize>,
    /// How many milliseconds each answer takes while one worker syncs; at 0, the computer alone decides.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) latency_ms: u32,
    /// Jobs of each round of the queue.
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    pub(crate) queue_jobs: usize,
    /// Only this part; may be given several times.
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Where the table is kept; unset: in bench/results.md, if the run was whole and at full size.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// First, unchanged and active sync against the floor; calls; memory.
    Sync,
    /// One to eight workers at a high latency.
    Scaling,
    /// Eight workers on one directory, against its longest chain.
    OneDirectory,
    /// Four workers under limits on calls that they have to learn.
    Limits,
    /// The queue against bare streams.
    Queue,
    /// First pages of the console with fifty people at once, and its memory.
    Console,
}

/// Size of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) users: usize,
    pub(crate) groups: usize,
}

impl Options {
    pub(crate) fn includes(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Of the organisation that is synced with all speed.
    pub(crate) fn size(&self) -> Size {
        Size { users: self.users, groups: self.groups }
    }

    /// Of the organisation that many workers sync.
    pub(crate) fn scaling_size(&self) -> Size {
        Size { users: self.scaling_users.unwrap_or(self.users), groups: self.scaling_groups.unwrap_or(self.groups) }
    }

    /// Both sizes, for the report.
    pub(crate) fn sizes(&self) -> String {
        let in_words = |size: Size| format!("{} users and {} groups", size.users, size.groups);
        let scaling = match self.scaling_size() {
            size if size == self.size() => String::new(),
            size => format!(", for scaling {}", in_words(size)),
        };
        let full = if self.is_full_size() { "" } else { " (the targets are meant for full size)" };
        format!("{}{scaling}{full}", in_words(self.size()))
    }

    pub(crate) fn keep_at(&self) -> Option<PathBuf> {
        let whole = self.only.is_empty() && self.is_full_size() && self.latency_ms == 0;
        let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results.md");
        self.keep.clone().or_else(|| whole.then(own))
    }

    fn is_full_size(&self) -> bool {
        let full = Size { users: USERS, groups: GROUPS };
        self.size() == full && self.scaling_size() == full
    }
}
