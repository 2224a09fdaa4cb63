//! Seats that an operation would free, per product and site.

use orgmirror_domain::action::Action;
use orgmirror_domain::freed_seats::{Freed, Holders};
use orgmirror_domain::ids::{OrgKey, ResourceId};
use orgmirror_domain::licence::{SEAT_ROLES, Seat, takes_seat};
use serde::Serialize;
use sqlx::PgConnection;

use crate::StoreResult;
use crate::filter::grants;

/// Seats of one product on one site that would become free.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FreedSeats {
    /// The API's word: `confluence`.
    pub product: String,
    /// Name of the site, or its id where the workspaces call does not name it.
    pub site: String,
    /// The resource's ARI.
    pub resource_id: String,
    /// How many.
    #[serde(flatten)]
    pub freed: Freed,
}

/// What the action frees of the seats of these accounts, by product and site; none where nothing would be freed.
pub(super) async fn freed_seats(
    connection: &mut PgConnection,
    org: OrgKey,
    action: &Action,
    group: Option<i32>,
    accounts: &[i32],
    several_directories: bool,
) -> StoreResult<Vec<FreedSeats>> {
    let (resources, groups): (Vec<String>, Vec<i32>) = grants(connection, org)
        .await?
        .into_iter()
        .filter(|granted| takes_seat(granted.owner.as_deref(), &granted.role))
        .map(|granted| (granted.resource.0, granted.group_key))
        .unzip();
    // Direct roles that would still take a seat.
    let kept_roles: Vec<String> = match action {
        Action::RevokeRole { role, .. } => {
            SEAT_ROLES.iter().filter(|seat| **seat != role.as_str()).map(|seat| (*seat).to_owned()).collect()
        }
        _ => SEAT_ROLES.map(str::to_owned).to_vec(),
    };
    let rows = sqlx::query!(
        r#"-- operation.freed_seats
        WITH seat AS MATERIALIZED (
            SELECT
                p.access_key, array_agg(DISTINCT granted.group_key) AS group_keys,
                coalesce(array_agg(DISTINCT granted.group_key) FILTER (WHERE granted.group_key IS DISTINCT FROM $4), '{}') AS others
            FROM unnest($2::text[], $3::integer[]) AS granted (resource_id, group_key)
            INNER JOIN access_key AS p ON p.org_key = $1 AND p.resource_id = granted.resource_id
            GROUP BY p.access_key
        ), alike AS (
            SELECT
                access.access_key, a.status, coalesce(seat.group_keys && a.group_keys, false) OR coalesce(d.roles && $6, false) AS held,
                coalesce(seat.others && a.group_keys, false) OR coalesce(d.roles && $7, false) AS left_over,
                coalesce(d.certain, false) AS roles_known, count(*) AS accounts
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.access_keys) AS access (access_key)
            LEFT JOIN seat ON seat.access_key = access.access_key
            LEFT JOIN direct_role AS d ON d.account_key = a.account_key AND d.access_key = access.access_key
            WHERE a.account_key = ANY ($5)
            GROUP BY 1, 2, 3, 4, 5
        )
        SELECT
            p.product, p.resource_id, w.name AS "site?", alike.status, alike.held AS "held!", alike.left_over AS "left_over!",
            alike.roles_known AS "roles_known!", alike.accounts AS "accounts!"
        FROM alike
        INNER JOIN access_key AS p ON p.access_key = alike.access_key
        LEFT JOIN workspace AS w ON w.org_key = p.org_key AND w.resource_id = p.resource_id AND w.product = p.product
        ORDER BY p.product, w.name, p.resource_id"#,
        org.0,
        &resources,
        &groups,
        group,
        accounts,
        &SEAT_ROLES.map(str::to_owned),
        &kept_roles
    );
    let mut seats: Vec<FreedSeats> = Vec::new();
    for row in rows.fetch_all(connection).await? {
        let resource = ResourceId::from(row.resource_id);
        let holders = Holders {
            status: row.status,
            seat: Seat::of(row.held, row.roles_known),
            left: Seat::of(row.left_over, row.roles_known),
            accounts: row.accounts.max(0).unsigned_abs(),
        };
        let mut freed = Freed::default();
        freed.add(action, &resource, several_directories, &holders);
        match seats.last_mut().filter(|last| last.resource_id == resource.as_str() && last.product == row.product) {
            Some(last) => {
                last.freed.at_least += freed.at_least;
                last.freed.at_most += freed.at_most;
            }
            None => seats.push(FreedSeats {
                site: row.site.unwrap_or_else(|| resource.site().to_owned()),
                product: row.product,
                resource_id: resource.0,
                freed,
            }),
        }
    }
    seats.retain(|seats| seats.freed.at_most > 0);
    Ok(seats)
}
