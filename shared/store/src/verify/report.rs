//! The end of verifying: what remains different is written down, and what a listing confirmed is remembered.

use orgmirror_domain::verify::Discrepancy;

use super::counts::count_differences;
use super::members::{Differences, Differing, anything_repaired, differing_groups};
use crate::barrier::{LockedRun, LockedScope};
use crate::transaction::Tx;
use crate::{StoreError, StoreResult, direct_role};

/// Ends verifying: writes down what remains different, which differences a listing confirmed, and who holds which role directly.
pub(crate) async fn report(tx: &mut Tx, run: LockedRun) -> StoreResult<()> {
    if run.scope != LockedScope::Full {
        return Ok(());
    }
    let mut discrepancies: Vec<Discrepancy> = Vec::new();
    // Nothing asked for and nothing confirmed earlier: the first look has found none, and it need not be repeated.
    let differing = if anything_repaired(tx, run).await? || anything_confirmed(tx, run).await? {
        differing_groups(tx, run, Differences::All).await?
    } else {
        Vec::new()
    };
    confirm_differences(tx, run, &differing).await?;
    discrepancies.extend(differing.into_iter().map(|group| Discrepancy {
        kind: "group_members".to_owned(),
        subject: group.group_id,
        detail: format!("the API reports {} members, the mirror has {}", group.reported, group.mirrored),
    }));
    discrepancies.extend(count_differences(tx, run).await?);
    let discrepancies =
        serde_json::to_value(&discrepancies).map_err(|source| StoreError::Json { column: "sync_run.discrepancies", source })?;
    sqlx::query!("UPDATE sync_run SET discrepancies = $2 WHERE run_key = $1", run.run.0, discrepancies)
        .execute(&mut **tx)
        .await?;
    direct_role::find(tx, run).await
}

/// Whether earlier runs have confirmed a difference of this organisation.
async fn anything_confirmed(tx: &mut Tx, run: LockedRun) -> StoreResult<bool> {
    let confirmed =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM confirmed_difference WHERE org_key = $1) AS "confirmed!""#, run.org.0);
    Ok(confirmed.fetch_one(&mut **tx).await?)
}

/// Differences that a member list of this run has confirmed are not read again while they stay the same.
async fn confirm_differences(tx: &mut Tx, run: LockedRun, differing: &[Differing]) -> StoreResult<()> {
    let keys: Vec<i32> = differing.iter().map(|group| group.group_key).collect();
    let reported: Vec<i32> = differing.iter().map(|group| group.reported).collect();
    let mirrored: Vec<i32> = differing.iter().map(|group| group.mirrored).collect();
    sqlx::query!(
        r#"-- verify.confirm
        INSERT INTO confirmed_difference AS c (org_key, group_key, reported, mirrored)
        SELECT $2, d.group_key, d.reported, d.mirrored
        FROM unnest($3::integer[], $4::integer[], $5::integer[]) AS d (group_key, reported, mirrored)
        WHERE EXISTS (
            SELECT FROM sync_job AS job
            WHERE job.run_key = $1 AND job.partition = -d.group_key AND job.kind = 'member_page' AND job.state = 'done'
        )
        ON CONFLICT (org_key, group_key) DO UPDATE SET reported = excluded.reported, mirrored = excluded.mirrored"#,
        run.run.0,
        run.org.0,
        &keys,
        &reported,
        &mirrored
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
