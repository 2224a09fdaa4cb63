//! When an account was last active: one account per call, 200 calls a minute for an organisation.

use chrono::{DateTime, NaiveDate, Utc};
use orgmirror_domain::ids::{AccountId, ResourceId};

use crate::client::Client;
use crate::error::ApiError;
use crate::operation::{Operation, Permit};
use crate::transport::{Call, malformed};
use crate::wire::activity::ActivityPage;

/// A page of what one account did. A failed call says nothing about activity; an empty list says "never used a product".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Since when the account belongs to the organisation: a young account has had no time to be active.
    pub added_to_org: Option<NaiveDate>,
    /// The last activity by product and site; up to a day late.
    pub products: Vec<ProductActivity>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// The last activity in one product on one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductActivity {
    /// The site's ARI.
    pub resource: ResourceId,
    /// The product's key; its set is open.
    pub product: Option<String>,
    /// The day.
    pub last_active: Option<NaiveDate>,
    /// The moment, where the API tells it.
    pub last_active_at: Option<DateTime<Utc>>,
}

impl Client {
    /// When an account was last active.
    pub async fn last_active(&self, permit: Permit, account: &AccountId, cursor: Option<&str>) -> Result<Activity, ApiError> {
        let operation = Operation::LastActive;
        let mut url = self.url("v1", &["directory", "users", account.as_str(), "last-active-dates"]);
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let page: ActivityPage = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        page.into_activity(cursor).map_err(malformed(operation))
    }
}
