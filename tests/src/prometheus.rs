//! A real Prometheus: the program of the distribution, or one that runs elsewhere.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::world::until;

/// A process whose metrics are read.
#[derive(Clone, Debug)]
pub struct Target {
    /// The name of its job in alerts and dashboards.
    pub job: &'static str,
    /// Where it serves them.
    pub address: SocketAddr,
}

impl Target {
    /// A free address of this machine for a service that is yet to start.
    pub fn free(job: &'static str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self { job, address: listener.local_addr()? })
    }
}

/// A Prometheus that answers.
pub struct Prometheus {
    url: String,
    http: reqwest::Client,
    /// Ended when this is dropped.
    _own: Option<(Child, TempDir)>,
}

impl Prometheus {
    /// Starts one that reads the targets each second and judges the rules, if there are any.
    pub async fn start(targets: &[Target], rules: Option<&str>) -> Result<Self> {
        let folder = TempDir::new()?;
        let mut config = "global: { scrape_interval: 1s, evaluation_interval: 1s }\n".to_owned();
        if let Some(rules) = rules {
            std::fs::write(folder.path().join("rules.yml"), rules)?;
            config.push_str("rule_files: [rules.yml]\n");
        }
        config.push_str("scrape_configs:\n");
        for (number, target) in targets.iter().enumerate() {
            // Job names must differ within a configuration; the label is what counts.
            writeln!(
                config,
                "  - {{ job_name: target-{number}, static_configs: [{{ targets: ['{}'], labels: {{ job: {} }} }}] }}",
                target.address, target.job
            )?;
        }
        std::fs::write(folder.path().join("prometheus.yml"), config)?;
        let listen = Target::free("prometheus")?.address;
        let child = program("prometheus", folder.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error"])
            .arg(format!("--web.listen-address={listen}"))
            .spawn()
            .context("start prometheus; `make test-servers` installs it")?;
        let mut started = Self::at(format!("http://{listen}"));
        started._own = Some((child, folder));
        until("Prometheus answers", async || Ok(started.query("vector(1)").await.ok().filter(|samples| !samples.is_empty())))
            .await?;
        Ok(started)
    }

    /// One that runs elsewhere.
    pub fn at(url: String) -> Self {
        Self { url, http: reqwest::Client::new(), _own: None }
    }

    /// What an expression says now: labels and value of each series. An expression with an error is an error.
    pub async fn query(&self, expression: &str) -> Result<Vec<(Value, f64)>> {
        self.ask("query", &[("query", expression)]).await
    }

    /// The same over the last minutes, a second each, and of each series the last value that is a number.
    pub async fn query_range(&self, expression: &str, seconds: u32) -> Result<Vec<(Value, f64)>> {
        let end = chrono::Utc::now();
        let (start, end) = ((end - chrono::TimeDelta::seconds(seconds.into())).to_rfc3339(), end.to_rfc3339());
        self.ask("query_range", &[("query", expression), ("start", &start), ("end", &end), ("step", "1")]).await
    }

    /// Whether an alert fires, with each set of its labels.
    pub async fn firing(&self, alert: &str) -> Result<Vec<Value>> {
        let firing = self.query(&format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}")).await?;
        Ok(firing.into_iter().map(|(labels, _)| labels).collect())
    }

    async fn ask(&self, what: &str, words: &[(&str, &str)]) -> Result<Vec<(Value, f64)>> {
        let question = reqwest::Url::parse_with_params(&format!("{}/api/v1/{what}", self.url), words)?;
        let answer: Value = self.http.get(question).send().await?.json().await?;
        if answer["status"] != "success" {
            bail!("Prometheus refuses {words:?}: {}", answer["error"]);
        }
        let series = answer["data"]["result"].as_array().context("a result is a list")?;
        let number = |point: &Value| point[1].as_str().and_then(|text| text.parse::<f64>().ok()).filter(|value| !value.is_nan());
        Ok(series
            .iter()
            .filter_map(|one| {
                let last = match one["values"].as_array() {
                    Some(values) => values.iter().rev().find_map(number),
                    None => number(&one["value"]),
                };
                Some((one["metric"].clone(), last?))
            })
            .collect())
    }
}

/// A program of Prometheus' package, run in a folder, ended with its owner.
pub(crate) fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}
