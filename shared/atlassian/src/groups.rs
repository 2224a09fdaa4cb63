//! Groups: a page of them with their counts, how many there are, and what one of them grants.

use std::collections::BTreeMap;

use orgmirror_domain::ids::{DirectoryId, GroupId, ResourceId};
use orgmirror_domain::observation::{Grant, Group};
use orgmirror_domain::query::{GroupFilter, Page, PageQuery};
use serde_json::json;

use crate::client::Client;
use crate::error::{ApiError, Flaw};
use crate::operation::{Operation, Permit};
use crate::organisation::ListPage;
use crate::transport::{Call, malformed};
use crate::wire::filter;
use crate::wire::group::{RoleAssignment, Stats, WireGroup};
use crate::wire::organisation::Single;
use crate::wire::page::{Count, Envelope};
use crate::wire::search;

/// Counts come only if asked for.
const EXPAND: [&str; 2] = ["counts.resources", "counts.users"];
/// The largest page of role assignments that the API gives.
const GRANTS_PER_PAGE: u32 = 100;

/// How many groups of which sort the organisation has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupStats {
    /// All of them.
    pub all: Option<u64>,
    /// Those managed at Atlassian.
    pub managed: Option<u64>,
    /// Those that an identity provider keeps.
    pub synced: Option<u64>,
    /// Groups by type.
    pub types: BTreeMap<String, u64>,
}

impl Client {
    /// One page of `groups/search`, by name from the end that the query names, with counts.
    pub async fn groups_page(&self, permit: Permit, query: &PageQuery<GroupFilter>) -> Result<Page<Group>, ApiError> {
        let (operation, cursor) = (Operation::GroupsPage, query.cursor.as_deref());
        let url = self.url("v2", &["directories", "-", "groups", "search"]);
        let body = search::groups(query, &EXPAND);
        let envelope: Envelope<WireGroup> = self.call(permit, Call { operation, url, body: Some(body), cursor }).await?;
        groups_page(envelope, query).map_err(malformed(operation))
    }

    /// How many groups the filter matches.
    pub async fn groups_count(&self, permit: Permit, filter: &GroupFilter) -> Result<u64, ApiError> {
        let operation = Operation::GroupsCount;
        let mut url = self.url("v2", &["directories", "-", "groups", "count"]);
        filter::groups(&mut url, filter);
        let answer: Count = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        Ok(answer.count)
    }

    /// How many groups of which sort all directories have.
    pub async fn groups_stats(&self, permit: Permit) -> Result<GroupStats, ApiError> {
        let operation = Operation::GroupsStats;
        let url = self.url("v2", &["directories", "-", "groups", "stats"]);
        let Stats { totals, types } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        let types = types.into_iter().map(|row| (row.word, row.count)).collect();
        Ok(GroupStats { all: totals.all, managed: totals.managed, synced: totals.synced, types })
    }

    /// A page of what a group grants. Without its directory the group is looked for in all of them.
    pub async fn group_role_assignments(
        &self,
        permit: Permit,
        directory: Option<&DirectoryId>,
        group: GroupId,
        cursor: Option<&str>,
    ) -> Result<ListPage<Grant>, ApiError> {
        self.grants(permit, directory, group, None, cursor).await
    }

    /// What a group grants on one resource, which fits into one page.
    pub(crate) async fn group_grants_on(
        &self,
        permit: Permit,
        directory: &DirectoryId,
        group: GroupId,
        resource: &ResourceId,
    ) -> Result<ListPage<Grant>, ApiError> {
        self.grants(permit, Some(directory), group, Some(resource), None).await
    }

    async fn grants(
        &self,
        permit: Permit,
        directory: Option<&DirectoryId>,
        group: GroupId,
        resource: Option<&ResourceId>,
        cursor: Option<&str>,
    ) -> Result<ListPage<Grant>, ApiError> {
        let operation = Operation::GroupRoleAssignments;
        let directory = directory.map_or("-", DirectoryId::as_str);
        let mut url = self.url("v2", &["directories", directory, "groups", &group.to_string(), "role-assignments"]);
        url.query_pairs_mut()
            .append_pair("limit", &GRANTS_PER_PAGE.to_string())
            .extend_pairs(resource.map(|resource| ("resourceIds", resource.as_str())))
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        let envelope: Envelope<RoleAssignment> = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        ListPage::read(envelope, GRANTS_PER_PAGE, cursor, RoleAssignment::into_grant).map_err(malformed(operation))
    }
}

impl Client {
    /// One group, looked for in all directories without its own.
    pub async fn group(&self, permit: Permit, directory: Option<&DirectoryId>, group: GroupId) -> Result<Group, ApiError> {
        let operation = Operation::Group;
        let directory = directory.map_or("-", DirectoryId::as_str);
        let url = self.url("v2", &["directories", directory, "groups", &group.to_string()]);
        let Single::<WireGroup> { data } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        data.into_group(0).map_err(malformed(operation))
    }

    /// One page of the GET list of groups. Deprecated by Atlassian, ends after 2027-06-30, and tells no more than the search.
    pub async fn groups_list(&self, permit: Permit, query: &PageQuery<GroupFilter>) -> Result<Page<Group>, ApiError> {
        let (operation, cursor) = (Operation::GroupsList, query.cursor.as_deref());
        let mut url = self.url("v2", &["directories", "-", "groups"]);
        filter::groups(&mut url, &query.filter);
        filter::list(&mut url, query.limit, cursor, "name", query.direction);
        let envelope: Envelope<WireGroup> = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        groups_page(envelope, query).map_err(malformed(operation))
    }

    /// Whether the directory has a group of exactly this name, in whatever case: names are unique without regard to it.
    pub(crate) async fn is_group_named(&self, permit: Permit, directory: &DirectoryId, name: &str) -> Result<bool, ApiError> {
        let operation = Operation::GroupsPage;
        let url = self.url("v2", &["directories", directory.as_str(), "groups", "search"]);
        let body = json!({ "groupNames": [name], "limit": GRANTS_PER_PAGE }).to_string().into_bytes();
        let envelope: Envelope<WireGroup> = self.call(permit, Call { operation, url, body: Some(body), cursor: None }).await?;
        let page = ListPage::read(envelope, GRANTS_PER_PAGE, None, WireGroup::into_group).map_err(malformed(operation))?;
        let same = |found: &str| found.to_lowercase() == name.to_lowercase();
        Ok(page.rows.iter().any(|group| group.name.as_deref().is_some_and(same)))
    }
}

fn groups_page(envelope: Envelope<WireGroup>, query: &PageQuery<GroupFilter>) -> Result<Page<Group>, Flaw> {
    let (groups, next) = envelope.into_parts(query.limit, query.cursor.as_deref())?;
    Ok(Page { rows: WireGroup::into_listed(groups)?, next })
}
