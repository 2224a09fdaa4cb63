//! Settings: defaults < `orgmirror.toml` < environment `ORGMIRROR_*` (`__` between levels) < flags.
//!
//! One file per section; a field's comment is its manual. An unknown key or a wrong value is an error that names it and where it
//! was set.

mod atlassian;
mod budget;
mod effective;
mod listen;
mod operation;
mod prices;
mod rate;
mod sync;
mod telemetry;
mod worker;

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

pub use atlassian::Atlassian;
pub use budget::Budget;
pub use effective::Effective;
pub use listen::{Console, Metrics};
pub use operation::Operation;
pub use prices::{Price, Prices};
pub use rate::Rate;
pub use sync::Sync;
pub use telemetry::Telemetry;
pub use worker::Worker;

/// All settings.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Postgres, as `postgres://user:password@host/database`. Unset: `orgmirror up` starts a private one.
    pub database_url: Option<String>,
    /// Redis, as `redis://host:6379`. Unset: `orgmirror up` starts a private one.
    pub redis_url: Option<String>,
    /// The Organization API.
    pub atlassian: Atlassian,
    /// Syncs.
    pub sync: Sync,
    /// Workers.
    pub worker: Worker,
    /// Bulk operations.
    pub operation: Operation,
    /// The call budget.
    pub budget: Budget,
    /// Prices of seats.
    pub prices: Prices,
    /// The console.
    pub console: Console,
    /// Metrics.
    pub metrics: Metrics,
    /// Traces.
    pub telemetry: Telemetry,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An unknown key, or a value that cannot be read. The text names both and their origin.
    #[error("the settings cannot be used: {0}")]
    Unusable(Box<figment::Error>),
    /// A setting that this command needs is missing.
    #[error("{setting} is not set; {remedy}")]
    Missing {
        /// Its name in the environment.
        setting: &'static str,
        /// How to set it.
        remedy: &'static str,
    },
    /// A setting that says nothing that can be understood.
    #[error("{setting} is {value:?}, which cannot be used: {problem}")]
    Wrong {
        /// Its name in the environment.
        setting: &'static str,
        /// What it is.
        value: String,
        /// Why not, and how it is written.
        problem: String,
    },
    /// A file that a setting names cannot be read.
    #[error("cannot read {path}, which {setting} names")]
    File {
        /// Its name in the environment.
        setting: &'static str,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Config {
    /// Reads the settings; `file` need not exist.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::figment(file).extract().map_err(|error| ConfigError::Unusable(Box::new(error)))
    }

    /// The settings as they are in effect, each with its origin, secrets masked.
    pub fn effective(file: &Path) -> Result<Vec<Effective>, ConfigError> {
        effective::effective(&Self::figment(file), &Self::load(file)?)
    }

    fn figment(file: &Path) -> Figment {
        let environment = Env::prefixed("ORGMIRROR_")
            // What the developer tools pass to tests is no setting.
            .filter(|key| !key.as_str().to_ascii_lowercase().starts_with("test_") && key != "bin")
            .split("__");
        Figment::from(Serialized::defaults(Self::default())).merge(Toml::file(file)).merge(environment)
    }

    /// Where Postgres is.
    pub fn database_url(&self) -> Result<&str, ConfigError> {
        self.database_url.as_deref().ok_or(ConfigError::Missing {
            setting: "ORGMIRROR_DATABASE_URL",
            remedy: "set it to postgres://user:password@host/database, or try `orgmirror up`, which starts a private one",
        })
    }

    /// Where Redis is.
    pub fn redis_url(&self) -> Result<&str, ConfigError> {
        self.redis_url.as_deref().ok_or(ConfigError::Missing {
            setting: "ORGMIRROR_REDIS_URL",
            remedy: "set it to redis://host:6379, or try `orgmirror up`, which starts a private one",
        })
    }
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's own test harness returns its error by value")]
mod tests {
    use std::time::Duration;

    use figment::Jail;

    use super::*;

    fn load() -> Result<Config, ConfigError> {
        Config::load(Path::new("orgmirror.toml"))
    }

    #[test]
    fn environment_wins_over_file_wins_over_default() {
        Jail::expect_with(|jail| {
            jail.create_file("orgmirror.toml", "[sync]\nlease = \"10s\"\nmax_delete_rows = 7\n")?;
            jail.set_env("ORGMIRROR_SYNC__LEASE", "20s");
            let config = load().map_err(|error| error.to_string())?;
            assert_eq!(config.sync.lease, Duration::from_secs(20));
            assert_eq!(config.sync.max_delete_rows, 7);
            assert_eq!(config.worker.concurrency, Worker::default().concurrency);
            Ok(())
        });
    }

    #[test]
    fn an_unknown_key_is_named() {
        Jail::expect_with(|jail| {
            jail.set_env("ORGMIRROR_SYNC__LEESE", "20s");
            let error = load().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("leese") && error.contains("ORGMIRROR_"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn prices_are_never_negative() {
        Jail::expect_with(|jail| {
            jail.create_file(
                "orgmirror.toml",
                "[prices]\ncurrency = \"EUR\"\n[prices.per_seat]\njira-software = 8\nconfluence = 5.5\n",
            )?;
            let config = load().map_err(|error| error.to_string())?;
            assert_eq!(config.prices.per_seat.get("jira-software"), Some(&Price(8.0)));
            jail.create_file("orgmirror.toml", "[prices.per_seat]\nconfluence = -1\n")?;
            let error = load().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("-1") && error.contains("confluence"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_rate_is_written_as_people_write_it() {
        Jail::expect_with(|jail| {
            jail.set_env("ORGMIRROR_BUDGET__RATE", "200/min");
            let config = load().map_err(|error| error.to_string())?;
            assert_eq!(config.budget.rate, Some(Rate { per_minute: 200 }));
            Ok(())
        });
    }
}
