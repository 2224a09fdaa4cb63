//! What is sent, to the letter, and what becomes of good answers.

use orgmirror_atlassian::{ApiKey, Budget, BudgetSettings, Client, ClientConfig, Operation, SetupError};
use orgmirror_domain::ids::{AccountId, DirectoryId, GroupId};
use orgmirror_domain::query::{Direction, GroupFilter, PageQuery, UserFilter};

use crate::redis_server::RedisServer;
use crate::server::{Reply, Server};
use crate::{KEY, asked, client, permit};

const GROUP: &str = "6a1e0b2c-0000-4000-8000-000000000001";
/// `{"count":42}`, compressed.
const COUNT: [u8; 32] =
    [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 206, 47, 205, 43, 81, 178, 50, 49, 170, 5, 0, 3, 179, 76, 34, 12, 0, 0, 0];

async fn world(body: &str) -> (RedisServer, Server, Client) {
    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::new(200, "", body)]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    (redis, server, client)
}

#[tokio::test]
async fn a_page_of_users() {
    let (_redis, server, client) =
        world(r#"{"data":[{"accountId":"a","nickname":"ann","groups":[]}],"links":{"next":"t2"}}"#).await;
    let filter = UserFilter { group_ids: vec![GroupId::parse(GROUP).unwrap()], ..UserFilter::default() };
    let query = PageQuery { filter, direction: Direction::Descending, cursor: Some("t1".into()), limit: 100 };
    let answer = client.users_page(permit(&client, Operation::UsersPage).await, &query).await.unwrap();
    assert!(answer.expanded());
    assert_eq!(answer.page.next.as_deref(), Some("t2"));
    assert_eq!(answer.page.rows[0].row.account_id, AccountId::from("a"));
    let body = format!(
        r#"{{"limit":100,"cursor":"t1","expand":["platformRoles","productAccess","groups"],"sortBy":[{{"field":"nick_name","direction":"desc"}}],"groupIds":["{GROUP}"]}}"#
    );
    assert_eq!(asked(&server), ("POST /admin/v2/orgs/8f3c/directories/-/users/search HTTP/1.1".into(), body));
}

#[tokio::test]
async fn a_page_of_groups() {
    let (_redis, server, client) =
        world(&format!(r#"{{"data":[{{"id":"{GROUP}","name":"eng"}}],"links":{{"next":null}}}}"#)).await;
    let query = PageQuery { filter: GroupFilter::default(), direction: Direction::Ascending, cursor: None, limit: 1 };
    let page = client.groups_page(permit(&client, Operation::GroupsPage).await, &query).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (1, None));
    let body = r#"{"limit":1,"expand":["counts.resources","counts.users"],"sortBy":[{"field":"name","direction":"asc"}]}"#;
    assert_eq!(asked(&server), ("POST /admin/v2/orgs/8f3c/directories/-/groups/search HTTP/1.1".into(), body.into()));
}

#[tokio::test]
async fn what_a_group_grants() {
    let (_redis, server, client) =
        world(r#"{"data":[{"resourceId":"ari:cloud:confluence::site/9c","roles":["atlassian/user"]}],"links":{}}"#).await;
    let permit = permit(&client, Operation::GroupRoleAssignments).await;
    let (directory, group) = (DirectoryId::from("d/1"), GroupId::parse(GROUP).unwrap());
    let page = client.group_role_assignments(permit, Some(&directory), group, Some("a+b=")).await.unwrap();
    assert_eq!(page.rows[0].roles, ["atlassian/user"]);
    let line =
        format!("GET /admin/v2/orgs/8f3c/directories/d%2F1/groups/{GROUP}/role-assignments?limit=100&cursor=a%2Bb%3D HTTP/1.1");
    assert_eq!(asked(&server), (line, String::new()));
}

#[tokio::test]
async fn workspaces_go_on_with_the_cursor_alone() {
    let body = r#"{"data":[{"id":"9c","attributes":{"typeKey":"confluence"}}],"links":{"next":"https://x.example/w?cursor=t2"}}"#;
    let (_redis, server, client) = world(body).await;
    let page = client.workspaces(permit(&client, Operation::Workspaces).await, Some("t1")).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("t2"));
    assert_eq!(asked(&server), ("POST /admin/v2/orgs/8f3c/workspaces HTTP/1.1".into(), r#"{"cursor":"t1"}"#.into()));
}

#[tokio::test]
async fn organisation_and_directories() {
    let (_redis, server, client) = world(r#"{"data":{"id":"8f3c","type":"orgs","attributes":{"name":"Example"}}}"#).await;
    let org = client.org(permit(&client, Operation::Org).await).await.unwrap();
    assert_eq!((org.org_id.as_str(), org.name.as_deref()), ("8f3c", Some("Example")));
    assert_eq!(asked(&server).0, "GET /admin/v1/orgs/8f3c HTTP/1.1");

    let (_redis, server, client) = world(r#"{"data":[{"directoryId":"d1","name":"Primary"}],"links":{"self":"t"}}"#).await;
    let page = client.directories(permit(&client, Operation::Directories).await, None).await.unwrap();
    assert_eq!((page.rows[0].directory_id.as_str(), page.next), ("d1", None));
    assert_eq!(asked(&server).0, "GET /admin/v2/orgs/8f3c/directories?limit=100 HTTP/1.1");
}

#[tokio::test]
async fn counts_and_statistics() {
    let (_redis, server, client) = world(r#"{"count":42}"#).await;
    let filter = UserFilter { account_status: Some("active".into()), ..UserFilter::default() };
    assert_eq!(client.users_count(permit(&client, Operation::UsersCount).await, &filter).await.unwrap(), 42);
    assert_eq!(asked(&server).0, "GET /admin/v2/orgs/8f3c/directories/-/users/count?accountStatus=active HTTP/1.1");

    let (_redis, _server, client) = world(r#"{"count":7}"#).await;
    let count = client.groups_count(permit(&client, Operation::GroupsCount).await, &GroupFilter::default()).await;
    assert_eq!(count.unwrap(), 7);

    let (_redis, _server, client) =
        world(r#"{"accountStatus":[{"status":"active","count":5}],"roles":[{"roleId":"atlassian/org-admin","count":3}]}"#).await;
    let stats = client.users_stats(permit(&client, Operation::UsersStats).await).await.unwrap();
    assert_eq!((stats.account_status["active"], stats.roles["atlassian/org-admin"]), (5, 3));

    let (_redis, _server, client) = world(r#"{"totals":{"all":10,"synced":4},"types":[{"type":"GROUP","count":7}]}"#).await;
    let stats = client.groups_stats(permit(&client, Operation::GroupsStats).await).await.unwrap();
    assert_eq!((stats.all, stats.managed, stats.types["GROUP"]), (Some(10), None, 7));
}

#[tokio::test]
async fn compressed_answers_are_read() {
    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::raw(200, "content-encoding: gzip\r\n", COUNT.len(), &COUNT)]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let count = client.users_count(permit(&client, Operation::UsersCount).await, &UserFilter::default()).await;
    assert_eq!(count.unwrap(), 42);
    assert!(server.requests()[0].contains("accept-encoding: gzip"));
}

#[tokio::test]
async fn wrong_settings_are_refused_before_anything_is_sent() {
    let redis = RedisServer::absent();
    let refused = |url: &str, key: &str| {
        let budget = Budget::new(redis.client(), BudgetSettings::default()).unwrap();
        Client::new(ClientConfig::new(url, "8f3c".into(), ApiKey::new(key)), budget).err()
    };
    for url in [
        "",
        "api.atlassian.com",
        "ftp://x.example",
        "https://x.example/admin",
        "https://x.example?a=b",
        "https://me:pw@x.example",
    ] {
        assert!(matches!(refused(url, KEY), Some(SetupError::BaseUrl { .. })), "{url}");
    }
    for key in ["", "two\nlines"] {
        assert!(matches!(refused("https://x.example", key), Some(SetupError::Key { .. })), "{key:?}");
    }
    assert!(refused("https://x.example/", KEY).is_none());
}
