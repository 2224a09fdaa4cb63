//! Jobs on Redis Streams for [apalis](https://docs.rs/apalis) workers.
//!
//! A [`Publisher`] adds jobs to one of two lanes, a [`StreamBackend`] feeds them to an apalis worker, and an [`Inbox`] reads a stream that
//! any program may write to. Delivery is at least once: a handler whose effect must happen once has to see to that itself, for no queue can.
//!
//! What holds
//! - Nothing is taken from Redis that can't start at once, so no job ages in a worker's memory, and a free slot goes to the interactive
//!   lane first.
//! - A delivery has a lease, renewed while its handler runs. Only its owner renews or settles it, except that whoever did the work may say so.
//! - Finished entries are deleted: memory is bounded by what is outstanding, plus the capped stream of entries that were given up.
//! - No failure of Redis ends a worker: killed, emptied, stalled or cut off, it goes on when Redis answers again. What Redis forgets is
//!   forgotten; publish it again from wherever it is recorded.
//! - No entry ends a worker: one that can't be decoded is set aside, a panic is a failed attempt, and a job that kills the whole process
//!   is given up when its deliveries are used up.
//!
//! ```no_run
//! use apalis::prelude::{BoxDynError, Data, Monitor, MonitorError, WorkerBuilder};
//! use orgmirror_queue::{Delivery, Lane, Postpone, Publisher, QueueConfig, StreamBackend};
//! use std::time::Duration;
//! use tokio_util::sync::CancellationToken;
//!
//! async fn send(mail: String, delivery: Data<Delivery>) -> Result<(), BoxDynError> {
//!     if mail.is_empty() {
//!         return Err(Postpone(Duration::from_secs(2)).into()); // comes back, holds no slot, counts as no attempt
//!     }
//!     println!("{mail}, attempt {}", delivery.attempt);
//!     Ok(())
//! }
//!
//! async fn run(stop: CancellationToken) -> Result<(), MonitorError> {
//!     let config = QueueConfig::new("redis://127.0.0.1/", "mailer").lease(Duration::from_secs(30));
//!     let publisher = Publisher::new(config.clone());
//!     tokio::spawn(async move { publisher.publish(Lane::Interactive, &["hello"]).await });
//!     Monitor::new()
//!         .register(move |_| WorkerBuilder::new("mailer").backend(StreamBackend::new(config.clone(), 16)).build(send))
//!         .shutdown_timeout(Duration::from_secs(25)) // running handlers may end until then
//!         .run_with_signal(async move {
//!             stop.cancelled().await;
//!             Ok(())
//!         })
//!         .await
//! }
//! ```
//!
//! Absent on purpose: results, job status, cron, priorities beyond two lanes, deduplication. Time limits belong into the handler: a layer
//! that cuts it off from outside is seen as a failure like any other.

mod backend;
mod backoff;
mod config;
mod decode;
mod delivery;
mod entry;
mod error;
mod fate;
mod fetch;
mod handover;
mod in_flight;
mod inbox;
mod keep;
mod lane;
mod layer;
mod link;
mod outage;
mod publish;
mod scripts;
mod session;
mod settle;

pub use backend::StreamBackend;
pub use config::QueueConfig;
pub use delivery::Delivery;
pub use error::QueueError;
pub use fate::{HandlerPanic, Postpone};
pub use inbox::{Inbox, InboxEntry};
pub use lane::Lane;
pub use layer::{Settle, SettleLayer};
pub use publish::{Depth, LaneDepth, Publisher};
