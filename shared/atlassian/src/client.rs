//! The client of one organisation with one key: its settings, its making, its permits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orgmirror_domain::ids::{AccountId, OrgId};
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};

use crate::budget::{Budget, BudgetWait, Family, FamilyState, KeyBudget};
use crate::key::{ApiKey, KeyFingerprint};
use crate::operation::{Lane, Operation, Permit};

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Scheme and host alone: `https://api.atlassian.com`. The client adds `/admin/...`.
    pub base_url: String,
    /// The organisation that the key belongs to.
    pub org_id: OrgId,
    /// The key that every call carries.
    pub key: ApiKey,
    /// From sending a request to the last byte of its answer.
    pub request_timeout: Duration,
    /// For the connection alone, TLS included.
    pub connect_timeout: Duration,
    /// The longest silence within an answer.
    pub read_timeout: Duration,
    /// No answer may be larger, after decompression. An honest page of 100 users has some 350 KB.
    pub max_body_bytes: usize,
}

impl ClientConfig {
    /// The settings for an organisation, with limits that fit the real service.
    pub fn new(base_url: impl Into<String>, org_id: OrgId, key: ApiKey) -> Self {
        Self {
            base_url: base_url.into(),
            org_id,
            key,
            request_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            max_body_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Why a client could not be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The base URL is more or less than scheme and host.
    #[error("the Atlassian base URL {given:?} is not usable: give scheme and host alone, such as https://api.atlassian.com")]
    BaseUrl {
        /// As configured.
        given: String,
    },
    /// The key cannot be sent as a header.
    #[error(
        "the API key {fingerprint} is empty or has characters that no key has; copy it again from admin.atlassian.com, Settings, API keys"
    )]
    Key {
        /// Which key.
        fingerprint: KeyFingerprint,
    },
    /// The HTTP client did not come up; the system's certificates are the usual reason.
    #[error("could not set up HTTPS to Atlassian; see that the system's CA certificates are installed (package ca-certificates)")]
    Http {
        /// What the HTTP client says.
        #[source]
        source: reqwest::Error,
    },
}

/// Makes the calls. Cheap to clone; clones share connections, budget and counter.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    base: Url,
    pub(crate) org_id: OrgId,
    pub(crate) fingerprint: KeyFingerprint,
    pub(crate) key: ApiKey,
    pub(crate) max_body_bytes: usize,
    pub(crate) budget: KeyBudget,
    shared_budget: Budget,
    pub(crate) calls: AtomicU64,
}

impl Client {
    /// A client whose calls are counted against the budget of its key. Connects to nothing yet.
    pub fn new(config: ClientConfig, budget: Budget) -> Result<Self, SetupError> {
        let base = base_url(&config.base_url)?;
        let fingerprint = config.key.fingerprint().clone();
        let mut http = reqwest::Client::builder()
            .default_headers(headers(&config.key)?)
            .user_agent(concat!("orgmirror/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            .read_timeout(config.read_timeout)
            .gzip(true)
            // A redirect would carry the key to wherever it points, and would be a second request on one permit.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        if base.scheme() == "http" {
            // A simulator's host may have no CA certificates, and needs none.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|source| SetupError::Http { source })?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                base,
                budget: budget.of_key(&config.org_id, &fingerprint),
                shared_budget: budget,
                org_id: config.org_id,
                fingerprint,
                key: config.key,
                max_body_bytes: config.max_body_bytes,
                calls: AtomicU64::new(0),
            }),
        })
    }

    /// Asks the key's budget, shared by all workers, for one call. Never sleeps: whoever is refused may do something else.
    pub async fn permit(&self, lane: Lane, operation: Operation) -> Result<Permit, BudgetWait> {
        let flight = self.inner.budget.take(Family::of(operation), lane).await?;
        Ok(Permit::new(lane, operation, flight))
    }

    /// What has been learnt about this key's limits, for each family of operations. Asks Redis alone.
    pub async fn budget_state(&self) -> Result<Vec<FamilyState>, redis::RedisError> {
        self.inner.shared_budget.state(&self.inner.org_id, &self.inner.fingerprint).await
    }

    /// How many requests this client and its clones have sent.
    pub fn calls(&self) -> u64 {
        self.inner.calls.load(Ordering::Relaxed)
    }

    /// The organisation it speaks for.
    pub fn org_id(&self) -> &OrgId {
        &self.inner.org_id
    }

    /// The key it uses, by name: an old key's refusal must not hold a run that has a new one.
    pub fn fingerprint(&self) -> &KeyFingerprint {
        &self.inner.fingerprint
    }

    /// The host that calls go to.
    pub(crate) fn host(&self) -> &str {
        self.inner.base.host_str().unwrap_or_default()
    }

    /// `/admin/<version>/orgs/<org>/<segments...>`; each segment is escaped.
    pub(crate) fn url(&self, version: &str, segments: &[&str]) -> Url {
        let mut url = self.inner.base.clone();
        // `base_url` has checked that the URL has a host, so that it has path segments too.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["admin", version, "orgs", self.inner.org_id.as_str()]).extend(segments);
        }
        url
    }

    /// `/users/<account>/manage/<segments...>`, of the account-lifecycle API.
    pub(crate) fn account_url(&self, account: &AccountId, segments: &[&str]) -> Url {
        let mut url = self.inner.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["users", account.as_str(), "manage"]).extend(segments);
        }
        url
    }

    /// `/admin/v1/orgs`.
    pub(crate) fn orgs_url(&self) -> Url {
        let mut url = self.inner.base.clone();
        url.set_path("/admin/v1/orgs");
        url
    }
}

fn base_url(given: &str) -> Result<Url, SetupError> {
    // What stands before an @ may be a password.
    let shown = given.rsplit_once('@').map_or_else(|| given.to_owned(), |(_, host)| format!("<left out>@{host}"));
    let refused = || SetupError::BaseUrl { given: shown.clone() };
    let url = Url::parse(given.trim()).map_err(|_| refused())?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    // Credentials in a URL end up in logs; the key has a setting of its own.
    let plain = url.username().is_empty() && url.password().is_none();
    let known = matches!(url.scheme(), "http" | "https") && url.has_host();
    if bare && plain && known { Ok(url) } else { Err(refused()) }
}

fn headers(key: &ApiKey) -> Result<HeaderMap, SetupError> {
    let refused = || SetupError::Key { fingerprint: key.fingerprint().clone() };
    if key.expose().is_empty() {
        return Err(refused());
    }
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| refused())?;
    bearer.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, bearer), (ACCEPT, HeaderValue::from_static("application/json"))]))
}
