//! Seats day by day, for the trend of a year.

use chrono::{NaiveDate, TimeDelta, Utc};
use orgmirror_domain::ids::OrgKey;
use serde::Serialize;

use crate::{Store, StoreResult};

/// Who was not active for so many days is inactive in the trend.
pub const INACTIVE_DAYS: i64 = 90;

/// A month of all products together, as its last known day found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrendPoint {
    /// That day.
    pub day: NaiveDate,
    /// Accounts with access, once for each product that they may use.
    pub total: i64,
    /// Of these, not active for [`INACTIVE_DAYS`].
    pub inactive: i64,
    /// Certain to take a seat.
    pub billable: i64,
    /// Seats that are certain, and inactive.
    pub unused: i64,
}

impl Store {
    /// Keeps today's seats of every organisation that was ever synced and has none kept today. Cheap if there is nothing to do.
    pub async fn keep_licence_days(&self) -> StoreResult<()> {
        let orgs = sqlx::query_scalar!(
            r#"-- trend.missing
            SELECT o.org_key FROM org AS o
            WHERE o.watermark IS NOT NULL
                AND NOT EXISTS (SELECT FROM licence_day AS d WHERE d.org_key = o.org_key AND d.day = (now() AT TIME ZONE 'UTC')::date)"#
        );
        for org in orgs.fetch_all(&self.pool).await? {
            self.keep_licence_day(OrgKey(org)).await?;
        }
        Ok(())
    }

    async fn keep_licence_day(&self, org: OrgKey) -> StoreResult<()> {
        let now = Utc::now();
        let licences = self.licences(org, now - TimeDelta::days(INACTIVE_DAYS)).await?;
        let numbers = |of: fn(&orgmirror_domain::licence::Seats) -> u64| -> Vec<i64> {
            licences.iter().map(|licence| i64::try_from(of(&licence.seats)).unwrap_or(i64::MAX)).collect()
        };
        let texts = |of: fn(&crate::licence::Licence) -> &String| -> Vec<String> { licences.iter().map(of).cloned().collect() };
        sqlx::query!(
            r#"-- trend.keep
            INSERT INTO licence_day (
                org_key, day, product, resource_id, site, total, inactive, never_active, billable, billable_unknown, unused, capacity
            )
            SELECT $1, $2, * FROM unnest(
                $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[]
            )
            ON CONFLICT DO NOTHING"#,
            org.0,
            now.date_naive(),
            &texts(|licence| &licence.product),
            &texts(|licence| &licence.resource_id),
            &texts(|licence| &licence.site),
            &numbers(|seats| seats.total),
            &numbers(|seats| seats.inactive),
            &numbers(|seats| seats.never_active),
            &numbers(|seats| seats.billable),
            &numbers(|seats| seats.billable_unknown),
            &numbers(|seats| seats.unused),
            &licences.iter().map(|licence| licence.capacity).collect::<Vec<_>>() as &[Option<i64>]
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The last twelve months, the oldest first; those of which no day was kept are absent.
    pub async fn licence_trend(&self, org: OrgKey) -> StoreResult<Vec<TrendPoint>> {
        let rows = sqlx::query_as!(
            TrendPoint,
            r#"-- trend.year
            SELECT
                d.day, sum(d.total)::bigint AS "total!", sum(d.inactive)::bigint AS "inactive!", sum(d.billable)::bigint AS "billable!",
                sum(d.unused)::bigint AS "unused!"
            FROM licence_day AS d
            WHERE d.org_key = $1 AND d.day IN (
                SELECT max(m.day) FROM licence_day AS m
                WHERE m.org_key = $1 AND m.day > date_trunc('month', now() AT TIME ZONE 'UTC') - interval '11 months 1 day'
                GROUP BY date_trunc('month', m.day)
            )
            GROUP BY d.day
            ORDER BY d.day"#,
            org.0
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }
}
