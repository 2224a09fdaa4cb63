//! The Organization API: where it is, which organisation, which key.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::ConfigError;

/// Section `atlassian`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Atlassian {
    /// Scheme and host of the API; `/admin/...` is added.
    pub base_url: String,
    /// The organisation's id: in the address of its administration, after `/o/`.
    pub org_id: Option<String>,
    /// An API key of the organisation, made by one of its admins.
    #[serde(serialize_with = "masked")]
    pub api_key: Option<SecretString>,
    /// A file that holds the key. It is read again when the key is refused, so a new key needs no restart.
    pub api_key_file: Option<PathBuf>,
    /// How long one call may take, body included.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
}

impl Default for Atlassian {
    fn default() -> Self {
        Self {
            base_url: "https://api.atlassian.com".to_owned(),
            org_id: None,
            api_key: None,
            api_key_file: None,
            request_timeout: Duration::from_secs(60),
        }
    }
}

/// Where the API key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// From the settings; a new one needs a restart.
    Setting(SecretString),
    /// From a file, which may change.
    File(PathBuf),
}

impl KeySource {
    /// The key as it is now.
    pub fn read(&self) -> Result<SecretString, ConfigError> {
        match self {
            Self::Setting(key) => Ok(key.clone()),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
                    setting: "ORGMIRROR_ATLASSIAN__API_KEY_FILE",
                    path: path.display().to_string(),
                    source,
                })?;
                Ok(SecretString::from(text.trim().to_owned()))
            }
        }
    }
}

impl Atlassian {
    /// The organisation's id.
    pub fn org_id(&self) -> Result<&str, ConfigError> {
        self.org_id.as_deref().ok_or(ConfigError::Missing {
            setting: "ORGMIRROR_ATLASSIAN__ORG_ID",
            remedy: "it is the part after /o/ in the address of the organisation's administration",
        })
    }

    /// Where the key comes from; a file goes before a key in the settings.
    pub fn key_source(&self) -> Result<KeySource, ConfigError> {
        if let Some(path) = &self.api_key_file {
            return Ok(KeySource::File(path.clone()));
        }
        self.api_key.clone().map(KeySource::Setting).ok_or(ConfigError::Missing {
            setting: "ORGMIRROR_ATLASSIAN__API_KEY",
            remedy: "make a key in the organisation's administration under Settings > API keys, and set it or ..__API_KEY_FILE",
        })
    }
}

fn masked<S: Serializer>(key: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    // Only the defaults are ever serialized, and they have no key.
    match key {
        Some(key) if !key.expose_secret().is_empty() => serializer.serialize_str("********"),
        _ => serializer.serialize_none(),
    }
}
