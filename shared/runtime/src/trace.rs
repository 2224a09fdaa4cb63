//! One trace for each run and for each bulk operation, across every process that works on it.
//!
//! The trace's id is the run's own id, and the root span's id follows from it: whoever knows the run, from the ledger, knows the trace, so nothing
//! has to travel that could get lost. The root span is told by the coordinator that starts the run.
//!
//! Absent: exporters (`telemetry`). Without them all of this does nothing.

use std::cell::Cell;
use std::time::SystemTime;

use opentelemetry::trace::{Link, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use orgmirror_domain::traceparent::Traceparent;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// Whether spans of something are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// They are exported.
    Kept,
    /// Neither they nor what they call.
    Dropped,
}

impl Sampling {
    /// Keeps about a `share` (0 to 1) of all keys, and always the same ones: two deliveries of a job are both kept or both dropped.
    pub fn of(key: i64, share: f64) -> Self {
        // Fibonacci hashing: consecutive keys spread over the whole range.
        let spread = key.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
        if (spread as f64) < share * (1_u64 << 53) as f64 { Self::Kept } else { Self::Dropped }
    }
}

/// Makes `span` part of the trace of a run or an operation with this id.
pub fn join(span: &Span, id: Uuid, sampling: Sampling) {
    let flags = if sampling == Sampling::Kept { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let root = SpanContext::new(trace_id(id), root_id(id), flags, true, TraceState::default());
    // Refused where nothing is exported.
    let _unwanted = span.set_parent(Context::new().with_remote_span_context(root));
}

/// Points from `span` to the span of somebody else that led to it.
pub fn link(span: &Span, from: &Traceparent) {
    span.add_link(context(from));
}

/// Tells the root span of the trace of `id`: from when it was asked for until now, with links to the spans of those who asked.
pub fn root(name: &'static str, id: Uuid, asked_at: SystemTime, attributes: Vec<KeyValue>, askers: &[Traceparent]) {
    let links = askers.iter().map(|asker| Link::with_context(context(asker))).collect();
    let span = SpanBuilder::from_name(name)
        .with_kind(SpanKind::Consumer)
        .with_start_time(asked_at)
        .with_attributes(attributes)
        .with_links(links);
    NEXT.set(Some((trace_id(id), root_id(id))));
    // Ends, and is on its way, when it is dropped.
    let _span = span.start_with_context(&opentelemetry::global::tracer("orgmirror"), &Context::new());
    NEXT.set(None);
}

fn trace_id(id: Uuid) -> TraceId {
    TraceId::from_bytes(*id.as_bytes())
}

/// The second half of the id, which has the random bits of every version in use, and is never zero.
fn root_id(id: Uuid) -> SpanId {
    SpanId::from_bytes(id.as_u64_pair().1.to_be_bytes())
}

fn context(parent: &Traceparent) -> SpanContext {
    let flags = TraceFlags::new(parent.flags());
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id()),
        SpanId::from_bytes(parent.span_id()),
        flags,
        true,
        TraceState::default(),
    )
}

thread_local! {
    /// Ids of the root span that this thread is about to start.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Random ids, but for root spans.
#[derive(Debug)]
pub(crate) struct Ids;

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| RandomIdGenerator::default().new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| RandomIdGenerator::default().new_span_id(), |(_, span)| span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of the keys is kept, and a key's fate is always the same.
    #[test]
    fn sampling_keeps_its_share_of_consecutive_keys() {
        let kept = |share| (1..=10_000).filter(|key| Sampling::of(*key, share) == Sampling::Kept).count();
        assert_eq!((kept(0.0), kept(1.0)), (0, 10_000));
        assert!((900..=1_100).contains(&kept(0.1)), "{}", kept(0.1));
        assert_eq!(Sampling::of(7, 0.5), Sampling::of(7, 0.5));
    }

    #[test]
    fn a_run_has_one_trace_wherever_it_is_worked_on() {
        let id = Uuid::now_v7();
        assert_eq!(trace_id(id).to_string(), id.simple().to_string());
        assert_ne!(root_id(id), SpanId::INVALID);
    }
}
