//! Metrics as Prometheus text, and by OTLP where that is wanted.

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use orgmirror_metrics::{BUILD_INFO, PROCESS_START_TIME};
use prometheus::{Registry, TextEncoder};

use crate::telemetry;

/// Metrics cannot be collected.
#[derive(Debug, thiserror::Error)]
pub enum ExpositionError {
    /// As text.
    #[error("cannot collect metrics")]
    Text(#[from] OTelSdkError),
    /// By OTLP.
    #[error("cannot send metrics by OTLP; check OTEL_EXPORTER_OTLP_ENDPOINT")]
    Sent(#[from] ExporterBuildError),
}

/// The metrics of this process.
#[derive(Clone)]
pub struct Exposition {
    registry: Registry,
    // Collects as long as it lives.
    _provider: SdkMeterProvider,
}

impl Exposition {
    /// Begins to collect, for all that is recorded from now on. A process calls it once, before it records anything.
    pub fn start(service: &'static str) -> Result<Self, ExpositionError> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .build()?;
        let mut provider = SdkMeterProvider::builder().with_reader(reader).with_resource(telemetry::resource(service));
        if telemetry::is_wanted() {
            provider = provider.with_reader(telemetry::metrics()?);
        }
        let provider = provider.build();
        opentelemetry::global::set_meter_provider(provider.clone());
        BUILD_INFO.set(1.0, [env!("CARGO_PKG_VERSION").into()]);
        PROCESS_START_TIME.set(chrono::Utc::now().timestamp_millis() as f64 / 1000.0, []);
        Ok(Self { registry, _provider: provider })
    }

    /// All that is collected, in Prometheus's text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
