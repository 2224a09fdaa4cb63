//! The page after this one: registered by the transaction that marks its parent done, or not at all.

use std::collections::HashMap;

use orgmirror_domain::ids::{JobKey, RunKey};

use super::claim::{Chain, Claimed};
use super::{Keyed, NextPage, meeting};
use crate::transaction::Tx;
use crate::{StoreError, StoreResult};

/// A cursor that leads back is looked for on each so-many-th page: a loop does not go away.
const LOOK_FOR_LOOP: u32 = 16;

/// Registers the next page of each chain whose list goes on and whose other end has not been met, in one statement.
pub(super) async fn register<F>(
    tx: &mut Tx,
    run: RunKey,
    claimed: &[Claimed],
    pages: &[&Keyed<F>],
) -> StoreResult<HashMap<Chain, NextPage>> {
    let going_on: Vec<(&Claimed, &Keyed<F>, &str)> = claimed
        .iter()
        .filter(|one| !one.last_page)
        .filter_map(|one| {
            let page = pages.iter().find(|page| page.job == one.job)?;
            Some((one, *page, page.next.as_deref()?))
        })
        .collect();
    if going_on.is_empty() {
        return Ok(HashMap::new());
    }
    let mut met = Vec::with_capacity(going_on.len());
    for (one, page, cursor) in &going_on {
        let position = u32::try_from(one.page).unwrap_or_default();
        if position.is_multiple_of(LOOK_FOR_LOOP) && cursor_returns(tx, run, one, cursor).await? {
            return Err(StoreError::CursorLoop { partition: one.partition });
        }
        met.push(match one.expected {
            Some(expected) => meeting::have_met(tx, run, one, page, expected).await?,
            None => false,
        });
    }
    let jobs: Vec<i64> = going_on.iter().map(|(one, _, _)| one.job.0).collect();
    let cursors: Vec<&str> = going_on.iter().map(|(_, _, cursor)| *cursor).collect();
    let registered = sqlx::query!(
        r#"-- page.register_next
        INSERT INTO sync_job (
            run_key, kind, partition, descending, restart, page, page_limit, cursor, last_page, filter, expected, subjects, heard_at
        )
        SELECT
            parent.run_key, parent.kind, parent.partition, parent.descending, parent.restart, parent.page + 1,
            -- A page that had to be made small to be read is followed by larger ones again.
            CASE WHEN page_limit < 10 THEN 10 WHEN page_limit < 25 THEN 25 WHEN page_limit < 50 THEN 50 ELSE 100 END,
            child.cursor, child.met, parent.filter, parent.expected, parent.subjects, clock_timestamp()
        FROM unnest($1::bigint[], $2::text[], $3::boolean[]) AS child (parent_key, cursor, met)
        INNER JOIN sync_job AS parent ON parent.job_key = child.parent_key
        RETURNING job_key, partition AS "partition!", descending AS "descending!", page_limit AS "page_limit!", last_page"#,
        &jobs,
        &cursors as &[&str],
        &met
    );
    let registered = registered.fetch_all(&mut **tx).await?;
    Ok(registered
        .into_iter()
        .map(|row| {
            let next =
                NextPage { job: JobKey(row.job_key), last: row.last_page, limit: u32::try_from(row.page_limit).unwrap_or(1) };
            ((row.partition, row.descending), next)
        })
        .collect())
}

/// Whether the chain has been where the cursor leads.
async fn cursor_returns(tx: &mut Tx, run: RunKey, claimed: &Claimed, cursor: &str) -> StoreResult<bool> {
    let returns = sqlx::query_scalar!(
        r#"-- page.cursor_returns
        SELECT EXISTS (
            SELECT FROM sync_job AS job
            INNER JOIN sync_job AS this ON this.job_key = $2
            WHERE job.run_key = $1 AND job.partition = this.partition AND job.descending = this.descending
                AND job.restart = this.restart AND job.cursor = $3
        ) AS "returns!""#,
        run.0,
        claimed.job.0,
        cursor
    );
    Ok(returns.fetch_one(&mut **tx).await?)
}

/// A chain that reached its natural end has read what the other end would still read.
pub(super) async fn supersede_other_end(tx: &mut Tx, run: RunKey, claimed: &Claimed) -> StoreResult<()> {
    sqlx::query!(
        r#"-- page.supersede_other_end
        UPDATE sync_job SET state = 'superseded', finished_at = clock_timestamp()
        WHERE run_key = $1 AND partition = $2 AND descending <> $3 AND state = 'pending'"#,
        run.0,
        claimed.partition,
        claimed.descending,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
