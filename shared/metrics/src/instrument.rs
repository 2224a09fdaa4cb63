//! Counters, histograms and gauges that know their own declaration.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{self, Meter};

use crate::label::{Label, Value};

/// What is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things that are counted.
    Count,
    /// Seconds.
    Seconds,
}

/// How a metric is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from zero at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// A declared metric, whatever its kind and labels.
pub trait Metric: Sync {
    /// Its name in Prometheus.
    fn name(&self) -> String;
    /// How it is read.
    fn kind(&self) -> Kind;
    /// What it is measured in.
    fn unit(&self) -> Unit;
    /// Its labels, in order.
    fn labels(&self) -> &[Label];
    /// What it tells, in words.
    fn meaning(&self) -> &'static str;
}

/// Buckets for what takes milliseconds to minutes.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

struct Declaration<const N: usize> {
    /// Its name in OpenTelemetry.
    name: &'static str,
    unit: Unit,
    labels: [Label; N],
    meaning: &'static str,
}

impl<const N: usize> Declaration<N> {
    /// As the exporter for Prometheus writes the name.
    fn prometheus_name(&self, kind: Kind) -> String {
        let unit = if self.unit == Unit::Seconds { "_seconds" } else { "" };
        let total = if kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", self.name.replace('.', "_"))
    }

    fn attributes(&self, values: [Value; N]) -> [KeyValue; N] {
        let mut values = values.into_iter();
        // As many values as labels, by their types.
        self.labels.map(|label| KeyValue::new(label.name, values.next().unwrap_or(Value::Word("")).into_attribute()))
    }

    fn unit(&self) -> &'static str {
        match self.unit {
            Unit::Count => "",
            Unit::Seconds => "s",
        }
    }
}

impl Value {
    fn into_attribute(self) -> opentelemetry::Value {
        self.into()
    }
}

fn meter() -> Meter {
    opentelemetry::global::meter("orgmirror")
}

/// Counts what happens. `N` labels.
pub struct Counter<const N: usize> {
    declaration: Declaration<N>,
    instrument: OnceLock<metrics::Counter<u64>>,
}

impl<const N: usize> Counter<N> {
    pub(crate) const fn declare(name: &'static str, unit: Unit, labels: [Label; N], meaning: &'static str) -> Self {
        Self { declaration: Declaration { name, unit, labels, meaning }, instrument: OnceLock::new() }
    }

    /// So many more. Adding 0 makes it appear, so that an alert sees the first.
    pub fn add(&self, count: u64, labels: [Value; N]) {
        let Declaration { name, meaning, .. } = self.declaration;
        let instrument = self.instrument.get_or_init(|| meter().u64_counter(name).with_description(meaning).build());
        instrument.add(count, &self.declaration.attributes(labels));
    }
}

/// Counts how long things take. `N` labels.
pub struct Histogram<const N: usize> {
    declaration: Declaration<N>,
    instrument: OnceLock<metrics::Histogram<f64>>,
}

impl<const N: usize> Histogram<N> {
    pub(crate) const fn declare(name: &'static str, unit: Unit, labels: [Label; N], meaning: &'static str) -> Self {
        Self { declaration: Declaration { name, unit, labels, meaning }, instrument: OnceLock::new() }
    }

    /// It took so long.
    pub fn record(&self, took: Duration, labels: [Value; N]) {
        let Declaration { name, meaning, .. } = self.declaration;
        let instrument = self.instrument.get_or_init(|| {
            let meter = meter();
            let builder = meter.f64_histogram(name).with_description(meaning).with_unit(self.declaration.unit());
            builder.with_boundaries(SECONDS.to_vec()).build()
        });
        instrument.record(took.as_secs_f64(), &self.declaration.attributes(labels));
    }
}

/// What is so now. `N` labels. Only values that were set and not taken away are exported: what nobody knows any more is absent and never
/// the last that was known.
pub struct Gauge<const N: usize> {
    declaration: Declaration<N>,
    values: Mutex<BTreeMap<[Value; N], f64>>,
    instrument: OnceLock<metrics::ObservableGauge<f64>>,
}

impl<const N: usize> Gauge<N> {
    pub(crate) const fn declare(name: &'static str, unit: Unit, labels: [Label; N], meaning: &'static str) -> Self {
        let declaration = Declaration { name, unit, labels, meaning };
        Self { declaration, values: Mutex::new(BTreeMap::new()), instrument: OnceLock::new() }
    }

    /// It is so now.
    pub fn set(&'static self, value: f64, labels: [Value; N]) {
        self.observed().insert(labels, value);
    }

    /// It is so much more, or less.
    pub fn add(&'static self, difference: f64, labels: [Value; N]) {
        *self.observed().entry(labels).or_default() += difference;
    }

    /// These are all that are so now.
    pub fn replace(&'static self, values: impl IntoIterator<Item = ([Value; N], f64)>) {
        *self.observed() = values.into_iter().collect();
    }

    /// Nothing is known.
    pub fn clear(&'static self) {
        self.observed().clear();
    }

    fn observed(&'static self) -> MutexGuard<'static, BTreeMap<[Value; N], f64>> {
        self.instrument.get_or_init(|| {
            let Declaration { name, meaning, .. } = self.declaration;
            let meter = meter();
            let builder = meter.f64_observable_gauge(name).with_description(meaning).with_unit(self.declaration.unit());
            let observe = move |observer: &dyn metrics::AsyncInstrument<f64>| {
                for (labels, value) in self.locked().iter() {
                    observer.observe(*value, &self.declaration.attributes(labels.clone()));
                }
            };
            builder.with_callback(observe).build()
        });
        self.locked()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<[Value; N], f64>> {
        // A map of numbers is whole, whoever panicked.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! metric {
    ($type:ident) => {
        impl<const N: usize> Metric for $type<N> {
            fn name(&self) -> String {
                self.declaration.prometheus_name(Kind::$type)
            }

            fn kind(&self) -> Kind {
                Kind::$type
            }

            fn unit(&self) -> Unit {
                self.declaration.unit
            }

            fn labels(&self) -> &[Label] {
                &self.declaration.labels
            }

            fn meaning(&self) -> &'static str {
                self.declaration.meaning.trim_start()
            }
        }
    };
}
metric!(Counter);
metric!(Gauge);
metric!(Histogram);
