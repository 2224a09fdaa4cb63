//! Exact changes, which a test makes by hand.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

const GROUP: &str = "6a1e0000-0000-4000-8000-000000000001";

/// An account is created, changed field by field, moved between groups and deleted, and each reading sees it.
#[tokio::test]
async fn accounts() {
    let world = World::of(30, 8).await;
    let created = world.post("/_sim/accounts/712020:new", json!({"name": "Neu \"N\"", "email": "Neu@Example.com"})).await;
    assert_eq!((&created["status"], &created["nickname"]), (&json!("active"), &json!("712020:new")));
    world.post(&format!("/_sim/groups/{GROUP}"), json!({"name": "team", "description": null})).await;
    let changed = json!({"nickname": null, "membershipStatus": "suspended", "mfaEnabled": true, "groups": [GROUP], "jobTitle": "Chef", "platformRoles": ["atlassian/org-admin"]});
    let changed = world.post("/_sim/accounts/712020%3Anew", changed).await;
    assert_eq!(
        (&changed["status"], &changed["groups"], &changed["jobTitle"]),
        (&json!("suspended"), &json!([GROUP]), &json!("Chef"))
    );
    assert_eq!((&changed["nickname"], &changed["platformRoles"]), (&Value::Null, &json!(["atlassian/org-admin"])));
    let found = world.users(json!({"emails": ["neu@example.com"], "groupIds": [GROUP], "expand": ["groups"]})).await;
    assert_eq!(
        found["data"][0]["groups"][0],
        json!({"id": format!("ari:cloud:identity::group/{GROUP}"), "name": "team", "description": null})
    );
    let gone = world.post("/_sim/accounts/712020:new", json!({"status": "not_invited"})).await;
    assert_eq!((&gone["membershipStatus"], &gone["groups"]), (&json!("no_membership"), &json!([])));
    let (status, _) = world.call(Method::DELETE, "/_sim/accounts/712020:new", None).await;
    assert_eq!(status, 200);
    let (status, _) = world.call(Method::DELETE, "/_sim/accounts/712020:new", None).await;
    assert_eq!(status, 404);
    for (wrong, named) in
        [(json!({"nick": 1}), "nick"), (json!({"status": "happy"}), "happy"), (json!({"groups": ["none"]}), "none")]
    {
        let (_, body) = world.call(Method::POST, "/_sim/accounts/712020:new", Some(wrong)).await;
        assert!(body["error"].as_str().unwrap().contains(named), "{body}");
    }
    assert_eq!(world.get("/_sim/digest").await["accounts"], 30);
}

/// Members come and go, grants give them access, and deleting the group takes it away.
#[tokio::test]
async fn groups() {
    let world = World::of(30, 8).await;
    world.post("/_sim/accounts/557058:a", json!({"email": null})).await;
    world.post(&format!("/_sim/groups/{GROUP}"), json!({"name": "Team", "externalSynced": true})).await;
    world.post(&format!("/_sim/groups/{GROUP}/members/557058%3aa"), json!({})).await;
    let resource = world.post(&world.v2("workspaces"), json!({})).await["data"][0]["id"].clone();
    let granted = world
        .post(
            &format!("/_sim/groups/{GROUP}/grants"),
            json!({"resourceId": resource, "role": "atlassian/admin", "default": true}),
        )
        .await;
    assert_eq!(
        (&granted["counts"], &granted["managementAccess"]["modifiable"]),
        (&json!({"users": 1, "resources": 1}), &json!(false))
    );
    let grants = world.truth("grants").await;
    let own = grants.iter().find(|grant| grant["groupId"] == GROUP).unwrap();
    assert_eq!((&own["roles"], &own["defaultRole"]), (&json!(["atlassian/admin"]), &json!("atlassian/admin")));
    let instant = "2026-07-06T23:07:29.936941226Z";
    let access = world
        .post("/_sim/accounts/557058:a/product-access", json!({"resourceId": resource, "lastActiveTimestamp": instant}))
        .await;
    assert_eq!(access["productAccess"], json!([{"id": resource, "key": "jira-software", "lastActiveTimestamp": instant}]));
    let renamed = world.post(&format!("/_sim/groups/{GROUP}"), json!({"name": "Zebra"})).await;
    assert_eq!(renamed["name"], "Zebra");
    let (status, _) =
        world.call(Method::DELETE, &format!("/_sim/groups/{GROUP}/grants"), Some(json!({"resourceId": resource}))).await;
    assert_eq!(status, 200);
    let (status, left) = world.call(Method::DELETE, &format!("/_sim/groups/{GROUP}/members/557058:a"), None).await;
    assert_eq!((status.as_u16(), &left["groups"], &left["productAccess"]), (200, &json!([]), &json!([])));
    let (status, _) = world.call(Method::DELETE, &format!("/_sim/groups/{GROUP}"), None).await;
    assert_eq!(status, 200);
    assert_eq!(world.groups(json!({"groupIds": [GROUP]})).await["data"], json!([]));
}

/// With a delay, the answer comes before the change.
#[tokio::test]
async fn delayed_changes() {
    let world = World::of(5, 2).await;
    world.faults(json!({"apply_delay": 30})).await;
    let (status, _) = world.call(Method::POST, "/_sim/accounts/late", Some(json!({}))).await;
    assert_eq!(status, 202);
    let path = world.v2("directories/-/users/count");
    assert_eq!(world.get(&path).await["count"], 5);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.get(&path).await["count"], 6);
}

/// The digest counts what the dumps hold, and changes with them.
#[tokio::test]
async fn digest_and_truth() {
    let world = World::of(200, 500).await;
    let digest = world.get("/_sim/digest").await;
    let (accounts, groups, grants) = (world.truth("accounts").await, world.truth("groups").await, world.truth("grants").await);
    let sum = |rows: &[Value], field: &str| rows.iter().map(|row| row[field].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(digest["accounts"], json!(accounts.len()));
    assert_eq!(digest["groups"], json!(groups.len()));
    assert_eq!(digest["grants"], json!(grants.len()));
    assert_eq!(digest["memberships"], json!(sum(&accounts, "groups")));
    assert_eq!(digest["product_accesses"], json!(sum(&accounts, "productAccess")));
    assert_eq!(world.get("/_sim/digest").await, digest);
    world.post(&format!("/_sim/groups/{GROUP}"), json!({})).await;
    let changed = world.get("/_sim/digest").await;
    assert_eq!(changed["accounts_digest"], digest["accounts_digest"]);
    assert_ne!(changed["digest"], digest["digest"]);
    let same = World::of(200, 500).await;
    assert_eq!(same.get("/_sim/digest").await, digest);
}
