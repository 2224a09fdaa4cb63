//! An organisation with everything that serves it, and the first administrator signed in.

use anyhow::{Context, Result, ensure};
use orgmirror_tests::{Process, Processes, Size};

use crate::browser::Browser;

/// A console over a synced organisation.
pub(crate) struct Console {
    pub(crate) processes: Processes,
    pub(crate) address: String,
    set_up: String,
    _services: [Process; 3],
}

impl Console {
    /// Starts everything, and syncs once.
    pub(crate) async fn of(size: Size) -> Result<Self> {
        let processes = Processes::of(size).await?;
        let folder = tempfile::TempDir::new()?;
        let log = folder.path().join("console.log");
        let console = processes.start_logged("console", &[("ORGMIRROR_CONSOLE__LISTEN", "127.0.0.1:0")], &log)?;
        let services = [processes.start("coordinator", "")?, processes.start("worker", "")?, console];
        let synced = processes.command(&["sync", "--wait"], &[]).await?;
        ensure!(synced.status.success(), "the first sync: {}", String::from_utf8_lossy(&synced.stderr));
        let said = loop {
            let said = std::fs::read_to_string(&log)?;
            if said.contains("/welcome?code=") {
                break said;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        let word = |start: &str| {
            said.split_whitespace().find(|word| word.starts_with("http") && word.contains(start)).map(str::to_owned)
        };
        Ok(Self {
            address: word("http").context("the console's address")?,
            set_up: word("/welcome?code=").context("the link to set up")?,
            processes,
            _services: services,
        })
    }

    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// A browser in which the first administrator has signed in by the link that was printed.
    pub(crate) async fn visited(&self, width: u32, height: u32) -> Result<Browser> {
        let browser = Browser::start(width, height).await?;
        browser.open(&self.set_up).await?;
        browser.type_into("#name", "Ada").await?;
        browser.type_into("#password", "a long enough password").await?;
        browser.click("main button[type=submit]").await?;
        browser.reads("Dashboard").await?;
        Ok(browser)
    }
}
