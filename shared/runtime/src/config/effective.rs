//! The settings as they are in effect, each with where it comes from, for people. Secrets are masked: what is told may be pasted anywhere.

use figment::Figment;
use serde::Serialize;
use serde_json::Value;

use super::{Config, ConfigError};

/// A setting in effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effective {
    /// Its key as the file has it: `sync.lease`.
    pub key: String,
    /// Its value; null if it is unset.
    pub value: Value,
    /// The file, `environment`, or `default`.
    pub origin: String,
}

/// What stands for a secret.
const MASK: &str = "********";

/// All settings, in the order of their sections.
pub(super) fn effective(figment: &Figment, config: &Config) -> Result<Vec<Effective>, ConfigError> {
    let values = serde_json::to_value(config).map_err(|error| ConfigError::Unusable(Box::new(error.to_string().into())))?;
    let mut settings = Vec::new();
    flatten(String::new(), values, &mut |key, value| {
        let origin = origin(figment, &key);
        let value = if key.ends_with("_url") { without_password(value) } else { value };
        settings.push(Effective { key, value, origin });
    });
    Ok(settings)
}

fn flatten(key: String, value: Value, found: &mut impl FnMut(String, Value)) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(if key.is_empty() { name } else { format!("{key}.{name}") }, value, found);
            }
        }
        value => found(key, value),
    }
}

fn origin(figment: &Figment, key: &str) -> String {
    let Some(metadata) = figment.find_metadata(key) else { return "default".to_owned() };
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        _ if metadata.name.contains("environment") => "environment".to_owned(),
        _ => "default".to_owned(),
    }
}

/// An address without the password in it. One that cannot be read is masked whole: the password may be anywhere.
fn without_password(address: Value) -> Value {
    let Value::String(text) = &address else { return address };
    let Some((scheme, rest)) = text.split_once("://") else { return MASK.into() };
    let Some((credentials, place)) = rest.rsplit_once('@') else { return address };
    let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
    format!("{scheme}://{user}:{MASK}@{place}").into()
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's own test harness returns its error by value")]
mod tests {
    use std::path::Path;

    use figment::Jail;

    use super::*;

    /// Goal: what is printed tells where each value comes from and may be pasted into a ticket.
    #[test]
    fn origins_are_told_and_secrets_are_not() {
        Jail::expect_with(|jail| {
            jail.create_file("orgmirror.toml", "[sync]\nlease = \"10s\"\n[atlassian]\napi_key = \"sesame-1\"\n")?;
            jail.set_env("ORGMIRROR_DATABASE_URL", "postgres://mirror:sesame-2@db/mirror");
            jail.set_env("ORGMIRROR_REDIS_URL", "redis://:sesame-3@cache:6379");
            let settings = Config::effective(Path::new("orgmirror.toml")).map_err(|error| error.to_string())?;
            let told = |key: &str| {
                settings
                    .iter()
                    .find(|one| one.key == key)
                    .map(|one| (one.value.to_string(), one.origin.clone()))
                    .unwrap_or_default()
            };
            assert_eq!(told("sync.lease").0, "\"10s\"");
            assert!(told("sync.lease").1.ends_with("orgmirror.toml"), "{:?}", told("sync.lease"));
            assert_eq!(told("database_url"), ("\"postgres://mirror:********@db/mirror\"".to_owned(), "environment".to_owned()));
            assert_eq!(told("redis_url").0, "\"redis://:********@cache:6379\"");
            assert_eq!(told("worker.concurrency"), ("8".to_owned(), "default".to_owned()));
            let all = serde_json::to_string(&settings).map_err(|error| error.to_string())?;
            assert!(all.contains("********") && !all.contains("sesame"), "{all}");
            Ok(())
        });
    }
}
