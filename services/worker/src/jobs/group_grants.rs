//! What one group grants, on which resources.

use std::time::Duration;

use orgmirror_atlassian::{ApiError, Operation};
use orgmirror_domain::ids::GroupId;
use orgmirror_store::attempt::Asking;
use orgmirror_store::lookup::Committed;

use crate::env::{Delivered, Env};
use crate::read::{Left, PATIENCE};

/// Pages of one group's grants that are read at most; far more than there are products and sites.
const PAGES: usize = 100;

/// Reads all that the group grants, whole, under the instant of the first page.
pub(crate) async fn group_grants(env: &Env, job: &Delivered) -> Result<Committed, Left> {
    let Some(group) = job.subjects.first().and_then(|id| GroupId::parse(id)) else {
        return Err(Left::Hopeless { reason: "the ledger holds a group id that is no UUID".to_owned(), calls: 0 });
    };
    let (mut grants, mut cursor, mut drawn, mut calls) = (Vec::new(), None::<String>, None, 0);
    for _ in 0..PAGES {
        // Only the first page may go back to the queue: after that, calls would be lost.
        let patience = if drawn.is_none() { Duration::ZERO } else { PATIENCE };
        let read = env
            .read_within(patience, Asking::For(job.key()), job.lane, Operation::GroupRoleAssignments, |client, permit| {
                let cursor = cursor.clone();
                async move { client.group_role_assignments(permit, None, group, cursor.as_deref()).await }
            })
            .await;
        let read = match read {
            Ok(read) => read,
            // Gone since its page was listed: it grants nothing. Whether the group itself is gone is for a look-up to say.
            Err(Left::Api { error: ApiError::NotFound { .. }, calls: made, .. }) => {
                let Some(drawn) = env.store.draw(Asking::For(job.key())).await? else { return Err(Left::NotWanted) };
                return Ok(env.store.commit_grants(job, drawn, calls + made, group, &[]).await?);
            }
            Err(left) => return Err(left.with_calls(calls)),
        };
        calls += read.calls;
        let first = *drawn.get_or_insert(read.drawn);
        grants.extend(read.answer.rows);
        cursor = read.answer.next;
        if cursor.is_none() {
            grants.sort_unstable();
            return Ok(env.store.commit_grants(job, first, calls, group, &grants).await?);
        }
    }
    Err(Left::Hopeless { reason: format!("the grants of group {group} go on for more than {PAGES} pages"), calls })
}
