//! Direct product roles: what a full run asks about them, which lists it reads, and what it finds at its end.
//!
//! The counts are compared with what the mirror has of groups at that moment, so they are asked for in verifying, when every page is read.

mod found;

use orgmirror_domain::direct_role::{Question, UnitRoles};
use orgmirror_domain::ids::{OrgKey, ResourceId, RunKey};
use orgmirror_domain::partition;
use orgmirror_domain::plan::Plan;

pub(crate) use found::find;

use crate::attempt::{Drawn, Job, lock_pending};
use crate::barrier::LockedRun;
use crate::lookup::Committed;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, lock};

/// Number of the first list of roles among a run's partitions: far behind those of users and groups.
const FIRST_LIST: i32 = 1_000_000;

impl Store {
    /// Products and the resources on which somebody may use them.
    pub async fn product_resources(&self, org: OrgKey) -> StoreResult<Vec<(String, ResourceId)>> {
        let rows = sqlx::query!(
            r#"-- direct_role.resources
            SELECT product, resource_id FROM access_key WHERE org_key = $1 ORDER BY product, resource_id"#,
            org.0
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (row.product, ResourceId(row.resource_id))).collect())
    }

    /// How many pages a run expected to read.
    pub async fn expected_pages(&self, run: RunKey) -> StoreResult<u64> {
        let plan = sqlx::query_scalar!("SELECT plan FROM sync_run WHERE run_key = $1", run.0).fetch_one(&self.pool).await?;
        let plan: Plan = plan.map(serde_json::from_value).transpose().map_err(plan_json)?.unwrap_or_default();
        Ok(partition::pages(plan.users) + partition::pages(plan.groups))
    }

    /// How many visible accounts hold what each question asks about by a group, in the questions' order.
    pub async fn held_by_groups(&self, org: OrgKey, questions: &[Question]) -> StoreResult<Vec<u64>> {
        let asked = questions.iter().enumerate().flat_map(|(at, question)| {
            question
                .resources
                .iter()
                .map(move |resource| (i32::try_from(at).unwrap_or(i32::MAX), question.role.as_str(), resource.as_str()))
        });
        let (mut numbers, mut roles, mut resources) = (Vec::new(), Vec::new(), Vec::new());
        for (number, role, resource) in asked {
            numbers.push(number);
            roles.push(role);
            resources.push(resource);
        }
        let rows = sqlx::query!(
            r#"-- direct_role.held_by_groups
            WITH granting AS MATERIALIZED (
                SELECT DISTINCT r.group_key, asked.question
                FROM group_grants AS r
                INNER JOIN org_group AS g ON g.group_key = r.group_key AND g.known_alive AND NOT g.missing
                CROSS JOIN LATERAL jsonb_array_elements(r.grants) AS item
                CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
                INNER JOIN unnest($2::integer[], $3::text[], $4::text[]) AS asked (question, role, resource_id)
                    ON asked.role = role.value AND asked.resource_id = item ->> 'resource'
                WHERE r.org_key = $1
            )
            SELECT granting.question AS "question!", count(DISTINCT a.account_key) AS "accounts!"
            FROM account AS a
            CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
            INNER JOIN granting ON granting.group_key = member.group_key
            WHERE a.org_key = $1 AND a.known_alive AND NOT a.missing
            GROUP BY granting.question"#,
            org.0,
            &numbers,
            &roles as &[&str],
            &resources as &[&str]
        );
        let mut held = vec![0; questions.len()];
        for row in rows.fetch_all(&self.pool).await? {
            if let Some(one) = usize::try_from(row.question).ok().and_then(|at| held.get_mut(at)) {
                *one = row.accounts.max(0).unsigned_abs();
            }
        }
        Ok(held)
    }

    /// T4 of the job that counts roles: what was decided is kept with the run, and each list's first page is registered.
    pub async fn commit_roles(&self, job: &Job, drawn: Drawn, calls: i32, decided: &[UnitRoles]) -> StoreResult<Committed> {
        let roles = serde_json::to_value(decided).map_err(roles_json)?;
        let (mut resources, mut words) = (Vec::new(), Vec::new());
        for unit in decided {
            for role in &unit.listed {
                resources.extend(unit.resources.iter().map(ResourceId::as_str));
                words.extend(unit.resources.iter().map(|_| role.as_str()));
            }
        }
        transact!(self, |tx| {
            lock::shared(tx, job.run).await?;
            if !lock_pending(tx, job.key).await? {
                return Ok(Committed::Refused);
            }
            sqlx::query!(
                r#"-- direct_role.decided
                UPDATE sync_run SET roles = $2 WHERE run_key = $1"#,
                job.run.0,
                roles
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!(
                r#"-- direct_role.lists
                INSERT INTO sync_job (run_key, kind, partition, descending, restart, page, page_limit, filter, subjects)
                SELECT $1, 'role_page', $4 + list.position::integer, false, 0, 0, 100,
                    jsonb_build_object('resource_ids', jsonb_build_array(list.resource_id), 'role_ids', jsonb_build_array(list.role)),
                    ARRAY[list.resource_id, list.role]
                FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS list (resource_id, role, position)"#,
                job.run.0,
                &resources as &[&str],
                &words as &[&str],
                FIRST_LIST
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!(
                r#"-- direct_role.counted
                UPDATE sync_job
                SET state = 'done', finished_at = clock_timestamp(), instant = $2, calls = calls + $3
                WHERE job_key = $1 AND state = 'pending'"#,
                job.key.0,
                drawn.instant.0,
                calls
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!("SELECT notify_run($1)", job.run.0).execute(&mut **tx).await?;
            Ok(Committed::Now)
        })
    }

    /// Gives a list of roles up: what it would have told is not known after this run, and the run goes on without it.
    pub async fn abandon_role_list(&self, job: &Job, calls: i32) -> StoreResult<Committed> {
        transact!(self, |tx| {
            lock::shared(tx, job.run).await?;
            if !lock_pending(tx, job.key).await? {
                return Ok(Committed::Refused);
            }
            sqlx::query!(
                r#"-- direct_role.abandon
                UPDATE sync_job SET state = 'superseded', finished_at = clock_timestamp(), calls = calls + $2 WHERE job_key = $1"#,
                job.key.0,
                calls
            )
            .execute(&mut **tx)
            .await?;
            sqlx::query!("SELECT notify_run($1)", job.run.0).execute(&mut **tx).await?;
            Ok(Committed::Now)
        })
    }
}

/// Registers the job that counts roles.
pub(crate) async fn ask(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    sqlx::query!(
        r#"-- direct_role.ask
        INSERT INTO sync_job (run_key, kind) VALUES ($1, 'roles')"#,
        run.run.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn plan_json(source: serde_json::Error) -> StoreError {
    StoreError::Json { column: "sync_run.plan", source }
}

fn roles_json(source: serde_json::Error) -> StoreError {
    StoreError::Json { column: "sync_run.roles", source }
}
