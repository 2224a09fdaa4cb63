//! A collector of OTLP over HTTP that keeps what it is sent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use tokio::net::TcpListener;

/// What was collected.
#[derive(Default)]
pub struct Collected {
    /// Spans, in the order of their arrival.
    pub spans: Vec<CollectedSpan>,
    /// Lines of logs: text, and the trace that they were written in; empty for none.
    pub logs: Vec<(String, String)>,
    /// Names of metrics.
    pub metrics: BTreeSet<String>,
}

/// A span.
#[derive(Clone, Debug)]
pub struct CollectedSpan {
    /// Which process told it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its trace, in hexadecimal digits.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The span that it is part of; empty for a root.
    pub parent: String,
    /// Traces that it points to.
    pub links: Vec<String>,
    /// Attributes as text, `name=value`.
    pub attributes: BTreeSet<String>,
}

/// A collector; it ends with the test's runtime.
pub struct Collector {
    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: String,
    collected: Arc<Mutex<Collected>>,
}

type Shared = Arc<Mutex<Collected>>;

impl Collector {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let collected = Shared::default();
        let routes = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/logs", post(logs))
            .route("/v1/metrics", post(metrics))
            .with_state(Arc::clone(&collected));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { endpoint, collected })
    }

    /// What was collected so far.
    pub fn collected(&self) -> MutexGuard<'_, Collected> {
        lock(&self.collected)
    }
}

fn lock(collected: &Shared) -> MutexGuard<'_, Collected> {
    collected.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn traces(State(collected): State<Shared>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| texts(&resource.attributes)).unwrap_or_default();
        let service = attributes.iter().find_map(|one| one.strip_prefix("service.name=")).unwrap_or_default().to_owned();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            lock(&collected).spans.push(CollectedSpan {
                service: service.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                links: span.links.iter().map(|link| hex(&link.trace_id)).collect(),
                attributes: texts(&span.attributes),
            });
        }
    }
    StatusCode::OK
}

async fn logs(State(collected): State<Shared>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportLogsServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let records = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs).flat_map(|scope| scope.log_records);
    let lines = records.map(|record| (record.body.as_ref().map(text).unwrap_or_default(), hex(&record.trace_id)));
    lock(&collected).logs.extend(lines);
    StatusCode::OK
}

async fn metrics(State(collected): State<Shared>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportMetricsServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    lock(&collected).metrics.extend(scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name));
    StatusCode::OK
}

fn texts(attributes: &[KeyValue]) -> BTreeSet<String> {
    attributes.iter().map(|one| format!("{}={}", one.key, one.value.as_ref().map(text).unwrap_or_default())).collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is)) => is.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
