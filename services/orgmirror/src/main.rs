//! The executable: reads the command line and the settings, runs one command, and ends with a status that scripts can rely on.

mod cli;
mod commands;
mod export;
mod forecast;
mod observe;
mod operation_text;
mod outcome;
mod summary;
mod task_text;
mod terminal;
mod typed_filter;
mod watch;
mod wiring;

use std::process::ExitCode;

use clap::Parser;
use orgmirror_runtime::telemetry::{self, LogFormat};

use cli::{Cli, Command};
use outcome::Outcome;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let cli = Cli::parse();
    let service = cli.command.service();
    let level = if service.is_some() { "info" } else { "warn" };
    // Sends what is left when it is dropped, after the runtime.
    let _exporters = telemetry::init(level, if cli.log_json { LogFormat::Json } else { LogFormat::Pretty }, service);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Outcome::failed(&anyhow::Error::new(error).context("start the runtime")),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(outcome) => outcome.into(),
        Err(error) => Outcome::failed(&error),
    }
}

impl Command {
    /// Its name if it is a service, which tells what it does; a command's own output is enough.
    fn service(&self) -> Option<&'static str> {
        match self {
            Self::Coordinator => Some("coordinator"),
            Self::Worker => Some("worker"),
            Self::Console => Some("console"),
            _ => None,
        }
    }
}
