//! The Organization API: where it is, which organisation, which key.

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
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
    /// A file that holds the key, as it is or sealed, and maybe a second line `expires 2027-03-01`. A new key in it is taken up within
    /// seconds, without a restart.
    pub api_key_file: Option<PathBuf>,
    /// The key's last day, as its maker chose it: the API does not tell.
    pub api_key_expires: Option<NaiveDate>,
    /// Opens a sealed key: a name, a space, and 32 bytes in base64; older ones in further lines.
    #[serde(serialize_with = "masked")]
    pub sealing_key: Option<SecretString>,
    /// A file that holds the sealing key.
    pub sealing_key_file: Option<PathBuf>,
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
            api_key_expires: None,
            sealing_key: None,
            sealing_key_file: None,
            request_timeout: Duration::from_secs(60),
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

    /// What to tell somebody who configured no key.
    pub fn key_missing() -> ConfigError {
        ConfigError::Missing {
            setting: "ORGMIRROR_ATLASSIAN__API_KEY",
            remedy: "make a key in the organisation's administration under Settings > API keys, and set it or ..__API_KEY_FILE",
        }
    }
}

fn masked<S: Serializer>(key: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    // What is serialized is shown to people, or has no key yet.
    match key {
        Some(key) if !key.expose_secret().is_empty() => serializer.serialize_str("********"),
        _ => serializer.serialize_none(),
    }
}
