//! Changes: what is sent, what becomes of it, and how it is read back.

use std::time::Duration;

use orgmirror_atlassian::{AfterWrite, BudgetSettings, Change, Client, Invitation, Lane, RefusalReason, WriteOutcome};
use orgmirror_domain::ids::{AccountId, DirectoryId, GroupId, ResourceId};

use crate::redis_server::RedisServer;
use crate::server::{Reply, Server};
use crate::{asked, client, permit};

const GROUP: &str = "6a1e0b2c-0000-4000-8000-000000000001";
const SITE: &str = "ari:cloud:jira-software::site/9c";

struct Subject {
    directory: DirectoryId,
    group: GroupId,
    account: AccountId,
    resource: ResourceId,
    role: String,
}

fn subject() -> Subject {
    Subject {
        directory: DirectoryId::from("d1"),
        group: GroupId::parse(GROUP).unwrap(),
        account: AccountId::from("712020:1"),
        resource: ResourceId::from(SITE),
        role: "atlassian/user".into(),
    }
}

fn add_member() -> Change {
    let Subject { directory, group, account, .. } = subject();
    Change::AddMember { directory, group, account }
}

async fn apply(reply: Reply, change: &Change) -> (WriteOutcome, RedisServer, Server, Client) {
    let redis = RedisServer::started().await;
    let server = Server::answering([reply]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let outcome = client.apply(permit(&client, change.operation()).await, change).await;
    assert_eq!(client.calls(), 1, "a write is never repeated");
    (outcome, redis, server, client)
}

/// Each change with its request.
#[tokio::test]
async fn each_change_is_sent_once_and_to_the_letter() {
    let Subject { directory, group, account, resource, role } = subject();
    let (d, g, a) = (|| directory.clone(), group, || account.clone());
    let (r, w) = (|| resource.clone(), || role.clone());
    let role_body = format!(r#"{{"resource":"{SITE}","role":"atlassian/user"}}"#);
    let group_body = format!(r#"{{"resourceId":"{SITE}","roleId":"atlassian/user"}}"#);
    let org_body = r#"{"role":"atlassian/user"}"#;
    let v1 = "/admin/v1/orgs/8f3c/users/712020:1";
    let user = "/admin/v2/orgs/8f3c/directories/d1/users/712020:1";
    let groups = "/admin/v2/orgs/8f3c/directories/d1/groups";
    let manage = "/users/712020:1/manage/lifecycle";
    let text = |text: &str| text.to_owned();
    let table = [
        (Change::AssignRole { account: a(), role: w(), resource: r() }, format!("POST {v1}/roles/assign"), role_body.clone()),
        (Change::RevokeRole { account: a(), role: w(), resource: r() }, format!("POST {v1}/roles/revoke"), role_body),
        (Change::AssignOrgRole { account: a(), role: w() }, format!("POST {v1}/role-assignments/assign"), text(org_body)),
        (Change::RevokeOrgRole { account: a(), role: w() }, format!("POST {v1}/role-assignments/revoke"), text(org_body)),
        (Change::SuspendUser { directory: d(), account: a() }, format!("POST {user}/suspend"), text("")),
        (Change::RestoreUser { directory: d(), account: a() }, format!("POST {user}/restore"), text("")),
        (Change::RemoveUser { directory: d(), account: a() }, format!("DELETE {user}"), text("")),
        (
            Change::CreateGroup { directory: d(), name: "eng".into(), description: None },
            format!("POST {groups}"),
            text(r#"{"name":"eng"}"#),
        ),
        (Change::DeleteGroup { directory: d(), group: g }, format!("DELETE {groups}/{GROUP}"), text("")),
        (
            Change::AddMember { directory: d(), group: g, account: a() },
            format!("POST {groups}/{GROUP}/memberships"),
            text(r#"{"accountId":"712020:1"}"#),
        ),
        (
            Change::RemoveMember { directory: d(), group: g, account: a() },
            format!("DELETE {groups}/{GROUP}/memberships/712020:1"),
            text(""),
        ),
        (
            Change::AssignGroupRole { directory: d(), group: g, resource: r(), role: w() },
            format!("POST {groups}/{GROUP}/role-assignments/assign"),
            group_body.clone(),
        ),
        (
            Change::RevokeGroupRole { directory: d(), group: g, resource: r(), role: w() },
            format!("POST {groups}/{GROUP}/role-assignments/revoke"),
            group_body,
        ),
        (Change::DisableAccount { account: a(), message: None }, format!("POST {manage}/disable"), text("{}")),
        (Change::EnableAccount { account: a() }, format!("POST {manage}/enable"), text("")),
        (Change::DeleteAccount { account: a() }, format!("POST {manage}/delete"), text("")),
        (Change::CancelDeletion { account: a() }, format!("POST {manage}/cancel-delete"), text("")),
    ];
    for (change, line, body) in table {
        let (outcome, _redis, server, _) = apply(Reply::new(204, "", ""), &change).await;
        assert!(matches!(outcome, WriteOutcome::Done(())), "{outcome:?}");
        assert_eq!(outcome.next(), AfterWrite::Finished);
        assert_eq!(asked(&server), (format!("{line} HTTP/1.1"), body));
    }
}

#[tokio::test]
async fn what_may_have_happened_is_read_back_and_never_repeated() {
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{";
    let replies = [
        Reply::new(500, "", "oops"),
        Reply::new(503, "retry-after: 3\r\n", ""),
        Reply::new(302, "location: http://127.0.0.1:1/\r\n", ""),
        Reply::Bytes(Vec::new()),
        Reply::Bytes(whole.into()),
        Reply::Silence(Vec::new()),
        Reply::new(200, "", &"x".repeat(20_000)),
    ];
    for reply in replies {
        let (outcome, _redis, server, _) = apply(reply, &add_member()).await;
        assert!(matches!(outcome, WriteOutcome::Unknown(_)), "{outcome:?}");
        assert_eq!((outcome.next(), server.requests().len()), (AfterWrite::ReadBack, 1));
    }
}

#[tokio::test]
async fn what_was_rejected_before_it_was_done_may_be_repeated_later() {
    let (outcome, _redis, _server, client) = apply(Reply::new(429, "retry-after: 7\r\n", ""), &add_member()).await;
    assert_eq!(outcome.next(), AfterWrite::Repeat(Some(Duration::from_secs(7))));
    let wait = client.permit(Lane::Interactive, add_member().operation()).await.unwrap_err();
    assert!(wait.retry_in > Duration::from_secs(6), "all calls pause: {wait}");
}

#[tokio::test]
async fn a_key_that_may_not_write_holds_and_a_target_that_may_not_be_written_is_told() {
    for reply in [
        Reply::new(401, "", r#"{"code":401,"message":"Unauthorized"}"#),
        Reply::new(403, "", r#"{"key":"forbidden.insufficientScope","errorDetail":"manage:org"}"#),
    ] {
        let (outcome, ..) = apply(reply, &add_member()).await;
        assert_eq!(outcome.next(), AfterWrite::HoldRun, "{outcome:?}");
    }
    let synced = r#"{"errors":[{"status":403,"title":"Group is synced from an identity provider"}]}"#;
    let (outcome, ..) = apply(Reply::new(403, "", synced), &add_member()).await;
    assert_eq!(outcome.next(), AfterWrite::Report);
    let WriteOutcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.reason, RefusalReason::ReadOnlyGroup);

    // Three reports of what is so already, by two statuses.
    for (status, body) in [(409, r#"{"errors":[{"code":"ADMIN-UAM-409-2"}]}"#), (409, "already a member"), (204, "")] {
        let (outcome, ..) = apply(Reply::new(status, "", body), &add_member()).await;
        assert_eq!(outcome.next(), AfterWrite::Finished, "{outcome:?}");
    }
}

async fn holds(body: &str, change: &Change) -> (Option<bool>, String, String) {
    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::new(200, "", body)]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let seen = client.holds(permit(&client, change.read_back()).await, change).await.unwrap();
    let (line, body) = asked(&server);
    (seen, line, body)
}

#[tokio::test]
async fn each_effect_is_seen_by_one_read() {
    let Subject { directory, group, account, resource, role } = subject();
    let (d, g, a) = (|| directory.clone(), group, || account.clone());
    let (r, w) = (|| resource.clone(), || role.clone());
    let nobody = r#"{"data":[]}"#;
    let user = |more: &str| format!(r#"{{"data":[{{"accountId":"712020:1","groups":[]{more}}}]}}"#);
    let grants = format!(r#"{{"data":[{{"resourceId":"{SITE}","roles":["atlassian/user"]}}]}}"#);
    let by_group = format!(
        r#"{{"data":[{{"resourceId":"{SITE}","roleAssignments":[{{"role":"atlassian/user","roleAssignmentMethods":["group_direct"]}}]}}]}}"#
    );
    let named = format!(r#"{{"data":[{{"id":"{GROUP}","name":"ENG"}}]}}"#);
    let create = || Change::CreateGroup { directory: d(), name: "eng".into(), description: None };
    let table = [
        (add_member(), user(""), Some(true)),
        (add_member(), nobody.into(), Some(false)),
        (Change::RemoveMember { directory: d(), group: g, account: a() }, nobody.into(), Some(true)),
        (Change::SuspendUser { directory: d(), account: a() }, user(r#","membershipStatus":"suspended""#), Some(true)),
        (Change::SuspendUser { directory: d(), account: a() }, user(""), None),
        (Change::RestoreUser { directory: d(), account: a() }, user(r#","membershipStatus":"suspended""#), Some(false)),
        (Change::RemoveUser { directory: d(), account: a() }, nobody.into(), Some(true)),
        (Change::RemoveUser { directory: d(), account: a() }, user(""), Some(false)),
        (create(), named, Some(true)),
        (create(), nobody.into(), Some(false)),
        (Change::DeleteGroup { directory: d(), group: g }, nobody.into(), Some(true)),
        (Change::AssignGroupRole { directory: d(), group: g, resource: r(), role: w() }, grants.clone(), Some(true)),
        (Change::RevokeGroupRole { directory: d(), group: g, resource: r(), role: w() }, grants.clone(), Some(false)),
        (Change::AssignRole { account: a(), role: w(), resource: r() }, by_group.clone(), Some(false)),
        (Change::RevokeRole { account: a(), role: w(), resource: r() }, by_group, Some(true)),
        (
            Change::AssignOrgRole { account: a(), role: "atlassian/org-admin".into() },
            user(r#","platformRoles":["org-admin"]"#),
            Some(true),
        ),
        (Change::DisableAccount { account: a(), message: None }, user(r#","accountStatus":"inactive""#), Some(true)),
        (Change::EnableAccount { account: a() }, user(r#","accountStatus":"inactive""#), Some(false)),
        (Change::DeleteAccount { account: a() }, user(r#","forDeletion":true"#), Some(true)),
        (Change::CancelDeletion { account: a() }, nobody.into(), None),
    ];
    for (change, body, expected) in table {
        let (seen, ..) = holds(&body, &change).await;
        assert_eq!(seen, expected, "{change:?}");
    }
    let (_, line, body) = holds(nobody, &add_member()).await;
    assert_eq!(line, "POST /admin/v2/orgs/8f3c/directories/-/users/search HTTP/1.1");
    assert!(body.contains(r#""accountIds":["712020:1"],"groupIds":["6a1e0b2c"#), "{body}");
    let (_, line, _) = holds(&grants, &Change::AssignGroupRole { directory: d(), group: g, resource: r(), role: w() }).await;
    assert!(line.contains("role-assignments?limit=100&resourceIds=ari%3Acloud"), "{line}");
}

#[tokio::test]
async fn an_invitation_may_succeed_in_part() {
    let redis = RedisServer::started().await;
    let answer = r#"{"data":[{"email":"a@example.com","results":[{"groupAssignmentResult":[{"group":"g","status":"ERROR","statusReason":"full"}]}]}]}"#;
    let server = Server::answering([Reply::new(206, "", answer), Reply::new(200, "", "<html></html>")]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let invitation = Invitation { emails: vec!["a@example.com".into()], ..Invitation::default() };
    let operation = orgmirror_atlassian::Operation::Invite;
    let outcome = client.invite(permit(&client, operation).await, &invitation).await;
    let WriteOutcome::Done(invited) = outcome else { panic!("{outcome:?}") };
    assert_eq!(invited[0].failures[0].reason.as_deref(), Some("full"));
    let body = r#"{"emails":["a@example.com"],"sendNotification":false}"#;
    assert_eq!(asked(&server), ("POST /admin/v2/orgs/8f3c/users/invite HTTP/1.1".into(), body.into()));
    let outcome = client.invite(permit(&client, operation).await, &invitation).await;
    assert_eq!(outcome.next(), AfterWrite::ReadBack, "{outcome:?}");
}
