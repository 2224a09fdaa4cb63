//! Whether the two chains that read a partition from both ends have met.

use orgmirror_domain::ids::RunKey;
use orgmirror_domain::partition::PAGE;
use orgmirror_domain::two_ends::{self, Sighting};

use super::Keyed;
use super::claim::Claimed;
use crate::StoreResult;
use crate::transaction::Tx;

/// Compares all that this chain has listed with all that the opposite chain has. Both may commit at once and not see one another:
/// the next page of either sees it.
pub(super) async fn have_met<F>(
    tx: &mut Tx,
    run: RunKey,
    claimed: &Claimed,
    page: &Keyed<F>,
    expected: i64,
) -> StoreResult<bool> {
    let mine = u32::try_from(claimed.page).unwrap_or_default();
    let read = (u64::from(mine) + 1 + claimed.read_by_other) * PAGE;
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
