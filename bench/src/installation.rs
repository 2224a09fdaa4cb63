//! The product as somebody runs it: services in processes of their own, settings in the environment, a command that syncs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use crate::database::Database;
use crate::guard::Guard;
use crate::progress::say;
use crate::service::Service;
use crate::simulator::Simulator;

/// What a service logs once it has its connections.
const READY: &str = "at work";
/// Part of the link that a console without people prints.
const SET_UP: &str = "/welcome?code=";
/// Between two lines about a sync that is under way.
const NEWS_EVERY: Duration = Duration::from_secs(20);
/// A sync that takes longer is broken.
const SYNC_PATIENCE: Duration = Duration::from_secs(3_600);

/// One database, one Redis, one simulated organisation, and the services between them.
#[derive(Debug)]
pub(crate) struct Installation {
    executable: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    pub(crate) database: Database,
    services: Vec<Service>,
}

/// A finished sync.
#[derive(Debug)]
pub(crate) struct Synced {
    /// From the start of `orgmirror sync --wait` to its end.
    pub(crate) seconds: f64,
    pub(crate) run: Run,
}

/// The summary that it printed.
#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) state: String,
    pub(crate) rows_added: i64,
    pub(crate) rows_changed: i64,
    pub(crate) rows_removed: i64,
    pub(crate) discrepancies: Vec<Value>,
}

impl Installation {
    pub(crate) async fn new(
        executable: &Path,
        folder: &Path,
        postgres: &str,
        redis: &str,
        simulator: &Simulator,
    ) -> Result<Self> {
        let servers = [("ORGMIRROR_DATABASE_URL", postgres), ("ORGMIRROR_REDIS_URL", redis)];
        // What is measured is asked for, and nothing else makes calls.
        let alone = [("ORGMIRROR_SYNC__INITIAL", "false"), ("ORGMIRROR_SYNC__EVENTS", "false")];
        let environment = servers.into_iter().chain(alone).chain(simulator.variables());
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let database = Database::connect(postgres).await?;
        Ok(Self { executable: executable.to_owned(), folder: folder.to_owned(), environment, database, services: Vec::new() })
    }

    pub(crate) async fn migrate(&self) -> Result<()> {
        let output = self.command("migrate").output().await.context("migrate the database")?;
        if !output.status.success() {
            bail!("migrating failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Starts a coordinator and so many workers with so many calls in flight each, and waits until they are at work.
    pub(crate) async fn start(&mut self, workers: usize, concurrency: usize) -> Result<()> {
        let coordinator = self.command("coordinator");
        self.services.push(Service::start("coordinator".to_owned(), coordinator, &self.folder, READY).await?);
        for number in 1..=workers {
            let mut worker = self.command("worker");
            worker.env("ORGMIRROR_WORKER__CONCURRENCY", concurrency.to_string());
            self.services.push(Service::start(format!("worker-{number}"), worker, &self.folder, READY).await?);
        }
        Ok(())
    }

    /// Starts a console on a free port, and returns the link by which its first administrator is made.
    pub(crate) async fn start_console(&mut self) -> Result<String> {
        let mut console = self.command("console");
        console.env("ORGMIRROR_CONSOLE__LISTEN", "127.0.0.1:0");
        let console = Service::start("console".to_owned(), console, &self.folder, SET_UP).await?;
        let link = console.log().split_whitespace().find(|word| word.contains(SET_UP)).map(str::to_owned);
        self.services.push(console);
        link.context("the console printed no link")
    }

    /// The process of the service of that name.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        self.services.iter().find(|service| service.name() == name)?.pid()
    }

    /// Asks for a sync and waits for its end.
    pub(crate) async fn sync(&mut self, simulator: &Simulator) -> Result<Synced> {
        let mut command = self.command("sync");
        command.args(["--wait", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = Instant::now();
        let child = command.spawn().context("start the sync")?;
        let _guard = child.id().map(Guard::over).transpose()?;
        let ending = child.wait_with_output();
        tokio::pin!(ending);
        let mut news = tokio::time::interval_at(tokio::time::Instant::now() + NEWS_EVERY, NEWS_EVERY);
        let output = loop {
            tokio::select! {
                output = &mut ending => break output.context("wait for the sync")?,
                _ = news.tick() => {
                    say(format!("  ... {:.0} s, {} calls so far", start.elapsed().as_secs_f64(), simulator.calls().await?.total));
                    for service in &mut self.services {
                        service.check()?;
                    }
                    if start.elapsed() > SYNC_PATIENCE {
                        bail!("the sync did not end within {SYNC_PATIENCE:?}; {}", self.last_words());
                    }
                }
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let run: Option<Run> = serde_json::from_str(&out).ok();
        match run {
            Some(run) if output.status.success() && run.state == "completed" => {
                say(format!("  {seconds:.2} s"));
                Ok(Synced { seconds, run })
            }
            _ => bail!("the sync ended with {}: {out}{err}\n{}", output.status, self.last_words()),
        }
    }

    /// Stops the services and closes the connections. The database stays until the lab ends.
    pub(crate) async fn stop(mut self) -> Result<()> {
        // Workers before the coordinator: started last, stopped first.
        while let Some(service) = self.services.pop() {
            service.stop().await?;
        }
        self.database.close().await;
        Ok(())
    }

    /// A command of the product with this installation's settings and nobody else's.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.executable);
        for (variable, _) in std::env::vars_os().filter(|(variable, _)| variable.to_string_lossy().starts_with("ORGMIRROR_")) {
            command.env_remove(variable);
        }
        command.arg(name).current_dir(&self.folder).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn last_words(&self) -> String {
        let words = self.services.iter().map(|service| format!("{}:\n{}", service.name(), service.tail()));
        words.collect::<Vec<_>>().join("\n")
    }
}
