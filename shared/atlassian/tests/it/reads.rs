//! Reads that a sync does without: what is sent, and what becomes of good answers.

use orgmirror_atlassian::{Allowed, ApiError, BudgetSettings, Client, EventFilter, Operation, Permit};
use orgmirror_domain::ids::{AccountId, DirectoryId, GroupId, ResourceId};
use orgmirror_domain::query::{Direction, GroupFilter, PageQuery, UserFilter};

use crate::redis_server::RedisServer;
use crate::server::{Reply, Server};
use crate::{asked, client, permit};

const GROUP: &str = "6a1e0b2c-0000-4000-8000-000000000001";

/// What a call makes of an answer; the request's path must be as told.
async fn read<T>(
    operation: Operation,
    path: &str,
    answer: &str,
    call: impl AsyncFnOnce(&Client, Permit) -> Result<T, ApiError>,
) -> T {
    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::new(200, "", answer)]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let value = call(&client, permit(&client, operation).await).await.unwrap();
    assert_eq!(asked(&server).0, format!("GET {path} HTTP/1.1"));
    value
}

#[tokio::test]
async fn lists_of_the_first_version_go_on_by_the_cursor_in_a_url() {
    let next = r#""links":{"next":"https://x.example/y?cursor=t%2B2"}"#;
    let page = read(
        Operation::Orgs,
        "/admin/v1/orgs?cursor=t1",
        &format!(r#"{{"data":[{{"id":"8f3c"}}],{next}}}"#),
        async |client, permit| client.orgs(permit, Some("t1")).await,
    )
    .await;
    assert_eq!((page.rows[0].org_id.as_str(), page.next.as_deref()), ("8f3c", Some("t+2")));
    let empty = read(Operation::Orgs, "/admin/v1/orgs", r#"{"data":[]}"#, async |client, permit| client.orgs(permit, None).await);
    assert!(empty.await.rows.is_empty(), "a scoped key lists none");

    let page = read(
        Operation::ManagedAccounts,
        "/admin/v1/orgs/8f3c/users",
        &format!(
            r#"{{"data":[{{"account_id":"712020:1","account_status":"brand-new","last_active":"2026-07-01T08:00:00.123456789Z"}}],"meta":{{"total":1}},{next}}}"#
        ),
        async |client, permit| client.managed_accounts(permit, None).await,
    )
    .await;
    assert_eq!((page.rows[0].account_status.as_deref(), &page.rows[0].email), (Some("brand-new"), &None));
    assert!(page.rows[0].last_active_at.is_some() && page.next.is_some());

    let domains = r#"{"data":[{"id":"dm","attributes":{"name":"example.com","claim":{"type":"dns","status":"verified"}}}]}"#;
    let page = read(Operation::Domains, "/admin/v1/orgs/8f3c/domains", domains, async |client, permit| {
        client.domains(permit, None).await
    })
    .await;
    assert_eq!(page.rows[0].status.as_deref(), Some("verified"));
    let domain = read(Operation::Domain, "/admin/v1/orgs/8f3c/domains/dm", r#"{"data":{"id":"dm"}}"#, async |client, permit| {
        client.domain(permit, "dm").await
    })
    .await;
    assert_eq!(domain.name, None);

    let policies = r#"{"data":[{"id":"p","attributes":{"type":"of-a-new-sort","rule":{"in":["203.0.113.5"]}}}]}"#;
    let path = "/admin/v1/orgs/8f3c/policies?type=ip-allowlist";
    let page = read(Operation::Policies, path, policies, async |client, permit| {
        client.policies(permit, Some("ip-allowlist"), None).await
    })
    .await;
    assert_eq!(page.rows[0].kind.as_deref(), Some("of-a-new-sort"));
    let policy = read(Operation::Policy, "/admin/v1/orgs/8f3c/policies/p", r#"{"data":{"id":"p"}}"#, async |client, permit| {
        client.policy(permit, "p").await
    });
    assert_eq!(policy.await.policy_id, "p");
}

#[tokio::test]
async fn the_audit_log_is_listed_and_followed() {
    let page = r#"{"data":[{"id":"e1","attributes":{"action":"a","context":[]}}],"meta":{"next":"t2","page_size":1}}"#;
    let filter = EventFilter {
        from: chrono::DateTime::from_timestamp_millis(1_700_000_000_123),
        products: vec!["jira".into(), "confluence".into()],
        ..EventFilter::default()
    };
    let path = "/admin/v1/orgs/8f3c/events?from=1700000000123&product=jira%2Cconfluence&limit=500";
    let events = read(Operation::Events, path, page, async |client, permit| client.events(permit, &filter, None).await).await;
    assert_eq!((events.rows[0].event_id.as_str(), events.next.as_deref()), ("e1", Some("t2")));

    // The end of the stream leads to itself: it is asked again for what comes later.
    let path = "/admin/v1/orgs/8f3c/events-stream?limit=500&cursor=t2";
    let events = read(Operation::EventStream, path, page, async |client, permit| {
        client.event_stream(permit, None, None, Some("t2")).await
    })
    .await;
    assert_eq!(events.next.as_deref(), Some("t2"));

    let event = read(Operation::Event, "/admin/v1/orgs/8f3c/events/e1", r#"{"data":{"id":"e1"}}"#, async |client, permit| {
        client.event(permit, "e1").await
    });
    assert_eq!(event.await.action, None);
    let actions = r#"{"data":[{"id":"user_added","attributes":{"displayName":"Added"}}]}"#;
    let actions = read(Operation::EventActions, "/admin/v1/orgs/8f3c/event-actions", actions, async |client, permit| {
        client.event_actions(permit).await
    });
    assert_eq!(actions.await[0].action, "user_added");
}

#[tokio::test]
async fn one_account_is_read_from_every_side() {
    let account = AccountId::from("712020:1");
    let path = "/admin/v1/orgs/8f3c/directory/users/712020:1/last-active-dates?cursor=c";
    let activity =
        read(Operation::LastActive, path, r#"{"data":{"product_access":[]},"links":{"next":"d"}}"#, async |client, permit| {
            client.last_active(permit, &account, Some("c")).await
        })
        .await;
    assert_eq!(activity.next.as_deref(), Some("d"));

    let path = "/admin/v2/orgs/8f3c/directories/-/users/712020:1";
    let user =
        read(Operation::User, path, r#"{"data":{"accountId":"712020:1","counts":{"resources":3}}}"#, async |client, permit| {
            client.user(permit, None, &account).await
        });
    assert_eq!(user.await.account_id, account);

    let path = "/admin/v2/orgs/8f3c/directories/d1/users/712020:1/role-assignments?limit=100&resourceIds=r&cursor=c";
    let (directory, resource) = (DirectoryId::from("d1"), ResourceId::from("r"));
    let roles = read(Operation::UserRoleAssignments, path, r#"{"data":[],"links":{"self":"x"}}"#, async |client, permit| {
        client.user_role_assignments(permit, Some(&directory), &account, Some(&resource), Some("c")).await
    });
    assert!(roles.await.rows.is_empty());

    let rules = r#"{"lifecycle.enablement":{"allowed":false,"reason":{"key":"managedAccount"}}}"#;
    let rules = read(Operation::Manageability, "/users/712020:1/manage", rules, async |client, permit| {
        client.manageability(permit, &account).await
    });
    assert_eq!(rules.await["lifecycle.enablement"], Allowed::No(Some("managedAccount".into())));
    let profile = r#"{"account":{"account_id":"712020:1","account_status":"inactive","extended_profile":{}}}"#;
    let profile = read(Operation::Profile, "/users/712020:1/manage/profile", profile, async |client, permit| {
        client.profile(permit, &account).await
    });
    assert_eq!(profile.await.account_status.as_deref(), Some("inactive"));
}

#[tokio::test]
async fn the_old_lists_and_one_group_are_read() {
    let sort = |field: &str| format!("sortBy=%5B%7B%22direction%22%3A%22asc%22%2C%22field%22%3A%22{field}%22%7D%5D");
    let query = PageQuery { filter: UserFilter::default(), direction: Direction::Ascending, cursor: None, limit: 7 };
    let path = format!("/admin/v2/orgs/8f3c/directories/-/users?limit=7&{}", sort("nick_name"));
    let page = read(Operation::UsersList, &path, r#"{"data":[{"accountId":"a"}]}"#, async |client, permit| {
        client.users_list(permit, &query).await
    })
    .await;
    assert!(!page.expanded(), "the list expands nothing");

    let query = PageQuery { filter: GroupFilter::default(), direction: Direction::Ascending, cursor: Some("c".into()), limit: 7 };
    let path = format!("/admin/v2/orgs/8f3c/directories/-/groups?limit=7&{}&cursor=c", sort("name"));
    let page =
        read(Operation::GroupsList, &path, r#"{"data":[]}"#, async |client, permit| client.groups_list(permit, &query).await);
    assert!(page.await.rows.is_empty());

    let group = GroupId::parse(GROUP).unwrap();
    let answer = format!(r#"{{"data":{{"id":"ari:cloud:identity::group/{GROUP}","name":"eng"}}}}"#);
    let path = format!("/admin/v2/orgs/8f3c/directories/-/groups/{GROUP}");
    let found = read(Operation::Group, &path, &answer, async |client, permit| client.group(permit, None, group).await).await;
    assert_eq!((found.group_id, found.name.as_deref()), (group, Some("eng")));
}
