//! A simulator of one's own and a client for it.

use orgmirror_orgsim::{Simulator, SimulatorConfig};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::document;

/// A simulator and whoever talks to it.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) client: Client,
    pub(crate) config: SimulatorConfig,
}

impl World {
    pub(crate) async fn of(users: usize, groups: usize) -> Self {
        Self::with(SimulatorConfig { users, groups, ..SimulatorConfig::default() }).await
    }

    pub(crate) async fn with(config: SimulatorConfig) -> Self {
        let simulator = Simulator::start(config.clone()).await.unwrap();
        Self { simulator, client: Client::builder().no_proxy().build().unwrap(), config }
    }

    /// The path of an operation inside the organisation, from `-`'s or a directory's part on.
    pub(crate) fn v2(&self, rest: &str) -> String {
        format!("/admin/v2/orgs/{}/{rest}", self.config.org_id)
    }

    pub(crate) async fn try_call(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let url = format!("{}{path}", self.simulator.base_url());
        let request = self.client.request(method, url).bearer_auth(&self.config.api_key);
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    /// A call whose answer is one that the documents allow.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let response = self.try_call(method.clone(), path, body).await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        if !path.starts_with("/_sim") {
            document::check(method.as_str(), path, status.as_u16(), &text);
        }
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A `GET` that succeeds.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A `POST` that succeeds.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) async fn faults(&self, state: Value) {
        let (status, body) = self.call(Method::PUT, "/_sim/faults", Some(state)).await;
        assert_eq!(status, 200, "{body}");
    }

    /// Sets all choices and leaves the faults as they are.
    pub(crate) async fn switches(&self, switches: Value) {
        let (status, body) = self.call(Method::PUT, "/_sim/switches", Some(switches)).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn users(&self, body: Value) -> Value {
        self.post(&self.v2("directories/-/users/search"), body).await
    }

    pub(crate) async fn groups(&self, body: Value) -> Value {
        self.post(&self.v2("directories/-/groups/search"), body).await
    }

    /// Every row of a search, page after page.
    pub(crate) async fn walk(&self, what: &str, body: Value) -> Vec<Value> {
        let path = self.v2(&format!("directories/-/{what}/search"));
        let mut rows = Vec::new();
        let mut next = body.clone();
        loop {
            let page = self.post(&path, next).await;
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            assert!(page["links"]["self"].is_string());
            let Some(cursor) = page["links"]["next"].as_str() else { return rows };
            next = json!({"cursor": cursor});
            for option in ["limit", "expand"] {
                if let Some(value) = body.get(option) {
                    next[option] = value.clone();
                }
            }
        }
    }

    /// Rows of a search of users with everything expanded, in the form and order of the truth.
    pub(crate) fn as_truth(&self, mut rows: Vec<Value>) -> Vec<Value> {
        for row in &mut rows {
            let bare =
                |group: &Value| group["id"].as_str().unwrap().strip_prefix("ari:cloud:identity::group/").unwrap().to_owned();
            let mut groups: Vec<String> = row["groups"].as_array().unwrap().iter().map(bare).collect();
            groups.sort();
            row["groups"] = json!(groups);
            row["productAccess"].as_array_mut().unwrap().sort_by_key(|access| access["id"].as_str().unwrap().to_owned());
        }
        by_id(rows)
    }

    /// The lines of a dump.
    pub(crate) async fn truth(&self, what: &str) -> Vec<Value> {
        let response = self.try_call(Method::GET, &format!("/_sim/truth/{what}"), None).await.unwrap();
        let text = response.text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Rows in the order of their ids.
pub(crate) fn by_id(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| ids(std::slice::from_ref(row)));
    rows
}

/// The ids of rows.
pub(crate) fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row.get("accountId").or_else(|| row.get("id")).and_then(Value::as_str).unwrap().to_owned()).collect()
}

/// The ids of rows, sorted.
pub(crate) fn sorted_ids(rows: &[Value]) -> Vec<String> {
    let mut ids = ids(rows);
    ids.sort();
    ids
}
