//! The API's client, and a new one when the key has changed.

use std::sync::{Arc, PoisonError, RwLock};

use orgmirror_atlassian::{ApiKey, Budget, Client, ClientConfig, KeyFingerprint};
use orgmirror_runtime::config::KeySource;

use crate::WorkerSettings;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The client of the key that is current.
pub(crate) struct Api {
    client: RwLock<Arc<Client>>,
    source: KeySource,
    settings: WorkerSettings,
    budget: Budget,
}

impl Api {
    pub(crate) fn new(settings: &WorkerSettings, budget: Budget) -> Result<Self, BoxError> {
        let source = settings.key.clone();
        let client = client(settings, &source, &budget)?;
        Ok(Self { client: RwLock::new(Arc::new(client)), source, settings: settings.clone(), budget })
    }

    /// The client to use now.
    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the key again. The fingerprint of a key that differs from the one refused, if there is one now.
    pub(crate) fn renewed(&self, refused: &KeyFingerprint) -> Result<Option<KeyFingerprint>, BoxError> {
        let renewed = client(&self.settings, &self.source, &self.budget)?;
        if renewed.fingerprint() == refused {
            return Ok(None);
        }
        let fingerprint = renewed.fingerprint().clone();
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        Ok(Some(fingerprint))
    }
}

fn client(settings: &WorkerSettings, source: &KeySource, budget: &Budget) -> Result<Client, BoxError> {
    let mut config = ClientConfig::new(settings.base_url.clone(), settings.org_id.clone(), ApiKey::new(source.read()?));
    config.request_timeout = settings.request_timeout;
    Ok(Client::new(config, budget.clone())?)
}
