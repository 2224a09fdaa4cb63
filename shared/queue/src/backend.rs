//! The backend: what apalis sees of the queue.
//!
//! Its error is [`Infallible`]: apalis ends a worker whose backend fails, and no failure of Redis is worth that.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::QueueConfig;
use crate::fetch::{Fetcher, return_unstarted};
use crate::handover::Handover;
use crate::in_flight::InFlight;
use crate::keep::Keeper;
use crate::layer::{SettleLayer, Settling};
use crate::session::{Session, Settlement, Settlements};
use crate::settle::settle;

/// Feeds an apalis worker with jobs of type `T` from a queue.
///
/// ```no_run
/// use apalis_core::{error::BoxDynError, task::data::Data, worker::builder::WorkerBuilder};
/// use orgmirror_queue::{Delivery, QueueConfig, StreamBackend};
///
/// async fn send(mail: String, delivery: Data<Delivery>) -> Result<(), BoxDynError> {
///     println!("{mail}, attempt {}", delivery.attempt);
///     Ok(())
/// }
///
/// # async fn run() -> Result<(), apalis_core::error::WorkerError> {
/// let config = QueueConfig::new("redis://127.0.0.1/", "mailer");
/// WorkerBuilder::new("mailer").backend(StreamBackend::new(config, 16)).build(send).run().await
/// # }
/// ```
///
/// A dropped backend hands back what it holds as soon as Redis can be told. A killed process does not: its deliveries come back when
/// their leases have run out.
pub struct StreamBackend<T> {
    config: QueueConfig,
    concurrency: usize,
    handover: Arc<Handover<Task<T>>>,
    layer: SettleLayer,
    phase: Phase,
}

enum Phase {
    /// Not polled yet: a backend may be built before there is a runtime.
    Idle(Settlements, mpsc::UnboundedReceiver<Settlement>),
    Running(Tasks),
    Closing(BoxFuture<'static, ()>),
    Closed,
}

struct Tasks {
    settlements: Settlements,
    fetcher: JoinHandle<()>,
    settler: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

/// The settler is left alone: it ends by itself once it has told Redis everything.
impl Drop for Tasks {
    fn drop(&mut self) {
        self.fetcher.abort();
        self.keeper.abort();
    }
}

impl<T> StreamBackend<T> {
    /// A backend that runs up to `concurrency` handlers at a time. It connects when the worker starts.
    pub fn new(config: QueueConfig, concurrency: usize) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let settling = Settling { config: config.clone(), in_flight: Arc::default(), settlements: sender.downgrade() };
        Self {
            config,
            concurrency: concurrency.clamp(1, Semaphore::MAX_PERMITS),
            handover: Arc::new(Handover::new()),
            layer: SettleLayer(Arc::new(settling)),
            phase: Phase::Idle(sender, receiver),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> StreamBackend<T> {
    fn start(&self, settlements: Settlements, receiver: mpsc::UnboundedReceiver<Settlement>, worker: &WorkerContext) -> Tasks {
        let in_flight: Arc<InFlight> = self.layer.0.in_flight.clone();
        let session = Arc::new(Session::new(self.config.clone(), worker.name(), in_flight));
        let fetcher = Fetcher {
            session: session.clone(),
            handover: self.handover.clone(),
            slots: Arc::new(Semaphore::new(self.concurrency)),
            settlements: settlements.clone(),
            worker: worker.clone(),
        };
        let keeper = Keeper {
            session: session.clone(),
            handover: self.handover.clone(),
            settlements: settlements.downgrade(),
            worker: worker.clone(),
        };
        Tasks {
            settlements,
            fetcher: tokio::spawn(fetcher.run()),
            settler: tokio::spawn(settle(session, receiver)),
            keeper: tokio::spawn(keeper.run()),
        }
    }

    /// Called when the last handler has ended. The order matters: no new entries, then the last words, then the consumer goes; leases
    /// are renewed to the end.
    fn close(&self, mut tasks: Tasks) -> BoxFuture<'static, ()> {
        self.handover.close().iter().for_each(|task| return_unstarted(&tasks.settlements, task));
        let patience = self.config.close_timeout;
        async move {
            if timeout(patience, &mut tasks.fetcher).await.is_err() {
                tasks.fetcher.abort();
            }
            let (unused, _) = mpsc::unbounded_channel();
            drop(std::mem::replace(&mut tasks.settlements, unused)); // the last sender: the settler ends when it has read everything
            if timeout(patience * 2, &mut tasks.settler).await.is_err() {
                tracing::warn!("stopped without being able to tell Redis; what was running comes back when its lease is over");
            }
        }
        .boxed()
    }
}

impl<T: DeserializeOwned + Send + 'static> Backend for StreamBackend<T> {
    type Task = Task<T>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, worker: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if matches!(self.phase, Phase::Idle(..))
            && let Phase::Idle(sender, receiver) = std::mem::replace(&mut self.phase, Phase::Closed)
        {
            self.phase = Phase::Running(self.start(sender, receiver, worker));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Task<T>, Infallible>>> {
        Poll::Ready(ready!(self.handover.poll_pick_up(cx)).map(Ok))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Running(tasks) => Phase::Closing(self.close(tasks)),
            other => other,
        };
        if let Phase::Closing(closing) = &mut self.phase {
            ready!(closing.poll_unpin(cx));
            self.phase = Phase::Closed;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T> BackendConfig for StreamBackend<T> {
    type Args = T;
    type Id = String;
    type Kind = Ephemeral;
    type Config = QueueConfig;
    type Layer = SettleLayer;

    fn config(&self) -> &QueueConfig {
        &self.config
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> SettleLayer {
        self.layer.clone()
    }
}
