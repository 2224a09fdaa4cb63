//! Reads that lag behind writes, and catch up.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::conformance::Cast;
use crate::world::by_id;
use crate::writes::{Stage, said};

/// What a write changed is in the truth at once and in reads after the time of its kind.
#[tokio::test]
async fn reads_lag_behind_writes() {
    let stage = Stage::new().await;
    let Cast { stranger, group, .. } = &stage.cast;
    stage.world.switches(json!({"lag": {"membership_ms": 600_000, "group_ms": 1}})).await;
    assert_eq!(stage.members(json!({"accountId": stranger})).await, said(204, ""));
    assert_eq!(stage.write(Method::POST, "groups", Some(json!({"name": "soon"}))).await, said(201, ""));
    let members = async || {
        stage.world.users(json!({"groupIds": [group], "accountIds": [stranger]})).await["data"].as_array().unwrap().len()
    };
    assert_eq!(stage.truth(stranger).await["groups"], json!([group]));
    while stage.world.groups(json!({"groupNames": ["soon"]})).await["data"] == json!([]) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(members().await, 0);
    // Changes that don't lag are seen, also beside those that do.
    stage.set_account(stranger, json!({"nickname": "changed"})).await;
    stage.world.post("/_sim/churn", json!({"mutations": 200})).await;
    let seen = stage.world.users(json!({"accountIds": [stranger]})).await;
    assert_eq!((&seen["data"][0]["nickname"], members().await), (&json!("changed"), 0));
    // A second write is decided by the truth, not by what reads show.
    stage.world.switches(json!({"duplicate_membership": "conflict"})).await;
    assert_eq!(stage.members(json!({"accountId": stranger})).await, said(409, "ADMIN-UAM-409-2"));
}

/// When nothing is hidden any more, reads and the truth agree in everything.
#[tokio::test]
async fn lagging_reads_catch_up() {
    let stage = Stage::new().await;
    let Cast { account, stranger, group, resource, .. } = &stage.cast;
    let lags = json!({"membership_ms": 40, "group_ms": 30, "role_ms": 20, "suspend_ms": 10, "removal_ms": 50, "invite_ms": 25, "lifecycle_ms": 5});
    stage.world.switches(json!({"lag": lags})).await;
    stage.members(json!({"accountId": stranger})).await;
    stage.write(Method::POST, "groups", Some(json!({"name": "later"}))).await;
    stage
        .write(
            Method::POST,
            &format!("groups/{group}/role-assignments/assign"),
            Some(json!({"resourceId": resource, "roleId": "atlassian/guest"})),
        )
        .await;
    let invite = json!({"emails": ["new@example.com"], "additionalGroups": [group]});
    stage.world.call(Method::POST, &stage.world.v2("users/invite"), Some(invite)).await;
    stage.write(Method::POST, &format!("users/{account}/suspend"), None).await;
    stage.world.post("/_sim/churn", json!({"mutations": 300})).await;
    stage.write(Method::DELETE, &format!("users/{stranger}"), None).await;
    stage.lifecycle(account, "delete", None).await;
    loop {
        let expand = ["platformRoles", "counts.resources", "productAccess", "groups"];
        let users = stage.world.walk("users", json!({"limit": 100, "expand": expand})).await;
        let groups = stage.world.walk("groups", json!({"limit": 100, "expand": ["counts.users", "counts.resources"]})).await;
        if stage.world.as_truth(users) == stage.world.truth("accounts").await
            && by_id(groups) == stage.world.truth("groups").await
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
