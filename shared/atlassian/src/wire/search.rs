//! What is posted to `users/search` and `groups/search`.
//!
//! A page after the first repeats filters and order beside its cursor: real clients do so and without, and only so is the
//! expansion certain to be the same on every page.

use orgmirror_domain::query::{Direction, GroupFilter, PageQuery, UserFilter};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Search<'a, F> {
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
    expand: &'a [&'a str],
    /// The API accepts exactly one.
    sort_by: [SortBy; 1],
    #[serde(flatten)]
    filter: F,
}

#[derive(Serialize)]
struct SortBy {
    field: &'static str,
    direction: &'static str,
}

/// Empty arrays are left out, because the API refuses them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Users<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    directory_ids: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_status: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership_status: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim_status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    account_ids: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_ids: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    role_ids: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Groups<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    directory_ids: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_ids: Vec<String>,
}

/// The body of a search for users, by nickname.
pub(crate) fn users(query: &PageQuery<UserFilter>, expand: &[&str]) -> Vec<u8> {
    let filter = &query.filter;
    let users = Users {
        directory_ids: filter.directory.as_ref().map(|directory| [directory.as_str()]),
        account_status: filter.account_status.as_deref().map(|word| [word]),
        membership_status: filter.membership_status.as_deref().map(|word| [word]),
        claim_status: filter.claim_status.as_deref(),
        mfa_enabled: filter.mfa_enabled,
        account_ids: filter.account_ids.iter().map(|id| id.as_str()).collect(),
        group_ids: filter.group_ids.iter().map(ToString::to_string).collect(),
        resource_ids: filter.resource_ids.iter().map(|id| id.as_str()).collect(),
        role_ids: filter.role_ids.iter().map(String::as_str).collect(),
    };
    body(query, expand, "nick_name", users)
}

/// The body of a search for groups, by name.
pub(crate) fn groups(query: &PageQuery<GroupFilter>, expand: &[&str]) -> Vec<u8> {
    let filter = &query.filter;
    let groups = Groups {
        directory_ids: filter.directory.as_ref().map(|directory| [directory.as_str()]),
        group_ids: filter.group_ids.iter().map(ToString::to_string).collect(),
    };
    body(query, expand, "name", groups)
}

fn body<Q, F: Serialize>(query: &PageQuery<Q>, expand: &[&str], field: &'static str, filter: F) -> Vec<u8> {
    let direction = match query.direction {
        Direction::Ascending => "asc",
        Direction::Descending => "desc",
    };
    let search =
        Search { limit: query.limit, cursor: query.cursor.as_deref(), expand, sort_by: [SortBy { field, direction }], filter };
    // Texts, numbers and lists of them: there is nothing here that JSON could not hold.
    serde_json::to_vec(&search).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use orgmirror_domain::ids::{AccountId, GroupId};

    use super::*;

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn a_search_says_what_is_set_and_nothing_else() {
        let query = PageQuery { filter: UserFilter::default(), direction: Direction::Ascending, cursor: None, limit: 100 };
        assert_eq!(
            text(users(&query, &["groups"])),
            r#"{"limit":100,"expand":["groups"],"sortBy":[{"field":"nick_name","direction":"asc"}]}"#
        );
        let filter = UserFilter {
            directory: Some("d1".into()),
            account_status: Some("active".into()),
            membership_status: Some("suspended".into()),
            claim_status: Some("managed".into()),
            mfa_enabled: Some(false),
            account_ids: vec![AccountId::from("712020:1")],
            group_ids: vec![],
            resource_ids: vec!["ari:cloud:confluence::site/9c".into()],
            role_ids: vec!["atlassian/guest".into()],
        };
        let query = PageQuery { filter, direction: Direction::Descending, cursor: Some("tok".into()), limit: 7 };
        assert_eq!(
            text(users(&query, &[])),
            concat!(
                r#"{"limit":7,"cursor":"tok","expand":[],"sortBy":[{"field":"nick_name","direction":"desc"}],"directoryIds":["d1"],"#,
                r#""accountStatus":["active"],"membershipStatus":["suspended"],"claimStatus":"managed","mfaEnabled":false,"accountIds":["712020:1"],"#,
                r#""resourceIds":["ari:cloud:confluence::site/9c"],"roleIds":["atlassian/guest"]}"#
            )
        );
    }

    #[test]
    fn groups_are_asked_for_by_bare_id() {
        let id = GroupId::parse("ari:cloud:identity::group/6a1e0b2c-0000-4000-8000-000000000001").unwrap();
        let filter = GroupFilter { directory: None, group_ids: vec![id] };
        let query = PageQuery { filter, direction: Direction::Ascending, cursor: None, limit: 1 };
        assert_eq!(
            text(groups(&query, &["counts.users"])),
            r#"{"limit":1,"expand":["counts.users"],"sortBy":[{"field":"name","direction":"asc"}],"groupIds":["6a1e0b2c-0000-4000-8000-000000000001"]}"#
        );
    }
}
