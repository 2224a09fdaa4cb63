//! Traces, logs and metrics by OTLP, as protobuf over HTTP. The standard's own variables say where to, with which headers and certificates.
//!
//! What is exported is ours alone: spans down to DEBUG, which are the calls and transactions, and events from INFO on, as in the log. Other
//! crates' events may hold what ours never do, and the exporter's own would feed themselves.

use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{ExporterBuildError, LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::PeriodicReader;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};

use super::AnyLayer;
use crate::trace::Ids;

/// Whether somebody collects: `OTEL_EXPORTER_OTLP_ENDPOINT` is set.
pub fn is_wanted() -> bool {
    std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some_and(|endpoint| !endpoint.is_empty())
}

/// What is sent from where: `orgmirror-worker`, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say more.
pub(crate) fn resource(service: &'static str) -> Resource {
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
    let resource = Resource::builder();
    let resource = if named { resource } else { resource.with_service_name(format!("orgmirror-{service}")) };
    resource.with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build()
}

/// Sends metrics now and then.
pub(crate) fn metrics() -> Result<PeriodicReader<MetricExporter>, ExporterBuildError> {
    Ok(PeriodicReader::builder(MetricExporter::builder().with_http().build()?).build())
}

/// Traces and logs of this process on their way. What has not been sent is sent when this is dropped.
pub struct Exporters {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Exporters {
    pub(super) fn start(service: &'static str) -> Result<Self, ExporterBuildError> {
        let spans = SpanExporter::builder().with_http().build()?;
        let traces = SdkTracerProvider::builder()
            .with_id_generator(Ids)
            .with_resource(resource(service))
            .with_batch_exporter(spans)
            .build();
        opentelemetry::global::set_tracer_provider(traces.clone());
        let records = LogExporter::builder().with_http().build()?;
        let logs = SdkLoggerProvider::builder().with_resource(resource(service)).with_batch_exporter(records).build();
        Ok(Self { traces, logs })
    }

    pub(super) fn layers(&self) -> [AnyLayer; 2] {
        let tracer = self.traces.tracer("orgmirror");
        let traces = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours(|metadata| {
            let finest = if metadata.is_span() { Level::DEBUG } else { Level::INFO };
            *metadata.level() <= finest
        }));
        let logs = OpenTelemetryTracingBridge::new(&self.logs)
            .with_filter(ours(|metadata| metadata.is_event() && *metadata.level() <= Level::INFO));
        [traces.boxed(), logs.boxed()]
    }
}

impl Drop for Exporters {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _lost = (self.traces.shutdown(), self.logs.shutdown());
    }
}

fn ours(wanted: fn(&Metadata<'_>) -> bool) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata| metadata.target().starts_with("orgmirror") && wanted(metadata))
        .with_max_level_hint(LevelFilter::DEBUG)
}
