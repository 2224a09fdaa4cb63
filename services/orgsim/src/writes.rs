//! A record of every write that was asked for, so that tests can prove that each was made exactly once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::operation::Operation;

/// How many writes are kept; the oldest make room.
const KEPT: usize = 200_000;
/// How much of a body is kept, in characters.
const BODY: usize = 600;

/// The writes since the last reset.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    kept: VecDeque<Write>,
}

/// One write that reached the service.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Write {
    /// Counts up, in the order in which writes took effect or were refused.
    pub(crate) sequence: u64,
    /// RFC 3339, UTC.
    pub(crate) at: String,
    pub(crate) operation: Operation,
    pub(crate) target: Target,
    /// The body, cut short if it is long.
    pub(crate) body: String,
    /// The status that the operation itself came to; null if it was not begun.
    pub(crate) status: Option<u16>,
    /// Whether anything is different afterwards.
    pub(crate) changed: bool,
    /// What the caller got: a status, `dropped`, or `abandoned` if it did not wait.
    pub(crate) answered: String,
}

/// What a write is about, from its path.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    pub(crate) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_id: Option<String>,
}

impl Writes {
    /// Keeps a write and gives it its number. What its caller got is told later.
    pub(crate) fn record(&self, mut write: Write) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        write.sequence = inner.next;
        if write.body.chars().count() > BODY {
            write.body = write.body.chars().take(BODY).collect::<String>() + "...";
        }
        inner.kept.push_back(write);
        if inner.kept.len() > KEPT {
            inner.kept.pop_front();
        }
        inner.next
    }

    /// Says what the caller got: a status, or `dropped`.
    pub(crate) fn answered(&self, sequence: u64, ending: &str) {
        let mut inner = self.lock();
        let first = inner.kept.front().map_or(u64::MAX, |write| write.sequence);
        let at = sequence.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(write) = at.and_then(|at| inner.kept.get_mut(at)) {
            ending.clone_into(&mut write.answered);
        }
    }

    /// The writes that are kept, oldest first.
    pub(crate) fn all(&self) -> Vec<Write> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Forgets the writes; the numbers go on.
    pub(crate) fn forget(&self) {
        self.lock().kept.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
