//! Users: a page of them with all memberships, how many there are, and how they spread.

use std::collections::BTreeMap;

use orgmirror_domain::observation::Account;
use orgmirror_domain::query::{Page, PageQuery, UserFilter};

use crate::client::Client;
use crate::error::{ApiError, Flaw};
use crate::operation::{Operation, Permit};
use crate::transport::{Call, malformed};
use crate::wire::filter;
use crate::wire::page::{Count, Envelope};
use crate::wire::search;
use crate::wire::user::{Stats, User};

/// Everything that an account's row in the mirror is made of.
const EXPAND: [&str; 3] = ["platformRoles", "productAccess", "groups"];

/// A page of accounts, and whether it can be believed about memberships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersPage {
    /// The accounts. Those of rows without groups have none here either.
    pub page: Page<Account>,
    /// Rows that had no `groups` property at all, although it was asked for.
    pub without_groups: usize,
}

impl UsersPage {
    /// Whether every row told its groups. If not, memberships are refused to this key or not expanded, and writing the page
    /// would empty groups that are full.
    pub fn expanded(&self) -> bool {
        self.without_groups == 0
    }

    /// Whether not one row told its groups: then no page will.
    pub fn tells_no_groups(&self) -> bool {
        self.without_groups > 0 && self.without_groups == self.page.rows.len()
    }

    /// The accounts, if every row told its groups.
    pub fn expanded_page(self) -> Result<Page<Account>, ApiError> {
        if self.expanded() {
            return Ok(self.page);
        }
        Err(ApiError::Malformed { operation: Operation::UsersPage, flaw: Flaw::NotExpanded { rows: self.without_groups } })
    }
}

/// How the users of all directories spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserStats {
    /// Users by account status.
    pub account_status: BTreeMap<String, u64>,
    /// Users by role.
    pub roles: BTreeMap<String, u64>,
}

impl Client {
    /// One page of `users/search`, by nickname from the end that the query names, everything expanded.
    pub async fn users_page(&self, permit: Permit, query: &PageQuery<UserFilter>) -> Result<UsersPage, ApiError> {
        let (operation, cursor) = (Operation::UsersPage, query.cursor.as_deref());
        let url = self.url("v2", &["directories", "-", "users", "search"]);
        let body = search::users(query, &EXPAND);
        let envelope: Envelope<User> = self.call(permit, Call { operation, url, body: Some(body), cursor }).await?;
        users_page(envelope, query).map_err(malformed(operation))
    }

    /// How many users the filter matches.
    pub async fn users_count(&self, permit: Permit, filter: &UserFilter) -> Result<u64, ApiError> {
        let operation = Operation::UsersCount;
        let mut url = self.url("v2", &["directories", "-", "users", "count"]);
        filter::users(&mut url, filter);
        let answer: Count = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        Ok(answer.count)
    }

    /// How the users of all directories spread over statuses and roles.
    pub async fn users_stats(&self, permit: Permit) -> Result<UserStats, ApiError> {
        let operation = Operation::UsersStats;
        let url = self.url("v2", &["directories", "-", "users", "stats"]);
        let stats: Stats = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        Ok(UserStats {
            account_status: stats.account_status.into_iter().map(|row| (row.status, row.count)).collect(),
            roles: stats.roles.into_iter().map(|row| (row.role_id, row.count)).collect(),
        })
    }
}

pub(crate) fn users_page(envelope: Envelope<User>, query: &PageQuery<UserFilter>) -> Result<UsersPage, Flaw> {
    let (users, next) = envelope.into_parts(query.limit, query.cursor.as_deref())?;
    let without_groups = users.iter().filter(|user| !user.is_expanded()).count();
    Ok(UsersPage { page: Page { rows: User::into_listed(users)?, next }, without_groups })
}

#[cfg(test)]
mod tests {
    use orgmirror_domain::ids::GroupId;
    use orgmirror_domain::query::Direction;

    use super::*;

    const GROUP: &str = "6a1e0b2c-0000-4000-8000-000000000001";

    fn page(rows: &str) -> Result<UsersPage, Flaw> {
        let envelope = serde_json::from_str(&format!(r#"{{"data":[{rows}],"links":{{"next":"tok"}}}}"#)).unwrap();
        let query = PageQuery { filter: UserFilter::default(), direction: Direction::Ascending, cursor: None, limit: 100 };
        users_page(envelope, &query)
    }

    #[test]
    fn a_full_row_becomes_an_account_in_order() {
        let row = format!(
            r#"{{"accountId":"712020:1","status":"something-new","addedToOrg":"2024-01-01T00:00Z","name":"Ada","nickname":"ada","mfaEnabled":"true",
            "jobTitle":null,"deactivatedOn":"long ago","platformRoles":["b","a"],"counts":{{"resources":1}},"unknown":[{{"x":1}}],
            "productAccess":[{{"id":"ari:cloud:jira-software::site/9c","lastActiveTimestamp":null}},
                             {{"id":"ari:cloud:confluence::site/9c","key":"confluence","lastActiveTimestamp":"2026-07-06T23:07:29.936941226Z"}}],
            "groups":[{{"id":"ari:cloud:identity::group/{GROUP}","name":"eng"}},{{"id":"{GROUP}"}}]}}"#
        );
        let listed = page(&row).unwrap().page.rows.remove(0);
        // A date that is none, three statuses, and what the page would say with null.
        assert!(
            ["accountStatus", "membershipStatus", "claimStatus", "deactivatedOn"].iter().all(|name| listed.untold.contains(name))
        );
        assert!(!listed.untold.contains(&"email") && !listed.untold.contains(&"status"), "{:?}", listed.untold);
        let account = listed.row;
        assert_eq!(account.mfa_enabled, Some(true));
        assert_eq!(listed.sort_hash, Some(xxhash_rust::xxh3::xxh3_64(b"ada") as i64));
        assert_eq!((account.status.as_deref(), account.job_title, account.deactivated_at), (Some("something-new"), None, None));
        assert!(account.added_to_org_at.is_some());
        assert_eq!(account.platform_roles, ["a", "b"]);
        assert_eq!(account.groups, [GroupId::parse(GROUP).unwrap()]);
        let products: Vec<_> = account.access.iter().map(|access| access.product.as_str()).collect();
        assert_eq!(products, ["confluence", "jira-software"]);
        assert_eq!(account.access[0].last_active_at.unwrap().timestamp_subsec_nanos(), 936_941_000);
    }

    #[test]
    fn rows_without_groups_are_told_from_rows_with_none() {
        assert!(page("").unwrap().expanded() && !page("").unwrap().tells_no_groups());
        assert!(page(r#"{"accountId":"a","groups":[]},{"accountId":"b","groups":null}"#).unwrap().expanded());
        let mixed = page(r#"{"accountId":"a","groups":[]},{"accountId":"b","nickname":null}"#).unwrap();
        assert_eq!((mixed.expanded(), mixed.without_groups, mixed.tells_no_groups()), (false, 1, false));
        assert!(page(r#"{"accountId":"a"},{"accountId":"b"}"#).unwrap().tells_no_groups());
        assert_eq!(mixed.page.rows[1].sort_hash, None);
    }

    #[test]
    fn an_unreadable_id_spoils_the_page() {
        let flaw = |field| Err(Flaw::UnreadableId { row: 1, field });
        let second = |row: &str| page(&format!(r#"{{"accountId":"a"}},{row}"#));
        assert_eq!(second("{}"), flaw("accountId"));
        assert_eq!(second(r#"{"accountId":""}"#), flaw("accountId"));
        assert_eq!(second(r#"{"accountId":"b","groups":[{"id":"eng"}]}"#), flaw("groups[].id"));
        assert_eq!(second(r#"{"accountId":"b","productAccess":[{"key":"jira"}]}"#), flaw("productAccess[].id"));
    }
}
