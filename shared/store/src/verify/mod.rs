//! T5: what verifying asks for, in rounds, and what it reports at the end.
//!
//! Round 1 asks by id for every row that no page listed, for every row that came incomplete and for every subject of an unfinished
//! look-up, asks again for the groups whose reported member count differs from the mirrored one, for the API's counts, and which product
//! roles are held directly. Round 2 repairs what still differs, cheapest
//! first, within 2 % of the run's calls. Round 3 asks for members that the mirror has and a member list has not. There is no fourth:
//! what remains different is reported.

mod counts;
mod incomplete;
mod members;
mod report;
mod unlisted;

use crate::barrier::{LockedRun, LockedScope};
use crate::transaction::Tx;
use crate::{StoreResult, direct_role};

pub(crate) use report::report;

/// A round of verifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round(i16);

impl Round {
    pub(crate) const FIRST: Self = Self(1);
    const LAST: i16 = 3;

    /// The round after that one; `None` after the last.
    pub(crate) fn after(round: i16) -> Option<Self> {
        (round < Self::LAST).then_some(Self(round + 1))
    }
}

/// Registers the jobs of a round.
pub(crate) async fn open_round(tx: &mut Tx, run: LockedRun, round: Round) -> StoreResult<()> {
    // Tables that were empty when statistics were last taken: a nested loop over them would be quadratic.
    sqlx::query!(r#"SELECT set_config('enable_nestloop', 'off', true) AS "set!""#).fetch_one(&mut **tx).await?;
    match (run.scope, round) {
        (LockedScope::Full, Round(1)) => {
            unlisted::ask_for_unlisted_accounts(tx, run).await?;
            unlisted::ask_for_unlisted_groups(tx, run).await?;
            incomplete::ask_again_for_incomplete_rows(tx, run).await?;
            members::ask_again_for_differing_groups(tx, run).await?;
            counts::ask_for_counts(tx, run).await?;
            direct_role::ask(tx, run).await
        }
        (LockedScope::Full, Round(2)) => {
            counts::read_short_partitions_again(tx, run).await?;
            members::list_members_of_differing_groups(tx, run).await
        }
        (LockedScope::Full, Round(3)) | (LockedScope::Groups, Round(1)) => members::ask_for_unlisted_members(tx, run).await,
        _ => Ok(()),
    }
}

/// Marks which round is under way.
pub(crate) async fn mark_round(tx: &mut Tx, run: LockedRun, round: Round) -> StoreResult<()> {
    sqlx::query!(
        r#"-- verify.mark_round
        UPDATE sync_run SET verify_round = $3 WHERE run_key = $1 AND phase = 'verifying' AND verify_round = $2"#,
        run.run.0,
        run.round,
        round.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn calls_so_far(tx: &mut Tx, run: LockedRun) -> StoreResult<u64> {
    let calls = sqlx::query_scalar!(
        r#"-- verify.calls_so_far
        SELECT coalesce(sum(calls), 0)::bigint AS "calls!" FROM sync_job WHERE run_key = $1"#,
        run.run.0
    );
    Ok(u64::try_from(calls.fetch_one(&mut **tx).await?).unwrap_or_default())
}
