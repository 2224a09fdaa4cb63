//! Products on sites, for menus and headings.

use orgmirror_domain::ids::OrgKey;
use serde::Serialize;

use crate::{Store, StoreResult};

/// A product on a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProductPlace {
    /// The API's word.
    pub product: String,
    /// The resource's ARI.
    pub resource_id: String,
    /// Name of the site, or its id.
    pub site: String,
    /// Id of the site.
    pub site_id: String,
}

impl Store {
    /// All of an organisation, by product and site.
    pub async fn product_places(&self, org: OrgKey) -> StoreResult<Vec<ProductPlace>> {
        let rows = sqlx::query_as!(
            ProductPlace,
            r#"-- browse.places
            SELECT product, resource_id, coalesce(name, site_id) AS "site!", site_id FROM workspace
            WHERE org_key = $1
            ORDER BY product, 3, resource_id"#,
            org.0
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
