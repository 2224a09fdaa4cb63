//! Accounts or groups by id, up to ten a call. Who does not come back is absent.

use orgmirror_atlassian::Operation;
use orgmirror_domain::ids::{AccountId, GroupId};
use orgmirror_domain::query::{Direction, GroupFilter, PageQuery, UserFilter};
use orgmirror_store::attempt::Asking;
use orgmirror_store::lookup::Committed;

use crate::env::{Delivered, Env};
use crate::read::Left;

/// Asks for accounts by id.
pub(crate) async fn accounts(env: &Env, job: &Delivered) -> Result<Committed, Left> {
    let ids = job.subjects.iter().map(|id| AccountId::from(id.as_str())).collect();
    let query = by_id(UserFilter { account_ids: ids, ..UserFilter::default() });
    let read = env
        .read(Asking::For(job.key()), job.lane, Operation::UsersPage, async |client, permit| {
            client.users_page(permit, &query).await?.expanded_page()
        })
        .await?;
    Ok(env.store.commit_account_lookup(job, read.drawn, read.calls, read.answer.rows).await?)
}

/// Asks for groups by id.
pub(crate) async fn groups(env: &Env, job: &Delivered) -> Result<Committed, Left> {
    let ids = job.subjects.iter().filter_map(|id| GroupId::parse(id)).collect();
    let query = by_id(GroupFilter { group_ids: ids, ..GroupFilter::default() });
    let read = env
        .read(Asking::For(job.key()), job.lane, Operation::GroupsPage, async |client, permit| {
            client.groups_page(permit, &query).await
        })
        .await?;
    Ok(env.store.commit_group_lookup(job, read.drawn, read.calls, read.answer.rows).await?)
}

/// Ten ids always fit on one page, so a page's end is the answer's end.
fn by_id<F>(filter: F) -> PageQuery<F> {
    PageQuery { filter, direction: Direction::Ascending, cursor: None, limit: 100 }
}
