//! The simulated organisation, and its control API.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use orgmirror_orgsim::{Simulator, SimulatorConfig};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A simulator.
pub struct Sim {
    /// Of this process: kept alive; dropping it stops the server.
    _server: Option<Simulator>,
    base_url: String,
    org_id: String,
    key: String,
    http: reqwest::Client,
}

impl Sim {
    /// Starts one.
    pub async fn start(config: SimulatorConfig) -> Result<Self> {
        let (org_id, key) = (config.org_id.clone(), config.api_key.clone());
        let server = Simulator::start(config).await?;
        Ok(Self { base_url: server.base_url(), _server: Some(server), org_id, key, http: reqwest::Client::new() })
    }

    /// One that runs elsewhere.
    pub fn elsewhere(base_url: String, org_id: String, key: String) -> Self {
        Self { _server: None, base_url, org_id, key, http: reqwest::Client::new() }
    }

    /// Where it listens.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its organisation.
    pub fn org_id(&self) -> &str {
        &self.org_id
    }

    /// Its key at the start.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sets the whole fault state.
    pub async fn faults(&self, faults: Value) -> Result<()> {
        self.put("/_sim/faults", &faults).await
    }

    /// No faults, nothing held.
    pub async fn calm(&self) -> Result<()> {
        self.faults(json!({})).await
    }

    /// So many random changes.
    pub async fn churn(&self, mutations: u64) -> Result<Value> {
        self.post("/_sim/churn", &json!({ "mutations": mutations })).await
    }

    /// Changes as the control API takes them: `rate_per_s`, `mutations`, `only`, `activity_percent`.
    pub async fn churn_as(&self, wanted: Value) -> Result<Value> {
        self.post("/_sim/churn", &wanted).await
    }

    /// Creates or changes an account.
    pub async fn set_account(&self, id: &str, fields: Value) -> Result<Value> {
        self.post(&format!("/_sim/accounts/{id}"), &fields).await
    }

    /// Deletes an account.
    pub async fn delete_account(&self, id: &str) -> Result<()> {
        self.delete(&format!("/_sim/accounts/{id}")).await
    }

    /// Creates or changes a group.
    pub async fn set_group(&self, id: &str, fields: Value) -> Result<Value> {
        self.post(&format!("/_sim/groups/{id}"), &fields).await
    }

    /// Deletes a group.
    pub async fn delete_group(&self, id: &str) -> Result<()> {
        self.delete(&format!("/_sim/groups/{id}")).await
    }

    /// Adds a member.
    pub async fn join(&self, group: &str, account: &str) -> Result<Value> {
        self.post(&format!("/_sim/groups/{group}/members/{account}"), &json!({})).await
    }

    /// Removes a member.
    pub async fn leave(&self, group: &str, account: &str) -> Result<()> {
        self.delete(&format!("/_sim/groups/{group}/members/{account}")).await
    }

    /// Gives an account a role on a resource, as somebody else would.
    pub async fn assign_role(&self, account: &str, role: &str, resource: &str) -> Result<()> {
        self.change_role(account, "assign", role, resource).await
    }

    /// Takes it away.
    pub async fn revoke_role(&self, account: &str, role: &str, resource: &str) -> Result<()> {
        self.change_role(account, "revoke", role, resource).await
    }

    async fn change_role(&self, account: &str, verb: &str, role: &str, resource: &str) -> Result<()> {
        let path = format!("/admin/v1/orgs/{}/users/{account}/roles/{verb}", self.org_id);
        let body = json!({ "role": role, "resource": resource });
        done(self.http.post(self.url(&path)).bearer_auth(&self.key).json(&body), &path).await
    }

    /// Takes all roles that a group grants on a resource from it.
    pub async fn revoke_grants(&self, group: &str, resource: &str) -> Result<()> {
        let path = format!("/_sim/groups/{group}/grants");
        done(self.http.delete(self.url(&path)).json(&json!({ "resourceId": resource })), &path).await
    }

    /// Makes another key the only valid one.
    pub async fn set_key(&self, key: &str) -> Result<()> {
        self.put("/_sim/key", &json!({ "api_key": key })).await
    }

    /// Account ids in the order of their nicknames.
    pub async fn first(&self, sort: &str, limit: usize) -> Result<Vec<String>> {
        self.get(&format!("/_sim/first?sort={sort}&limit={limit}")).await
    }

    /// Calls that wait at a `hold`, by operation.
    pub async fn held(&self, operation: &str) -> Result<u64> {
        let held: Value = self.get("/_sim/held").await?;
        Ok(held[operation].as_u64().unwrap_or_default())
    }

    /// Lets them answer.
    pub async fn release(&self) -> Result<()> {
        self.post::<Value>("/_sim/release", &json!({})).await.map(drop)
    }

    /// Calls since the last reset.
    pub async fn calls(&self) -> Result<Value> {
        self.get("/_sim/calls").await
    }

    /// Successful calls of one operation since the last reset.
    pub async fn calls_of(&self, operation: &str) -> Result<u64> {
        let calls = self.calls().await?;
        let by_status = calls["operations"][operation].as_object().cloned().unwrap_or_default();
        Ok(by_status.values().filter_map(|one| one["calls"].as_u64()).sum())
    }

    /// Resets the count of calls.
    pub async fn forget_calls(&self) -> Result<()> {
        self.delete("/_sim/calls").await
    }

    /// The simulator's choices; what is left out is as at the start.
    pub async fn switches(&self, choices: Value) -> Result<()> {
        self.put("/_sim/switches", &choices).await
    }

    /// So many active accounts without a platform role.
    pub async fn ordinary(&self, accounts: usize) -> Result<Vec<String>> {
        let people = self.truth("accounts").await?;
        let ordinary = people.iter().filter(|person| {
            person["membershipStatus"] == "active"
                && person["accountStatus"] == "active"
                && person["platformRoles"].as_array().is_none_or(Vec::is_empty)
        });
        let ids: Vec<String> =
            ordinary.filter_map(|person| person["accountId"].as_str().map(str::to_owned)).take(accounts).collect();
        ensure!(ids.len() == accounts, "only {} accounts are ordinary", ids.len());
        Ok(ids)
    }

    /// Every write that was asked for since the last reset, in the order in which they took effect.
    pub async fn writes(&self) -> Result<Vec<Value>> {
        self.get("/_sim/writes").await
    }

    /// Resets that record.
    pub async fn forget_writes(&self) -> Result<()> {
        self.delete("/_sim/writes").await
    }

    /// The ids of all accounts and groups that the audit events so far are about, by API.
    pub async fn subjects_of_events(&self) -> Result<BTreeSet<String>> {
        let path = format!("/admin/v1/orgs/{}/events-stream", self.org_id);
        let mut subjects = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let query = if cursor.is_empty() { ("limit", "500") } else { ("cursor", cursor.as_str()) };
            let url = reqwest::Url::parse_with_params(&self.url(&path), [query])?;
            let call = self.http.get(url).bearer_auth(&self.key);
            let page: Value = answer(call, &path).await?;
            let events = page["data"].as_array().context("a page of events without data")?;
            let rows = events.iter().filter_map(|event| event["attributes"]["context"].as_array()).flatten();
            subjects.extend(rows.filter_map(|row| row["id"].as_str().map(str::to_owned)));
            // The stream has no end in ascending order: a page that is not full is the last one so far.
            let Some(next) = page["meta"]["next"].as_str().filter(|_| events.len() == 500) else { return Ok(subjects) };
            next.clone_into(&mut cursor);
        }
    }

    /// Counts and digests of the truth.
    pub async fn digest(&self) -> Result<Value> {
        self.get("/_sim/digest").await
    }

    /// `accounts`, `groups` or `grants`, an object a line.
    pub async fn truth(&self, what: &str) -> Result<Vec<Value>> {
        let text = self.http.get(self.url(&format!("/_sim/truth/{what}"))).send().await?.text().await?;
        text.lines().map(|line| serde_json::from_str(line).context("read a line of the truth")).collect()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        answer(self.http.get(self.url(path)), path).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        answer(self.http.post(self.url(path)).json(body), path).await
    }

    async fn put(&self, path: &str, body: &Value) -> Result<()> {
        done(self.http.put(self.url(path)).json(body), path).await
    }

    async fn delete(&self, path: &str) -> Result<()> {
        done(self.http.delete(self.url(path)), path).await
    }
}

async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder, path: &str) -> Result<T> {
    let response = request.send().await?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "{path} answered {status}: {text}");
    serde_json::from_str(&text).with_context(|| format!("read the answer of {path}"))
}

async fn done(request: reqwest::RequestBuilder, path: &str) -> Result<()> {
    let response = request.send().await?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "{path} answered {status}: {text}");
    Ok(())
}
