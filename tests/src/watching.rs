//! What is shipped for watching an installation: dashboards and alerts, as files of `deploy`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::prometheus::{Prometheus, program};

/// One expression of a panel.
#[derive(Debug)]
pub struct Panel {
    /// Dashboard and panel, for people.
    pub name: String,
    /// What Prometheus is asked, with variables as Grafana has them.
    pub expression: String,
}

impl Panel {
    /// The expression for all organisations and rates over so long a time, as `30s`.
    pub fn filled_in(&self, rates_over: &str) -> String {
        self.expression.replace("$__rate_interval", rates_over).replace("$org", ".*")
    }

    /// Whether it has shown a number within so many seconds. An expression with an error is an error.
    pub async fn has_data(&self, prometheus: &Prometheus, rates_over: &str, seconds: u32) -> Result<bool> {
        let shown = prometheus.query_range(&self.filled_in(rates_over), seconds).await;
        Ok(!shown.with_context(|| self.name.clone())?.is_empty())
    }
}

/// A file or folder of `deploy`.
pub fn deployed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

/// Every expression of every panel of every dashboard.
pub fn panels() -> Result<Vec<Panel>> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(deployed("grafana/dashboards"))? {
        let dashboard: Value = serde_json::from_slice(&std::fs::read(file?.path())?)?;
        for panel in dashboard["panels"].as_array().context("a dashboard has panels")? {
            let targets = panel["targets"].as_array().filter(|targets| !targets.is_empty()).context("a panel asks something")?;
            for target in targets {
                let name = format!("{}, {}, {}", dashboard["title"], panel["title"], target["refId"]).replace('"', "");
                let expression = target["expr"].as_str().context("a target has an expression")?.to_owned();
                all.push(Panel { name, expression });
            }
        }
    }
    ensure!(!all.is_empty(), "there are no dashboards");
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Every metric that an alert asks for.
pub fn alert_metrics() -> Result<BTreeSet<String>> {
    let rules = std::fs::read_to_string(deployed("prometheus/alerts.yml"))?;
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| word.starts_with("orgmirror_") || *word == "process_start_time_seconds";
    let metrics: BTreeSet<String> = words.filter(is_metric).map(str::to_owned).collect();
    ensure!(!metrics.is_empty(), "alerts ask for nothing");
    Ok(metrics)
}

/// Runs the unit tests of the alerts; what they say if one fails.
pub async fn alert_unit_tests() -> Result<()> {
    let told = program("promtool", &deployed("prometheus/tests")).args(["test", "rules", "alerts.test.yml"]).output().await;
    let told = told.context("start promtool; `make test-servers` installs it")?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&[told.stdout, told.stderr].concat()));
    Ok(())
}
