//! Whether the two chains that read a partition from both ends have met.

use std::collections::HashMap;

use orgmirror_domain::ids::RunKey;
use orgmirror_domain::partition::PAGE;
use orgmirror_domain::two_ends::{self, Sighting};

use super::Keyed;
use super::claim::{Chain, Claimed};
use crate::StoreResult;
use crate::transaction::Tx;

/// How many pages the chain opposite to each of these has committed.
pub(super) async fn read_by_other_ends(tx: &mut Tx, run: RunKey, chains: &[&Claimed]) -> StoreResult<HashMap<Chain, u64>> {
    let two_ended: Vec<&&Claimed> = chains.iter().filter(|one| one.expected.is_some()).collect();
    if two_ended.is_empty() {
        return Ok(HashMap::new());
    }
    let partitions: Vec<i32> = two_ended.iter().map(|one| one.partition).collect();
    let descending: Vec<bool> = two_ended.iter().map(|one| one.descending).collect();
    let rows = sqlx::query!(
        r#"-- page.other_ends
        SELECT chain.partition AS "partition!", chain.descending AS "descending!", other.pages AS "pages!"
        FROM unnest($2::integer[], $3::boolean[]) AS chain (partition, descending)
        CROSS JOIN LATERAL (
            SELECT page + 1 AS pages FROM sync_job AS job
            WHERE job.run_key = $1 AND job.partition = chain.partition AND job.descending = NOT chain.descending AND job.state = 'done'
            ORDER BY job.restart DESC, job.page DESC
            LIMIT 1
        ) AS other"#,
        run.0,
        &partitions,
        &descending
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| ((row.partition, row.descending), u64::try_from(row.pages).unwrap_or_default())).collect())
}

/// Compares all that this chain has listed with all that the opposite chain has. Both may commit at once and not see one another:
/// the next page of either sees it.
pub(super) async fn have_met<F>(
    tx: &mut Tx,
    run: RunKey,
    claimed: &Claimed,
    page: &Keyed<F>,
    expected: i64,
    pages_of_other: u64,
) -> StoreResult<bool> {
    let mine = u32::try_from(claimed.page).unwrap_or_default();
    let read = (u64::from(mine) + 1 + pages_of_other) * PAGE;
    if !two_ends::look_for_meeting(read, u64::try_from(expected).unwrap_or_default(), mine) {
        return Ok(false);
    }
    let pages = sqlx::query!(
        r#"-- page.listings
        SELECT descending AS "descending!", seen AS "seen!", sort_hashes AS "sort_hashes!: Vec<Option<i64>>"
        FROM sync_job WHERE run_key = $1 AND partition = $2 AND state = 'done'"#,
        run.0,
        claimed.partition,
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut mine: Vec<Sighting> = page.seen.iter().copied().zip(page.hashes.iter().copied()).collect();
    let mut theirs: Vec<Sighting> = Vec::new();
    for listing in pages {
        let chain = if listing.descending == claimed.descending { &mut mine } else { &mut theirs };
        chain.extend(listing.seen.into_iter().zip(listing.sort_hashes));
    }
    Ok(two_ends::have_met(&mine, &theirs))
}
