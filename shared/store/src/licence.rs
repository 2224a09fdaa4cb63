//! Seats of each product on each site, as the mirror and the workspaces call tell them.

use chrono::{DateTime, Utc};
use orgmirror_domain::ids::{OrgKey, ResourceId};
use orgmirror_domain::licence::{Activity, Alike, SEAT_ROLES, Seat, Seats, takes_seat};
use serde::Serialize;

use crate::filter::grants;
use crate::{Store, StoreResult};

/// One product on one site.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Licence {
    /// The API's word: `confluence`.
    pub product: String,
    /// Name of the site, or its id where the workspaces call does not name it.
    pub site: String,
    /// The resource's ARI.
    pub resource_id: String,
    /// Seats that may be used, as the API reports; null for no limit, or not told.
    pub capacity: Option<i64>,
    /// Seats in use, as the API reports: the measure of what is counted below.
    pub usage: Option<i64>,
    /// What the mirror's accounts add up to.
    #[serde(flatten)]
    pub seats: Seats,
}

impl Store {
    /// All products of an organisation, by product and site. Who was active since then is active.
    pub async fn licences(&self, org: OrgKey, since: DateTime<Utc>) -> StoreResult<Vec<Licence>> {
        let seats = grants(&mut *self.pool.acquire().await?, org).await?;
        let (resources, groups): (Vec<String>, Vec<i32>) = seats
            .into_iter()
            .filter(|granted| takes_seat(granted.owner.as_deref(), &granted.role))
            .map(|granted| (granted.resource.0, granted.group_key))
            .unzip();
        let rows = sqlx::query!(
            r#"-- licence.alike
            WITH seat AS MATERIALIZED (
                SELECT p.access_key, array_agg(DISTINCT granted.group_key) AS group_keys
                FROM unnest($2::text[], $3::integer[]) AS granted (resource_id, group_key)
                INNER JOIN access_key AS p ON p.org_key = $1 AND p.resource_id = granted.resource_id
                GROUP BY p.access_key
            ), alike AS (
                SELECT
                    access.access_key, a.status, coalesce(seat.group_keys && a.group_keys, false) OR coalesce(d.roles && $5, false) AS seat_held,
                    coalesce(d.certain, false) AS roles_known,
                    access.active_at >= $4 AS active_within, coalesce(a.added_to_org_at < $4, false) AS added_before, count(*) AS accounts
                FROM account AS a
                CROSS JOIN LATERAL unnest(a.access_keys, a.access_active_at) AS access (access_key, active_at)
                LEFT JOIN seat ON seat.access_key = access.access_key
                LEFT JOIN direct_role AS d ON d.account_key = a.account_key AND d.access_key = access.access_key
                WHERE a.org_key = $1 AND a.known_alive AND a.hidden_at IS NULL
                GROUP BY 1, 2, 3, 4, 5, 6
            )
            SELECT
                coalesce(p.product, w.product) AS "product!", coalesce(p.resource_id, w.resource_id) AS "resource_id!",
                w.name AS "site?", w.capacity AS "capacity?", w.usage AS "usage?",
                alike.status AS "status?", coalesce(alike.seat_held, false) AS "seat_held!", coalesce(alike.roles_known, false) AS "roles_known!", alike.active_within AS "active_within?",
                coalesce(alike.added_before, false) AS "added_before!", coalesce(alike.accounts, 0) AS "accounts!"
            FROM (SELECT * FROM access_key WHERE org_key = $1) AS p
            FULL JOIN (SELECT * FROM workspace WHERE org_key = $1) AS w ON w.resource_id = p.resource_id AND w.product = p.product
            LEFT JOIN alike ON alike.access_key = p.access_key
            -- A product that nobody may use any more and that is on no site is not there.
            WHERE w.resource_id IS NOT NULL OR alike.accounts > 0
            ORDER BY 1, 3, 2"#,
            org.0,
            &resources,
            &groups,
            since,
            &SEAT_ROLES.map(str::to_owned)
        );
        let mut licences: Vec<Licence> = Vec::new();
        for row in rows.fetch_all(&self.pool).await? {
            let alike = Alike {
                status: row.status,
                seat: Seat::of(row.seat_held, row.roles_known),
                activity: Activity::judge(row.active_within, row.added_before),
                accounts: row.accounts.max(0).unsigned_abs(),
            };
            match licences.last_mut().filter(|last| last.resource_id == row.resource_id && last.product == row.product) {
                Some(last) => last.seats.add(&alike),
                None => licences.push(Licence {
                    site: row.site.unwrap_or_else(|| ResourceId::from(row.resource_id.as_str()).site().to_owned()),
                    product: row.product,
                    resource_id: row.resource_id,
                    capacity: row.capacity,
                    usage: row.usage,
                    seats: Seats::of([&alike]),
                }),
            }
        }
        Ok(licences)
    }
}
