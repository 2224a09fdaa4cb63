//! The layer around the handler that learns how each delivery ended.
//!
//! It also stops panics here: apalis polls all handlers in one task, so a panic that got further would end the worker and all its jobs.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc::WeakUnboundedSender;
use tower::{Layer, Service};

use crate::config::QueueConfig;
use crate::delivery::Delivery;
use crate::fate::{Fate, HandlerPanic};
use crate::in_flight::InFlight;
use crate::session::Settlement;

/// Made by [`StreamBackend`](crate::StreamBackend); apalis puts it around all layers of the worker.
#[derive(Clone)]
pub struct SettleLayer(pub(crate) Arc<Settling>);

/// What is needed to settle a delivery.
pub(crate) struct Settling {
    pub(crate) config: QueueConfig,
    pub(crate) in_flight: Arc<InFlight>,
    /// Weak, since apalis keeps the service longer than the backend may be kept open.
    pub(crate) settlements: WeakUnboundedSender<Settlement>,
}

impl Settling {
    fn settle<R>(&self, delivery: Delivery, outcome: &Result<R, BoxDynError>) {
        let Delivery { id, lane, attempt, .. } = delivery;
        let fate = Fate::of(outcome, attempt, &self.config, rand::random());
        self.in_flight.free_slot(lane, &id);
        if let Some(settlements) = self.settlements.upgrade() {
            let _ = settlements.send(Settlement { lane, id, fate });
        }
    }
}

impl<S> Layer<S> for SettleLayer {
    type Service = Settle<S>;

    fn layer(&self, inner: S) -> Settle<S> {
        Settle { inner, settling: self.0.clone() }
    }
}

/// The handler with all its layers, and how its deliveries are settled.
#[derive(Clone)]
pub struct Settle<S> {
    inner: S,
    settling: Arc<Settling>,
}

impl<S, T> Service<Task<T>> for Settle<S>
where
    S: Service<Task<T>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxDynError>,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<S::Response, BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<T>) -> Self::Future {
        let delivery = task.data().get::<Delivery>().cloned();
        let settling = self.settling.clone();
        let started = catch_unwind(AssertUnwindSafe(|| self.inner.call(task)));
        async move {
            let ended = match started {
                Ok(handler) => AssertUnwindSafe(handler).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let outcome = match ended {
                Ok(outcome) => outcome.map_err(Into::into),
                Err(panic) => Err(HandlerPanic(words_of(panic.as_ref())).into()),
            };
            if let Some(delivery) = delivery {
                settling.settle(delivery, &outcome);
            }
            outcome
        }
        .boxed()
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".into())
}
