//! The containers of docker-compose.yml, under a project name of their own, and what a person asks of them.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use orgmirror_tests::{Target, deployed, until};
use serde_json::Value;
use tokio::process::Command;

/// The simulated organisation of docker-compose.yml.
pub const ORG: &str = "8f3c0a52-5d2e-4b0c-9a41-6f1e2d3c4b5a";
const PROJECT: &str = "orgmirror-test";

/// Running containers.
pub struct Containers {
    /// What docker-compose.yml is filled in with.
    settings: Vec<(&'static str, String)>,
}

impl Containers {
    /// Builds the image and starts all services with the simulated organisation.
    pub async fn up() -> Result<Self> {
        let port = |name| Ok::<_, anyhow::Error>((name, Target::free("host")?.address.port().to_string()));
        let settings = vec![
            port("ORGMIRROR_CONSOLE_PORT")?,
            port("ORGMIRROR_PROMETHEUS_PORT")?,
            port("ORGMIRROR_GRAFANA_PORT")?,
            ("ORGMIRROR_ATLASSIAN__API_KEY_EXPIRES", "2099-12-31".to_owned()),
        ];
        let containers = Self { settings };
        // Of a test that was cut off.
        containers.down().await?;
        containers.compose(&["up", "--build", "--detach"]).await?;
        Ok(containers)
    }

    /// Ends all of it, with its data.
    pub async fn down(&self) -> Result<()> {
        self.compose(&["down", "--volumes", "--timeout", "30"]).await.map(drop)
    }

    /// So many workers.
    pub async fn scale(&self, workers: u64) -> Result<()> {
        self.compose(&["up", "--detach", "--no-recreate", "--scale", &format!("worker={workers}")]).await.map(drop)
    }

    /// Runs a command of orgmirror that prints one JSON document.
    pub async fn command(&self, arguments: &[&str]) -> Result<Value> {
        let told = self.run(arguments).await?;
        serde_json::from_str(told.trim()).with_context(|| format!("no JSON: {told}"))
    }

    /// Runs a command of orgmirror that prints a JSON document a line.
    pub async fn lines(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        self.run(arguments).await?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    async fn run(&self, arguments: &[&str]) -> Result<String> {
        let container = self.container("coordinator").await?;
        let output = docker(&[&["exec", &container, "orgmirror"], arguments].concat()).await?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Waits until the container's health check is content.
    pub async fn healthy(&self, service: &str) -> Result<()> {
        until(&format!("{service} is healthy"), async || {
            let container = self.inspect(service).await?;
            Ok((container["State"]["Health"]["Status"] == "healthy").then_some(()))
        })
        .await
    }

    /// What the Engine knows of the first container of a service.
    pub async fn inspect(&self, service: &str) -> Result<Value> {
        let output = docker(&["inspect", &self.container(service).await?]).await?;
        let mut all: Vec<Value> = serde_json::from_slice(&output.stdout)?;
        all.pop().context("the Engine knows the container")
    }

    /// Where a service is among the containers.
    pub async fn address(&self, service: &str) -> Result<String> {
        let container = self.inspect(service).await?;
        let networks = container["NetworkSettings"]["Networks"].as_object().context("it has a network")?;
        let address = networks.values().find_map(|network| network["IPAddress"].as_str());
        Ok(address.context("it has an address")?.to_owned())
    }

    /// Where a published port of a service is on this machine.
    pub async fn url(&self, service: &str, port: u16) -> Result<String> {
        let output = self.compose(&["port", service, &port.to_string()]).await?;
        Ok(format!("http://{}", String::from_utf8(output.stdout)?.trim()))
    }

    /// Starts a program in the image.
    pub async fn starts_with(&self, program: &str) -> Result<()> {
        docker(&["run", "--rm", "--network", "none", "--entrypoint", program, "orgmirror"]).await.map(drop)
    }

    /// How large the image is.
    pub async fn image_megabytes(&self) -> Result<u64> {
        let output = docker(&["image", "inspect", "--format", "{{.Size}}", "orgmirror"]).await?;
        Ok(String::from_utf8(output.stdout)?.trim().parse::<u64>()? / 1_000_000)
    }

    /// The last words of all services.
    pub async fn tell_logs(&self) -> Result<()> {
        let output = self.compose(&["logs", "--no-color", "--tail", "30"]).await?;
        eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    }

    async fn container(&self, service: &str) -> Result<String> {
        let output = self.compose(&["ps", "--quiet", service]).await?;
        let ids = String::from_utf8(output.stdout)?;
        Ok(ids.lines().next().with_context(|| format!("{service} has no container"))?.to_owned())
    }

    async fn compose(&self, arguments: &[&str]) -> Result<Output> {
        let file = deployed("../docker-compose.yml");
        let mut compose = Command::new("docker-compose");
        compose.args(["--project-name", PROJECT, "--profile", "demo", "--file"]).arg(file).args(arguments);
        checked(compose.envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())))).await
    }
}

async fn docker(arguments: &[&str]) -> Result<Output> {
    checked(Command::new("docker").args(arguments)).await
}

async fn checked(command: &mut Command) -> Result<Output> {
    let output = command.output().await.with_context(|| format!("start {command:?}"))?;
    ensure!(output.status.success(), "{:?} failed:\n{}", command.as_std(), String::from_utf8_lossy(&output.stderr));
    Ok(output)
}
