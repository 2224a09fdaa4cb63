//! Logs: pretty on a terminal, JSON elsewhere on request. Always on standard error; standard output is for data. Logs and traces of services
//! are also sent by OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` says so.

mod otlp;

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use otlp::{Exporters, is_wanted};
pub(crate) use otlp::{metrics, resource};

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON document a line.
    Json,
}

/// A part of the subscriber.
type AnyLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging at `default_level` unless `RUST_LOG` says otherwise. Does nothing if logging has started.
///
/// With a `service` its logs and traces are exported too, if that is wanted, until what this returns is dropped.
pub fn init(default_level: &str, format: LogFormat, service: Option<&'static str>) -> Option<Exporters> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("warn,orgmirror={default_level}")));
    let written = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let written: AnyLayer = match format {
        LogFormat::Pretty => written.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => written.json().with_filter(filter).boxed(),
    };
    let exported = service.filter(|_| is_wanted()).map(Exporters::start);
    let mut layers = vec![written];
    let (exporters, problem) = match exported {
        Some(Ok(exporters)) => {
            layers.extend(exporters.layers());
            (Some(exporters), None)
        }
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    // A second start is an embedding program's own logging, which stays.
    let _already_started = tracing_subscriber::registry().with(layers).try_init();
    if let Some(error) = problem {
        // The work matters more than what is told of it.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "nothing is exported by OTLP; check OTEL_EXPORTER_OTLP_ENDPOINT"
        );
    }
    exporters
}
