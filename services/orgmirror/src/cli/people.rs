//! Commands about who may use the console and its API.

use std::time::Duration;

use clap::{Args, Subcommand};
use orgmirror_domain::access::Role;

#[derive(Debug, Subcommand)]
pub(crate) enum People {
    /// All of them.
    ///
    /// Example: `orgmirror people list`
    List,
    /// Adds a person, and prints the link by which they choose a password.
    ///
    /// Example: `orgmirror people add ana --role viewer`
    Add {
        /// As they sign in.
        name: String,
        #[command(flatten)]
        allowed: Allowed,
        /// Who asks.
        #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
        by: String,
    },
    /// Prints a link by which a person chooses another password.
    ///
    /// Example: `orgmirror people link ana`
    Link {
        /// Their name.
        name: String,
        /// Who asks.
        #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
        by: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// All that work.
    ///
    /// Example: `orgmirror tokens list`
    List,
    /// Makes one and prints it, this once.
    ///
    /// Example: `orgmirror tokens make reports --role viewer --life 90days`
    Make {
        /// What it is for.
        name: String,
        #[command(flatten)]
        allowed: Allowed,
        /// How long it works.
        #[arg(long, value_name = "TIME", default_value = "90days", value_parser = humantime::parse_duration)]
        life: Duration,
        /// Who asks.
        #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
        by: String,
    },
    /// Refuses one from now on.
    ///
    /// Example: `orgmirror tokens revoke 7`
    Revoke {
        /// Its number, as `orgmirror tokens list` shows it.
        id: i32,
        /// Who asks.
        #[arg(long, env = "USER", value_name = "NAME", default_value = "")]
        by: String,
    },
}

/// What somebody may do, and where.
#[derive(Args, Debug)]
pub(crate) struct Allowed {
    /// viewer sees, operator also starts syncs and changes accounts, admin also changes settings and people.
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub(crate) role: Role,
    /// Only on these sites, by id, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "ID,..")]
    pub(crate) sites: Vec<String>,
}

fn role(word: &str) -> Result<Role, String> {
    word.parse().map_err(|_| "a role is viewer, operator or admin".to_owned())
}
