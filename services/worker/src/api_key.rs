//! The API's client, and another one when the key has changed where it is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use orgmirror_atlassian::{Budget, Client, ClientConfig, KeyFingerprint, KeyWatch, StoredKey};
use orgmirror_store::StoreResult;

use crate::WorkerSettings;
use crate::env::Env;
use crate::measure;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A person who stored a new key waits for this.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The client of the key that is current.
pub(crate) struct Api {
    client: RwLock<Arc<Client>>,
    watch: Mutex<KeyWatch>,
    /// The key in use has not been said to be the current one.
    unsaid: AtomicBool,
    settings: WorkerSettings,
    budget: Budget,
}

impl Api {
    pub(crate) fn new(settings: &WorkerSettings, budget: Budget) -> Result<Self, BoxError> {
        let watch = KeyWatch::start(settings.key.clone())?;
        let client = RwLock::new(Arc::new(client(settings, watch.key(), &budget)?));
        Ok(Self { client, watch: Mutex::new(watch), unsaid: AtomicBool::new(false), settings: settings.clone(), budget })
    }

    /// The client to use now.
    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key as last read.
    pub(crate) fn key(&self) -> StoredKey {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).key().clone()
    }

    /// Tells for ever what the budget of the current key has learnt.
    pub(crate) fn watch_budget(&self, env: Arc<Env>) -> impl Future<Output = ()> + use<> {
        let (budget, org) = (self.budget.clone(), self.settings.org_id.clone());
        measure::watch_budget(budget, org, move || env.api.client().fingerprint().clone())
    }

    /// Reads the key again, and takes it up if it is another one or has another last day.
    fn look(&self) -> Result<(), BoxError> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(changed) = watch.changed()? else { return Ok(()) };
        let renewed = client(&self.settings, changed, &self.budget)?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        self.unsaid.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Env {
    /// Reads the key again. Whether the one in use is now another than the one refused; then that is the current one.
    pub(crate) async fn has_another_key_than(&self, refused: &KeyFingerprint) -> StoreResult<bool> {
        if let Err(error) = self.api.look() {
            tracing::warn!(error = &*error as &dyn std::error::Error, "cannot read the API key again");
        }
        self.make_key_current().await?;
        Ok(self.api.client().fingerprint() != refused)
    }

    /// Says which key is current unless that is said, and lets runs go on that were held for the one before. What fails is still to be said.
    async fn make_key_current(&self) -> StoreResult<()> {
        if !self.api.unsaid.load(Ordering::Relaxed) {
            return Ok(());
        }
        let stored = self.api.key();
        self.store.set_current_key(self.org, stored.key.fingerprint().as_str(), stored.expires_on).await?;
        for run in self.store.held_by_key(self.org).await? {
            self.store.resume_run(run, None).await?;
        }
        self.api.unsaid.store(false, Ordering::Relaxed);
        tracing::info!(key = %stored.key.fingerprint(), "another API key is in use; runs that were held for their key go on");
        Ok(())
    }

    /// Looks for a new key for ever.
    pub(crate) async fn watch_key(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.api.look() {
                // Said where it matters: when a call is refused.
                tracing::debug!(error = &*error as &dyn std::error::Error, "cannot read the API key again");
            }
            if let Err(error) = self.make_key_current().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot say that another API key is in use; trying again in a moment"
                );
            }
        }
    }
}

fn client(settings: &WorkerSettings, stored: &StoredKey, budget: &Budget) -> Result<Client, BoxError> {
    let mut config = ClientConfig::new(settings.base_url.clone(), settings.org_id.clone(), stored.key.clone());
    config.request_timeout = settings.request_timeout;
    Ok(Client::new(config, budget.clone())?)
}
