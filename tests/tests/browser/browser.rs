//! Chromium by WebDriver, without a screen and without a history.

use std::process::Stdio;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Finds what people with impaired sight, hearing or movement would stumble over. Kept unchanged; its licence lies beside it.
const AXE: &str = include_str!("axe.min.js");

/// A browser. Dropping it ends its driver, and the browser with it.
pub(crate) struct Browser {
    pub(crate) client: Client,
    _driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Of that size in pixels.
    pub(crate) async fn start(width: u32, height: u32) -> Result<Self> {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut driver = Command::new(&program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {program}; `make browser-test` installs Chromium and its driver"))?;
        let port = port(&mut driver).await?;
        let profile = TempDir::new()?;
        let mut flags = vec![format!("--user-data-dir={}", profile.path().display()), format!("--window-size={width},{height}")];
        // As root in a container there is no sandbox; the other flags keep it from calling home.
        let quiet = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
            --disable-component-update --disable-sync --disable-dev-shm-usage";
        flags.extend(quiet.split_whitespace().map(str::to_owned));
        let mut wanted = Capabilities::new();
        wanted.insert("goog:chromeOptions".to_owned(), json!({ "args": flags }));
        wanted.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("open the browser")?;
        Ok(Self { client, _driver: driver, _profile: profile })
    }

    pub(crate) async fn open(&self, address: &str) -> Result<()> {
        self.client.goto(address).await.with_context(|| format!("open {address}"))
    }

    /// The element, as soon as it is there.
    pub(crate) async fn find(&self, css: &str) -> Result<Element> {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => Ok(element),
            Err(error) => bail!("there is no {css} on {}: {error}\n{}", self.client.current_url().await?, self.text().await?),
        }
    }

    pub(crate) async fn click(&self, css: &str) -> Result<()> {
        Ok(self.find(css).await?.click().await?)
    }

    pub(crate) async fn type_into(&self, css: &str, text: &str) -> Result<()> {
        Ok(self.find(css).await?.send_keys(text).await?)
    }

    /// Waits until the page says this somewhere.
    pub(crate) async fn reads(&self, wanted: &str) -> Result<()> {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            // The page may be on its way to another one.
            let text = self.text().await.unwrap_or_default();
            if text.contains(wanted) {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                bail!("{} never says {wanted:?}; it says:\n{text}", self.client.current_url().await?);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// All that the page says.
    pub(crate) async fn text(&self) -> Result<String> {
        let text = self.client.execute("return document.body.innerText", vec![]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// What axe calls serious or critical, each with where it is.
    pub(crate) async fn hindrances(&self) -> Result<Vec<String>> {
        self.client.execute(AXE, vec![]).await?;
        let script = "const done = arguments[arguments.length - 1]; axe.run(document, { resultTypes: ['violations'] }).then((found) => done(found.violations))";
        let found = self.client.execute_async(script, vec![]).await?;
        let serious =
            found.as_array().into_iter().flatten().filter(|one| matches!(one["impact"].as_str(), Some("serious" | "critical")));
        Ok(serious.map(|one| format!("{}: {} {}", one["id"], one["help"], one["nodes"][0]["html"])).collect())
    }

    /// Bytes that the page and all it asked for took over the network, compressed as they were.
    pub(crate) async fn weight(&self) -> Result<u64> {
        let script = "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, one) => sum + one.encodedBodySize, 0)";
        Ok(self.client.execute(script, vec![]).await?.as_u64().unwrap_or_default())
    }

    /// What the browser has complained about since the last time somebody asked.
    pub(crate) async fn complaints(&self) -> Result<Vec<String>> {
        let log = self.client.issue_cmd(BrowserLog).await?;
        Ok(log.as_array().into_iter().flatten().map(|entry| entry["message"].to_string()).collect())
    }
}

/// Chromium's own command for its log.
#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _address: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// The port that the driver has chosen, from what it says.
async fn port(driver: &mut Child) -> Result<u16> {
    let said = driver.stdout.take().context("the driver's words")?;
    let mut lines = BufReader::new(said).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(port) = line.split("on port ").nth(1).and_then(|rest| rest.trim_end_matches('.').parse().ok())
            && line.contains("started successfully")
        {
            // Whatever else it says must not block it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(port);
        }
    }
    bail!("the driver ended before it was ready")
}

/// For assertions on what a script answers.
pub(crate) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
