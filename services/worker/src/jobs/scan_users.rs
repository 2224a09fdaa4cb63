//! Pages of users of a partition, and of a group's members.

use std::sync::Arc;

use orgmirror_atlassian::{ApiError, Client, Operation, Permit};
use orgmirror_domain::observation::Account;
use orgmirror_domain::query::{Page, PageQuery, UserFilter};
use orgmirror_store::StoreResult;
use orgmirror_store::page::{PageCommit, PageOutcome};

use super::filter_of;
use crate::chain::{Listing, walk};
use crate::env::{Delivered, Env};
use crate::read::Left;

/// Walks a chain of users from this page on.
pub(crate) async fn scan_users(env: &Env, job: &mut Delivered) -> Result<(), Left> {
    let filter = filter_of::<UserFilter>(job)?;
    walk::<Users>(env, job, filter).await
}

struct Users;

impl Listing for Users {
    type Row = Account;
    type Filter = UserFilter;

    const OPERATION: Operation = Operation::UsersPage;

    async fn fetch(client: Arc<Client>, permit: Permit, query: PageQuery<UserFilter>) -> Result<Page<Account>, ApiError> {
        client.users_page(permit, &query).await?.expanded_page()
    }

    async fn commit(env: &Env, job: &Delivered, page: PageCommit<Account>) -> StoreResult<PageOutcome> {
        env.group_commit.commit(job.org, job.run, env.store.ready_accounts(job.org, page).await?).await
    }
}
