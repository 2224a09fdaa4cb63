//! Pages of groups of a partition.

use std::sync::Arc;

use orgmirror_atlassian::{ApiError, Client, Operation, Permit};
use orgmirror_domain::ids::OrgKey;
use orgmirror_domain::observation::Group;
use orgmirror_domain::query::{GroupFilter, Page, PageQuery};
use orgmirror_store::StoreResult;
use orgmirror_store::lookup::Committed;
use orgmirror_store::page::{PageCommit, ReadyPage};

use super::filter_of;
use crate::chain::{Listing, walk};
use crate::env::{Delivered, Env};
use crate::read::Left;

/// Walks a chain of groups from this page on.
pub(crate) async fn scan_groups(env: &Env, job: &mut Delivered) -> Result<Committed, Left> {
    let filter = filter_of::<GroupFilter>(job)?;
    walk::<Groups>(env, job, filter).await
}

struct Groups;

impl Listing for Groups {
    type Row = Group;
    type Filter = GroupFilter;

    const OPERATION: Operation = Operation::GroupsPage;

    async fn fetch(client: Arc<Client>, permit: Permit, query: PageQuery<GroupFilter>) -> Result<Page<Group>, ApiError> {
        client.groups_page(permit, &query).await
    }

    async fn ready(env: &Env, org: OrgKey, page: PageCommit<Group>) -> StoreResult<ReadyPage> {
        env.store.ready_groups(org, page).await
    }
}
