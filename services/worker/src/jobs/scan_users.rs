//! Pages of users of a partition, of a group's members, and of those who hold a role.

use std::sync::Arc;

use orgmirror_atlassian::{ApiError, Client, Operation, Permit};
use orgmirror_domain::ids::OrgKey;
use orgmirror_domain::observation::Account;
use orgmirror_domain::query::{Page, PageQuery, UserFilter};
use orgmirror_store::StoreResult;
use orgmirror_store::lookup::Committed;
use orgmirror_store::page::{PageCommit, ReadyPage};

use super::filter_of;
use crate::chain::{Listing, walk};
use crate::env::{Delivered, Env};
use crate::read::Left;

/// Walks a chain of users from this page on.
pub(crate) async fn scan_users(env: &Env, job: &mut Delivered) -> Result<Committed, Left> {
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

    async fn ready(env: &Env, org: OrgKey, page: PageCommit<Account>) -> StoreResult<ReadyPage> {
        env.store.ready_accounts(org, page).await
    }
}
