//! The simulated organisation: started, asked, counted, changed.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::options::Size;
use crate::progress::say;
use crate::service::Service;

/// What it says when it listens, before the values.
const VARIABLES: [&str; 3] = ["ORGMIRROR_ATLASSIAN__BASE_URL", "ORGMIRROR_ATLASSIAN__ORG_ID", "ORGMIRROR_ATLASSIAN__API_KEY"];

/// A simulator in a process of its own.
#[derive(Debug)]
pub(crate) struct Simulator {
    service: Service,
    pub(crate) http: reqwest::Client,
    pub(crate) base_url: String,
    pub(crate) org_id: String,
    pub(crate) api_key: String,
}

/// What the organisation consists of.
#[derive(Debug, Deserialize)]
pub(crate) struct Digest {
    pub(crate) accounts: i64,
    pub(crate) groups: i64,
    pub(crate) memberships: i64,
    pub(crate) granting_groups: u64,
}

/// Calls since the last reset.
#[derive(Debug, Deserialize)]
pub(crate) struct Calls {
    pub(crate) total: u64,
    pub(crate) bytes: u64,
    pub(crate) max_in_flight: u64,
    pub(crate) rate_limited: u64,
}

impl Simulator {
    pub(crate) async fn start(executable: &Path, folder: &Path, size: Size, arguments: &[&str]) -> Result<Self> {
        say(format!("simulating {} users and {} groups {}", size.users, size.groups, arguments.join(" ")));
        let mut command = Command::new(executable);
        command.args(["orgsim", "--listen", "127.0.0.1:0", "--users", &size.users.to_string()]);
        command.args(["--groups", &size.groups.to_string()]).args(arguments);
        let service = Service::start("simulator".to_owned(), command, folder, VARIABLES[2]).await?;
        let log = service.log();
        let value = |name: &str| {
            let value = log.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
            value.map(str::to_owned).with_context(|| format!("the simulator did not say {name}"))
        };
        let [base_url, org_id, api_key] = VARIABLES.map(value);
        let http = reqwest::Client::builder().no_proxy().build().context("make a client")?;
        Ok(Self { service, http, base_url: base_url?, org_id: org_id?, api_key: api_key? })
    }

    /// The settings that lead the product here.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 3] {
        [(VARIABLES[0], &self.base_url), (VARIABLES[1], &self.org_id), (VARIABLES[2], &self.api_key)]
    }

    pub(crate) async fn digest(&self) -> Result<Digest> {
        self.get("digest").await
    }

    pub(crate) async fn calls(&self) -> Result<Calls> {
        self.get("calls").await
    }

    pub(crate) async fn forget_calls(&self) -> Result<()> {
        let answer = self.http.delete(self.control("calls")).send().await.context("reset the count of calls")?;
        answer.error_for_status().context("reset the count of calls")?;
        Ok(())
    }

    /// Replaces the faults.
    pub(crate) async fn set_faults(&self, faults: &Value) -> Result<()> {
        let answer = self.http.put(self.control("faults")).json(faults).send().await.context("set the faults")?;
        answer.error_for_status().context("set the faults")?;
        Ok(())
    }

    /// Gives so many percent of the accounts new activity, and says how many that were.
    pub(crate) async fn be_active(&self, percent: f64) -> Result<u64> {
        let answer = self.http.post(self.control("churn")).json(&json!({ "activity_percent": percent })).send().await;
        let answer: Value = answer.context("ask for activity")?.error_for_status()?.json().await.context("read what changed")?;
        answer["active_accounts"].as_u64().context("the simulator did not say how many accounts were active")
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.service.stop().await
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, what: &str) -> Result<T> {
        let answer = self.http.get(self.control(what)).send().await.with_context(|| format!("ask for the {what}"))?;
        answer.error_for_status()?.json().await.with_context(|| format!("read the {what}"))
    }

    fn control(&self, what: &str) -> String {
        format!("{}/_sim/{what}", self.base_url)
    }
}
