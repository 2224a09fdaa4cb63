//! Where the fetcher leaves tasks for apalis to pick up.
//!
//! Every task here has a slot, so it waits only for the worker's next poll. It is no channel because of the stop: apalis does not poll
//! its backend again until the last running handler has ended, and what lies here must not wait for that.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

pub(crate) struct Handover<T>(Mutex<State<T>>);

struct State<T> {
    waiting: VecDeque<T>,
    waker: Option<Waker>,
    closed: bool,
}

impl<T> Handover<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { waiting: VecDeque::new(), waker: None, closed: false }))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves tasks; gives them back where nobody will pick them up any more.
    pub(crate) fn leave(&self, tasks: Vec<T>) -> Vec<T> {
        let mut state = self.state();
        if state.closed {
            return tasks;
        }
        state.waiting.extend(tasks);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Vec::new()
    }

    /// The next task; `None` after the end.
    pub(crate) fn poll_pick_up(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.state();
        match state.waiting.pop_front() {
            Some(task) => Poll::Ready(Some(task)),
            None if state.closed => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Ends it. Whoever closes gets what was not picked up.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut state = self.state();
        state.closed = true;
        state.waiting.drain(..).collect()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }
}
