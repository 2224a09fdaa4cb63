//! One file for each command: settings, connections, work, end.

mod accounts;
mod audit;
mod bulk;
mod bulk_actions;
mod change_run;
mod config;
mod doctor;
mod filters;
mod groups;
mod healthcheck;
mod licenses;
mod migrate;
mod operations;
mod orgsim;
mod people;
mod runs;
mod seal;

mod services;
mod status;
mod sync;
mod tasks;
mod up;
mod users;

use anyhow::Result;
use orgmirror_runtime::config::Config;
use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::outcome::Outcome;

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> Result<Outcome> {
    if let Command::Orgsim(arguments) = cli.command {
        return orgsim::run(arguments).await;
    }
    let config = Config::load(&cli.config)?;
    match cli.command {
        Command::Up(arguments) => up::run(config, arguments, cli.json).await,
        Command::Coordinator => services::coordinator(&config).await,
        Command::Worker => services::worker(&config).await,
        Command::Console => services::console(&config).await,
        Command::People(command) => people::run(&config, command, cli.json).await,
        Command::Tokens(command) => people::tokens(&config, command, cli.json).await,
        Command::Migrate => migrate::run(&config).await,
        Command::Sync(arguments) => sync::run(&config, arguments, cli.json).await,
        Command::Status => status::run(&config, cli.json).await,
        Command::Runs(arguments) => runs::run(&config, arguments, cli.json).await,
        Command::Users(arguments) => users::run(&config, arguments, cli.json).await,
        Command::Groups(arguments) => groups::run(&config, arguments, cli.json).await,
        Command::Licenses(arguments) => licenses::run(&config, arguments, cli.json).await,
        Command::Filters(command) => filters::run(&config, command, cli.json).await,
        Command::Cancel(run) => change_run::cancel(&config, run).await,
        Command::Approve(run) => change_run::approve(&config, run).await,
        Command::Resume(run) => change_run::resume(&config, run).await,
        Command::Config => config::run(&cli.config, cli.json),
        Command::Doctor => doctor::run(&config, cli.json).await,
        Command::Healthcheck => healthcheck::run(&config).await,
        Command::SealKey(arguments) => seal::run(&config, arguments.expires),
        Command::Bulk(arguments) => bulk::run(&config, arguments, cli.json).await,
        Command::Operations(arguments) => operations::run(&config, arguments, cli.json).await,
        Command::Tasks(command) => tasks::run(&config, command, cli.json).await,
        Command::Audit(arguments) => audit::run(&config, arguments, cli.json).await,
        Command::Orgsim(_) => Ok(Outcome::WrongUsage),
    }
}

/// One JSON document on standard output.
fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}
