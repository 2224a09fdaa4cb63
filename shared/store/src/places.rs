//! T4 of the plan job: directories, sites and products, replaced whole under one instant, and the run's plan.

use orgmirror_domain::ids::{Instant, OrgKey};
use orgmirror_domain::observation::{Directory, Workspace};
use orgmirror_domain::plan::Plan;

use crate::attempt::{Drawn, Job, lock_pending};
use crate::lookup::Committed;
use crate::transaction::{Tx, transact};
use crate::{Store, StoreError, StoreResult, lock};

impl Store {
    /// Commits a plan. `drawn` is from before the first of its calls.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.name = "plan.commit", otel.kind = "client", db.system.name = "postgresql"))]
    pub async fn commit_plan(
        &self,
        job: &Job,
        drawn: Drawn,
        calls: i32,
        plan: &Plan,
        directories: &[Directory],
        workspaces: &[Workspace],
    ) -> StoreResult<Committed> {
        let plan = serde_json::to_value(plan).map_err(|source| StoreError::Json { column: "sync_run.plan", source })?;
        transact!(self, |tx| {
            lock::shared(tx, job.run).await?;
            if !lock_pending(tx, job.key).await? {
                return Ok(Committed::Refused);
            }
            sqlx::query!(
                r#"-- places.plan
                UPDATE sync_run SET plan = $2 WHERE run_key = $1"#,
                job.run.0,
                plan
            )
            .execute(&mut **tx)
            .await?;
            replace_places(tx, job.org, drawn.instant, directories, workspaces).await?;
            sqlx::query!(
                r#"-- places.mark_done
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
}

async fn replace_places(
    tx: &mut Tx,
    org: OrgKey,
    instant: Instant,
    directories: &[Directory],
    workspaces: &[Workspace],
) -> StoreResult<()> {
    let newer = sqlx::query!(
        r#"-- places.newer
        UPDATE org SET places_observed = $2 WHERE org_key = $1 AND places_observed < $2"#,
        org.0,
        instant.0
    );
    if newer.execute(&mut **tx).await?.rows_affected() == 0 {
        return Ok(());
    }
    let ids: Vec<&str> = directories.iter().map(|one| one.directory_id.as_str()).collect();
    let names: Vec<Option<&str>> = directories.iter().map(|one| one.name.as_deref()).collect();
    sqlx::query!(
        r#"-- places.drop_directories
        DELETE FROM directory WHERE org_key = $1 AND directory_id <> ALL ($2)"#,
        org.0,
        &ids as &[&str]
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        r#"-- places.directories
        INSERT INTO directory AS d (org_key, directory_id, name)
        SELECT $1, i.directory_id, i.name FROM unnest($2::text[], $3::text[]) AS i (directory_id, name)
        ON CONFLICT (org_key, directory_id) DO UPDATE SET name = excluded.name WHERE d.name IS DISTINCT FROM excluded.name"#,
        org.0,
        &ids as &[&str],
        &names as &[Option<&str>]
    )
    .execute(&mut **tx)
    .await?;
    replace_workspaces(tx, org, workspaces).await
}

async fn replace_workspaces(tx: &mut Tx, org: OrgKey, workspaces: &[Workspace]) -> StoreResult<()> {
    let resources: Vec<&str> = workspaces.iter().map(|one| one.resource.as_str()).collect();
    let products: Vec<&str> = workspaces.iter().map(|one| one.product.as_str()).collect();
    let sites: Vec<&str> = workspaces.iter().map(|one| one.resource.site()).collect();
    let names: Vec<Option<&str>> = workspaces.iter().map(|one| one.name.as_deref()).collect();
    let urls: Vec<Option<&str>> = workspaces.iter().map(|one| one.host_url.as_deref()).collect();
    let states: Vec<Option<&str>> = workspaces.iter().map(|one| one.status.as_deref()).collect();
    let capacities: Vec<Option<i64>> = workspaces.iter().map(|one| one.capacity).collect();
    let usages: Vec<Option<i64>> = workspaces.iter().map(|one| one.usage).collect();
    sqlx::query!(
        r#"-- places.drop_workspaces
        DELETE FROM workspace AS w
        WHERE w.org_key = $1
            AND NOT EXISTS (
                SELECT FROM unnest($2::text[], $3::text[]) AS i (resource_id, product)
                WHERE i.resource_id = w.resource_id AND i.product = w.product
            )"#,
        org.0,
        &resources as &[&str],
        &products as &[&str]
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        r#"-- places.workspaces
        INSERT INTO workspace AS w (org_key, resource_id, product, site_id, name, host_url, status, capacity, usage)
        SELECT DISTINCT ON (i.resource_id, i.product) $1::integer, i.*
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[])
            AS i (resource_id, product, site_id, name, host_url, status, capacity, usage)
        ON CONFLICT (org_key, resource_id, product) DO UPDATE SET
            site_id = excluded.site_id, name = excluded.name, host_url = excluded.host_url, status = excluded.status,
            capacity = excluded.capacity, usage = excluded.usage
        WHERE (w.site_id, w.name, w.host_url, w.status, w.capacity, w.usage)
            IS DISTINCT FROM (excluded.site_id, excluded.name, excluded.host_url, excluded.status, excluded.capacity, excluded.usage)"#,
        org.0,
        &resources as &[&str],
        &products as &[&str],
        &sites as &[&str],
        &names as &[Option<&str>],
        &urls as &[Option<&str>],
        &states as &[Option<&str>],
        &capacities as &[Option<i64>],
        &usages as &[Option<i64>],
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
