//! The API's own count of the organisation or of a partition, asked again after the scan.

use orgmirror_atlassian::Operation;
use orgmirror_domain::query::{GroupFilter, UserFilter};
use orgmirror_store::attempt::Asking;
use orgmirror_store::lookup::Committed;

use super::filter_of;
use crate::env::{Delivered, Env};
use crate::read::Left;

/// Counts users or groups, as the job's first subject says.
pub(crate) async fn count(env: &Env, job: &Delivered) -> Result<Committed, Left> {
    let asking = Asking::For(job.key());
    let read = if job.subjects.first().is_some_and(|kind| kind == "users") {
        let filter = filter_of::<UserFilter>(job)?;
        env.read(asking, job.lane, Operation::UsersCount, |client, permit| {
            let filter = filter.clone();
            async move { client.users_count(permit, &filter).await }
        })
        .await?
    } else {
        let filter = filter_of::<GroupFilter>(job)?;
        env.read(asking, job.lane, Operation::GroupsCount, |client, permit| {
            let filter = filter.clone();
            async move { client.groups_count(permit, &filter).await }
        })
        .await?
    };
    Ok(env.store.commit_count(job, read.drawn, read.calls, read.answer).await?)
}
