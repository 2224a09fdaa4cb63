//! `docs/metrics.md`, from the catalogue.

use crate::catalogue::CATALOGUE;
use crate::instrument::{Kind, Metric, Unit};

const HEAD: &str = "\
# Metrics

This page is made from the catalogue in `shared/metrics/src/catalogue.rs`, by `cargo run -p orgmirror-metrics --example reference > docs/metrics.md`.

Every service serves them as Prometheus text at `/metrics` of its `metrics.listen`, beside `/healthz` and `/readyz`.
`OTEL_EXPORTER_OTLP_ENDPOINT` sends them by OTLP as well, where names have dots and no unit: `orgmirror.job.duration`.

Counters begin at zero with their process. Gauges about runs, jobs, the gate and the queue are told by every coordinator, and all say the same: take
`max`, not `sum`. They are asked every five seconds, and are absent while the database or Redis does not answer: an old value is never told.
A histogram appears with its first value.

| metric | kind | labels | meaning |
|---|---|---|---|
";

/// The page, whole.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for metric in CATALOGUE {
        page.push_str(&row(*metric));
    }
    page.push_str("\n## Labels\n\n");
    page.push_str("| label | of | values |\n|---|---|---|\n");
    for metric in CATALOGUE {
        for label in metric.labels() {
            page.push_str(&format!("| `{}` | `{}` | {} |\n", label.name, metric.name(), label.values));
        }
    }
    page
}

fn row(metric: &dyn Metric) -> String {
    let kind = match metric.kind() {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let unit = if metric.unit() == Unit::Seconds { ", seconds" } else { "" };
    let labels: Vec<String> = metric.labels().iter().map(|label| format!("`{}`", label.name)).collect();
    format!("| `{}` | {kind}{unit} | {} | {} |\n", metric.name(), labels.join(", "), metric.meaning())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_this_one() {
        let kept = include_str!("../../../docs/metrics.md");
        assert!(kept == reference(), "docs/metrics.md is not what the catalogue says; its first lines tell how it is made");
    }

    /// Names, kinds and labels that others rely on.
    #[test]
    fn the_contract_is_kept() {
        let contract = [
            ("orgmirror_freshness_seconds", "org"),
            ("orgmirror_run_state", "org,kind,state"),
            ("orgmirror_jobs", "kind,state"),
            ("orgmirror_jobs_completed_total", "kind,outcome"),
            ("orgmirror_job_duration_seconds", "kind"),
            ("orgmirror_queue_depth", "lane"),
            ("orgmirror_queue_oldest_seconds", "lane"),
            ("orgmirror_api_requests_total", "operation,status"),
            ("orgmirror_api_request_duration_seconds", "operation"),
            ("orgmirror_budget_available", "lane"),
            ("orgmirror_budget_wait_seconds", "lane"),
            ("orgmirror_rows_written_total", "table,change"),
            ("orgmirror_gate_waiting", "operation"),
            ("orgmirror_gate_wait_seconds", ""),
            ("orgmirror_discrepancies", "kind"),
            ("orgmirror_worker_busy", ""),
            ("orgmirror_key_expiry_seconds", "org"),
        ];
        for (name, labels) in contract {
            let found = CATALOGUE.iter().find(|metric| metric.name() == name);
            let found = found.map(|metric| metric.labels().iter().map(|label| label.name).collect::<Vec<_>>().join(","));
            assert_eq!(found.as_deref(), Some(labels), "{name}");
        }
    }
}
