//! What the lists of a run come to: one statement that writes the rows of `direct_role` that differ.

use std::collections::HashSet;

use orgmirror_domain::direct_role::{UnitRoles, drift};
use orgmirror_domain::licence::SEAT_ROLES;

use super::roles_json;
use crate::StoreResult;
use crate::barrier::LockedRun;
use crate::transaction::Tx;

/// Finds who holds what directly, as of this run. A product whose roles were not all read loses what earlier runs knew of it: nobody
/// could say as of when that is true.
pub(crate) async fn find(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    let decided = sqlx::query_scalar!("SELECT roles FROM sync_run WHERE run_key = $1", run.run.0).fetch_one(&mut **tx).await?;
    let Some(decided) = decided else { return Ok(()) };
    let decided: Vec<UnitRoles> = serde_json::from_value(decided).map_err(roles_json)?;
    let broken = broken_lists(tx, run).await?;
    let is_read = |unit: &&UnitRoles| unit.not_read.is_empty() && !unit.resources.iter().any(|one| broken.contains(one.as_str()));
    let mut unread: Vec<&str> = decided.iter().filter(|unit| !is_read(unit)).map(|unit| unit.product.as_str()).collect();
    unread.sort_unstable();
    unread.dedup();
    let mut places = Places::default();
    for (number, unit) in decided.iter().filter(is_read).enumerate() {
        places.add(number, unit);
    }
    write(tx, run, &places).await?;
    sqlx::query!(
        r#"-- direct_role.unread
        UPDATE org SET roles_unread = $2 WHERE org_key = $1 AND roles_unread IS DISTINCT FROM $2"#,
        run.org.0,
        &unread as &[&str]
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Resources of which a list was given up, after its last restart.
async fn broken_lists(tx: &mut Tx, run: LockedRun) -> StoreResult<HashSet<String>> {
    let broken = sqlx::query_scalar!(
        r#"-- direct_role.broken
        SELECT DISTINCT job.subjects[1] AS "resource!" FROM sync_job AS job
        WHERE job.run_key = $1 AND job.kind = 'role_page' AND job.state = 'superseded'
            AND NOT EXISTS (
                SELECT FROM sync_job AS later
                WHERE later.run_key = $1 AND later.partition = job.partition AND later.restart > job.restart
            )"#,
        run.run.0
    );
    Ok(broken.fetch_all(&mut **tx).await?.into_iter().collect())
}

/// Resources whose roles were read, column by column.
#[derive(Default)]
struct Places {
    units: Vec<i32>,
    resources: Vec<String>,
    inferred: Vec<Option<String>>,
    counted: Vec<i64>,
}

impl Places {
    fn add(&mut self, number: usize, unit: &UnitRoles) {
        let counted = unit.inferred.as_ref().map_or(0, |one| one.counted - drift(one.counted));
        for resource in &unit.resources {
            self.units.push(i32::try_from(number).unwrap_or(i32::MAX));
            self.resources.push(resource.as_str().to_owned());
            self.inferred.push(unit.inferred.as_ref().map(|one| one.role.clone()));
            self.counted.push(i64::try_from(counted).unwrap_or(i64::MAX));
        }
    }
}

async fn write(tx: &mut Tx, run: LockedRun, places: &Places) -> StoreResult<()> {
    // Every table is read whole; without statistics, as in a first run, the planner would look rows up one by one.
    sqlx::query!(r#"SELECT set_config('enable_nestloop', 'off', true) AS "set!""#).fetch_one(&mut **tx).await?;
    sqlx::query!(
        r#"-- direct_role.write
        WITH place AS MATERIALIZED (
            SELECT p.access_key, read.resource_id, read.unit, read.inferred, read.counted
            FROM unnest($3::integer[], $4::text[], $5::text[], $6::bigint[]) AS read (unit, resource_id, inferred, counted)
            INNER JOIN access_key AS p ON p.org_key = $2 AND p.resource_id = read.resource_id
        ),
        granting AS MATERIALIZED (
            SELECT DISTINCT r.group_key, place.access_key, role.value AS role
            FROM group_grants AS r
            INNER JOIN org_group AS g ON g.group_key = r.group_key AND g.known_alive AND NOT g.missing
            CROSS JOIN LATERAL jsonb_array_elements(r.grants) AS item
            CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
            INNER JOIN place ON place.resource_id = item ->> 'resource'
            WHERE r.org_key = $2
        ),
        access AS MATERIALIZED (
            SELECT a.account_key, place.access_key, place.unit, place.inferred
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.access_keys) AS own (access_key)
            INNER JOIN place ON place.access_key = own.access_key
            WHERE a.org_key = $2 AND a.known_alive AND NOT a.missing
        ),
        by_group AS MATERIALIZED (
            SELECT a.account_key, granting.access_key, array_agg(DISTINCT granting.role) AS roles
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
            INNER JOIN granting ON granting.group_key = member.group_key
            WHERE a.org_key = $2 AND a.known_alive AND NOT a.missing
            GROUP BY a.account_key, granting.access_key
        ),
        listed AS MATERIALIZED (
            SELECT sighting.key AS account_key, place.access_key, array_agg(DISTINCT job.subjects[2]) AS roles
            FROM sync_job AS job
            INNER JOIN place ON place.resource_id = job.subjects[1]
            CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
            WHERE job.run_key = $1 AND job.kind = 'role_page' AND job.state = 'done'
            GROUP BY sighting.key, place.access_key
        ),
        held AS MATERIALIZED (
            SELECT
                access.account_key, access.access_key, access.unit, access.inferred,
                coalesce(by_group.roles, '{}') AS by_group,
                CASE
                    WHEN by_group.roles IS NULL AND listed.roles IS NULL THEN array_remove(ARRAY[access.inferred], NULL)
                    ELSE ARRAY (
                        SELECT one.role FROM unnest(listed.roles) AS one (role)
                        WHERE one.role <> ALL (coalesce(by_group.roles, '{}')) ORDER BY one.role
                    )
                END AS direct
            FROM access
            LEFT JOIN by_group ON by_group.account_key = access.account_key AND by_group.access_key = access.access_key
            LEFT JOIN listed ON listed.account_key = access.account_key AND listed.access_key = access.access_key
        ),
        -- Units of which the API counts more holders of the inferred role than are found: somebody holds it besides another.
        hidden AS (
            SELECT place.unit
            FROM (SELECT DISTINCT unit, inferred, counted FROM place WHERE inferred IS NOT NULL) AS place
            LEFT JOIN held ON held.unit = place.unit AND (place.inferred = ANY (held.direct) OR place.inferred = ANY (held.by_group))
            WHERE place.inferred = ANY ($7)
            GROUP BY place.unit, place.counted
            HAVING count(DISTINCT held.account_key) < place.counted
        ),
        found AS MATERIALIZED (
            SELECT
                held.account_key, held.access_key, held.direct AS roles,
                held.direct && $7 OR held.by_group && $7 OR held.unit NOT IN (SELECT unit FROM hidden) AS certain
            FROM held
            WHERE held.direct <> '{}' OR (held.by_group <> '{}' AND NOT held.by_group && $7)
        ),
        gone AS (
            DELETE FROM direct_role AS d
            WHERE d.org_key = $2
                AND NOT EXISTS (SELECT FROM found WHERE found.account_key = d.account_key AND found.access_key = d.access_key)
        )
        INSERT INTO direct_role AS d (account_key, access_key, org_key, roles, certain)
        SELECT found.account_key, found.access_key, $2, found.roles, found.certain
        FROM found
        LEFT JOIN direct_role AS stored ON stored.account_key = found.account_key AND stored.access_key = found.access_key
        WHERE (stored.roles, stored.certain) IS DISTINCT FROM (found.roles, found.certain)
        ON CONFLICT (account_key, access_key) DO UPDATE SET roles = excluded.roles, certain = excluded.certain"#,
        run.run.0,
        run.org.0,
        &places.units,
        &places.resources,
        &places.inferred as &[Option<String>],
        &places.counted,
        &SEAT_ROLES.map(str::to_owned)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
