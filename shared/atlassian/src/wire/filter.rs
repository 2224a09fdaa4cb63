//! The same filters in the query of a GET: a list is the repeated name.

use orgmirror_domain::query::{Direction, GroupFilter, UserFilter};
use reqwest::Url;
use serde_json::json;

/// Adds what narrows a count of users.
pub(crate) fn users(url: &mut Url, filter: &UserFilter) {
    let one = |value: Option<&str>| value.map(str::to_owned).into_iter().collect();
    append(
        url,
        [
            ("directoryIds", one(filter.directory.as_ref().map(|directory| directory.as_str()))),
            ("accountStatus", one(filter.account_status.as_deref())),
            ("membershipStatus", one(filter.membership_status.as_deref())),
            ("claimStatus", one(filter.claim_status.as_deref())),
            ("mfaEnabled", filter.mfa_enabled.iter().map(ToString::to_string).collect()),
            ("accountIds", filter.account_ids.iter().map(ToString::to_string).collect()),
            ("groupIds", filter.group_ids.iter().map(ToString::to_string).collect()),
            ("resourceIds", filter.resource_ids.iter().map(ToString::to_string).collect()),
            ("roleIds", filter.role_ids.clone()),
        ],
    );
}

/// Adds what narrows a count of groups.
pub(crate) fn groups(url: &mut Url, filter: &GroupFilter) {
    append(
        url,
        [
            ("directoryIds", filter.directory.iter().map(ToString::to_string).collect()),
            ("groupIds", filter.group_ids.iter().map(ToString::to_string).collect()),
        ],
    );
}

/// Adds where a list goes on, how much of it and in which order: one parameter that holds JSON, as measured (reference, section 3).
/// With a cursor the API reads nothing else.
pub(crate) fn list(url: &mut Url, limit: u32, cursor: Option<&str>, field: &str, direction: Direction) {
    let direction = match direction {
        Direction::Ascending => "asc",
        Direction::Descending => "desc",
    };
    let sort_by = json!([{ "field": field, "direction": direction }]).to_string();
    url.query_pairs_mut()
        .append_pair("limit", &limit.to_string())
        .append_pair("sortBy", &sort_by)
        .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
}

fn append<const N: usize>(url: &mut Url, filters: [(&str, Vec<String>); N]) {
    // Even an empty `query_pairs_mut` would leave a bare `?` behind.
    if filters.iter().all(|(_, values)| values.is_empty()) {
        return;
    }
    let mut query = url.query_pairs_mut();
    for (name, values) in filters {
        for value in values {
            query.append_pair(name, &value);
        }
    }
}

#[cfg(test)]
mod tests {
    use orgmirror_domain::ids::AccountId;

    use super::*;

    #[test]
    fn a_list_is_the_repeated_name() {
        let mut url = Url::parse("https://x.example/count").unwrap();
        users(&mut url, &UserFilter::default());
        assert_eq!(url.as_str(), "https://x.example/count");
        let account_ids = vec![AccountId::from("712020:1"), AccountId::from("b")];
        users(&mut url, &UserFilter { mfa_enabled: Some(true), account_ids, ..UserFilter::default() });
        assert_eq!(url.query(), Some("mfaEnabled=true&accountIds=712020%3A1&accountIds=b"));
    }
}
