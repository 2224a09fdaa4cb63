//! `last-active-dates`, in snake case.

use chrono::{DateTime, NaiveDate, Utc};
use orgmirror_domain::ids::ResourceId;
use serde::Deserialize;

use super::page::Links;
use super::{lenient, time};
use crate::activity::{Activity, ProductActivity};
use crate::error::Flaw;

#[derive(Deserialize)]
pub(crate) struct ActivityPage {
    data: Data,
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Data {
    product_access: Option<Vec<Product>>,
    #[serde(default, deserialize_with = "day")]
    added_to_org: Option<NaiveDate>,
}

#[derive(Deserialize)]
struct Product {
    id: Option<String>,
    key: Option<String>,
    #[serde(default, deserialize_with = "day")]
    last_active: Option<NaiveDate>,
    #[serde(default, deserialize_with = "time::lenient")]
    last_active_timestamp: Option<DateTime<Utc>>,
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    lenient::text(deserializer, |text| text.get(..10)?.parse().ok())
}

impl ActivityPage {
    pub(crate) fn into_activity(self, cursor: Option<&str>) -> Result<Activity, Flaw> {
        let products = self.data.product_access.unwrap_or_default().into_iter().enumerate().map(|(row, product)| {
            let resource = product.id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "id" })?;
            Ok(ProductActivity {
                resource: ResourceId(resource),
                product: product.key,
                last_active: product.last_active,
                last_active_at: product.last_active_timestamp,
            })
        });
        Ok(Activity {
            added_to_org: self.data.added_to_org,
            products: products.collect::<Result<_, Flaw>>()?,
            next: Links::next_after(self.links, cursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_is_read_in_both_forms_of_a_date() {
        let body = r#"{"data":{"product_access":[{"id":"ari:cloud:jira-software::site/9c","key":"jira-software","last_active":"2026-07-06",
            "last_active_timestamp":"2026-07-06T11:02:03Z"},{"id":"x","last_active":null}],"added_to_org":"2024-01-01T00:00:00Z"},"links":{}}"#;
        let activity = serde_json::from_str::<ActivityPage>(body).unwrap().into_activity(None).unwrap();
        assert_eq!(activity.added_to_org, NaiveDate::from_ymd_opt(2024, 1, 1));
        assert_eq!(activity.products[0].last_active, NaiveDate::from_ymd_opt(2026, 7, 6));
        assert_eq!((activity.products[1].last_active, activity.next), (None, None));
    }

    #[test]
    fn an_account_that_never_used_a_product_is_no_error() {
        let page: ActivityPage = serde_json::from_str(r#"{"data":{"product_access":[]}}"#).unwrap();
        assert!(page.into_activity(None).unwrap().products.is_empty());
    }
}
