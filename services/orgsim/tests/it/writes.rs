//! Writes have their effect, once, and say why if they have none.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::conformance::Cast;
use crate::world::World;

/// A world with its cast, and the writes that are about them.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) cast: Cast,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let world = World::of(200, 40).await;
        let cast = Cast::of(&world).await;
        Self { world, cast }
    }

    /// A write in the directory, with its status and code.
    pub(crate) async fn write(&self, method: Method, rest: &str, body: Option<Value>) -> (u16, String) {
        let path = self.world.v2(&format!("directories/{}/{rest}", self.cast.directory));
        status_and_code(self.world.call(method, &path, body).await)
    }

    pub(crate) async fn members(&self, body: Value) -> (u16, String) {
        self.write(Method::POST, &format!("groups/{}/memberships", self.cast.group), Some(body)).await
    }

    pub(crate) async fn lifecycle(&self, account: &str, verb: &str, body: Option<Value>) -> (u16, String) {
        let (status, body) = self.world.call(Method::POST, &format!("/users/{account}/manage/lifecycle/{verb}"), body).await;
        (status.as_u16(), body["key"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) async fn truth(&self, account: &str) -> Value {
        let lines = self.world.truth("accounts").await;
        lines.into_iter().find(|line| line["accountId"] == account).unwrap_or_default()
    }

    pub(crate) async fn set_account(&self, id: &str, fields: Value) {
        self.world.post(&format!("/_sim/accounts/{id}"), fields).await;
    }
}

fn status_and_code((status, body): (StatusCode, Value)) -> (u16, String) {
    (status.as_u16(), body["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

pub(crate) fn said(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A membership begins and ends, and what can't be is told in the words of each choice.
#[tokio::test]
async fn memberships() {
    let stage = Stage::new().await;
    let Cast { stranger, group, synced_group, .. } = &stage.cast;
    let add = async || stage.members(json!({"accountId": stranger})).await;
    let remove = async || stage.write(Method::DELETE, &format!("groups/{group}/memberships/{stranger}"), None).await;
    assert_eq!(add().await, said(204, ""));
    assert_eq!(stage.truth(stranger).await["groups"], json!([group]));
    for (choice, expected) in
        [("no_content", (204, "")), ("conflict", (409, "ADMIN-UAM-409-2")), ("conflict_text", (409, "ADMIN-409-28"))]
    {
        stage.world.switches(json!({"duplicate_membership": choice})).await;
        assert_eq!(add().await, said(expected.0, expected.1));
    }
    assert_eq!(remove().await, said(204, ""));
    assert_eq!(stage.truth(stranger).await["groups"], json!([]));
    assert_eq!(remove().await, said(404, "ADMIN-404-8"));
    stage.world.switches(json!({"missing_membership": "no_content"})).await;
    assert_eq!(remove().await, said(204, ""));

    assert_eq!(stage.members(json!({"accountId": "712020:nobody"})).await, said(404, "ADMIN-UAM-404-1"));
    assert_eq!(stage.members(json!({"accountId": 5})).await, said(400, "ADMIN-400-24"));
    assert_eq!(stage.members(json!({})).await, said(400, "ADMIN-400-24"));
    stage.set_account(stranger, json!({"directoryIds": []})).await;
    assert_eq!(add().await, said(404, "ADMIN-UAM-404-1"));
    stage.set_account(stranger, json!({"status": "active"})).await;
    for (choice, expected) in [("forbidden", (403, "ADMIN-403-5")), ("bad_request", (400, "ADMIN-400-24"))] {
        stage.world.switches(json!({"synced_group_write": choice})).await;
        let path = format!("groups/{synced_group}/memberships");
        assert_eq!(stage.write(Method::POST, &path, Some(json!({"accountId": stranger}))).await, said(expected.0, expected.1));
    }
    let path = stage.world.v2(&format!("directories/-/groups/{group}/memberships"));
    let dash = stage.world.call(Method::POST, &path, Some(json!({"accountId": stranger}))).await;
    assert_eq!(status_and_code(dash), said(400, "ADMIN-400-4"));
    stage.world.switches(json!({"dash_in_writes": "accept"})).await;
    assert_eq!(stage.world.call(Method::POST, &path, Some(json!({"accountId": stranger}))).await.0, 204);
}

/// A group is created without telling its id, refused a second time, and deleted unless a product needs it.
#[tokio::test]
async fn groups() {
    let stage = Stage::new().await;
    let create = async |name: &str| stage.write(Method::POST, "groups", Some(json!({"name": name}))).await;
    assert_eq!(create("Fresh").await, said(201, ""));
    assert_eq!(create("fresh").await, said(409, "ADMIN-409-28"));
    assert_eq!(create("").await, said(400, "ADMIN-400-24"));
    assert_eq!(create(&"x".repeat(256)).await, said(400, "ADMIN-400-24"));
    let found = stage.world.groups(json!({"groupNames": ["FRESH"]})).await;
    let id = found["data"][0]["id"].as_str().unwrap().to_owned();
    let delete = async |id: &str| stage.write(Method::DELETE, &format!("groups/{id}"), None).await;
    assert_eq!(delete(&stage.cast.synced_group).await, said(403, "ADMIN-403-5"));
    for (grant, code) in [
        (json!({"resourceId": stage.cast.resource, "role": "atlassian/user", "default": true}), "ADMIN-403-6"),
        (json!({"resourceId": stage.cast.resource, "role": "atlassian/admin"}), "ADMIN-403-7"),
    ] {
        stage.world.post(&format!("/_sim/groups/{id}/grants"), grant.clone()).await;
        assert_eq!(delete(&id).await, said(403, code));
        let path = format!("/_sim/groups/{id}/grants");
        stage.world.call(Method::DELETE, &path, Some(json!({"resourceId": stage.cast.resource}))).await;
    }
    assert_eq!(delete(&id).await, said(204, ""));
    assert_eq!(delete(&id).await, said(404, "ADMIN-404-10"));
}

/// Roles of groups and users, on products, on a site and on the organisation.
#[tokio::test]
async fn roles() {
    let stage = Stage::new().await;
    let Cast { account, group, resource, .. } = &stage.cast;
    let of_group = async |verb: &str, resource: &str, role: &str| {
        let path = format!("groups/{group}/role-assignments/{verb}");
        stage.write(Method::POST, &path, Some(json!({"resourceId": resource, "roleId": role}))).await
    };
    assert_eq!(of_group("assign", resource, "atlassian/user").await, said(200, ""));
    let products = stage.truth(account).await["productAccess"].clone();
    assert_eq!(products[0]["id"], *resource);
    assert_eq!(of_group("assign", "jira", "atlassian/user").await, said(400, "ADMIN-UAM-400-1"));
    assert_eq!(of_group("assign", "ari:cloud:jira::site/x", "atlassian/user").await, said(404, "ADMIN-UAM-404-1"));
    assert_eq!(of_group("assign", resource, "atlassian/customer").await, said(400, "ADMIN-UAM-400-3"));
    assert_eq!(of_group("revoke", resource, "atlassian/user").await, said(204, ""));
    assert_eq!(stage.truth(account).await["productAccess"], json!([]));

    let of_user = async |path: &str, body: Value| {
        let path = format!("/admin/v1/orgs/{}/users/{account}/{path}", stage.world.config.org_id);
        status_and_code(stage.world.call(Method::POST, &path, Some(body)).await)
    };
    let on_product = json!({"role": "atlassian/user", "resource": resource});
    assert_eq!(of_user("roles/assign", on_product.clone()).await, said(204, ""));
    assert_eq!(stage.truth(account).await["productAccess"][0]["id"], *resource);
    assert_eq!(of_user("roles/revoke", on_product).await, said(204, ""));
    assert_eq!(of_user("roles/assign", json!({"role": "atlassian/user"})).await, said(400, "ADMIN-UAM-400-1"));
    let site = resource.replace("jira-software", "platform");
    assert_eq!(of_user("roles/assign", json!({"role": "atlassian/site-admin", "resource": site})).await, said(204, ""));
    assert_eq!(of_user("role-assignments/assign", json!({"role": "atlassian/org-admin"})).await, said(204, ""));
    assert_eq!(stage.truth(account).await["platformRoles"], json!(["atlassian/org-admin", "atlassian/site-admin"]));
    assert_eq!(of_user("role-assignments/assign", json!({"role": "atlassian/user"})).await, said(400, "ADMIN-UAM-400-1"));
    assert_eq!(of_user("role-assignments/revoke", json!({"role": "atlassian/org-admin"})).await, said(204, ""));
    stage.set_account(account, json!({"accountStatus": "inactive"})).await;
    assert_eq!(of_user("role-assignments/assign", json!({"role": "atlassian/org-admin"})).await, said(400, "ADMIN-UAM-400-2"));
}

/// A suspended account keeps its groups, frees its seats and comes back whole; a removed one loses everything, and leaves unless it is managed.
#[tokio::test]
async fn suspending_and_removing() {
    let stage = Stage::new().await;
    let Cast { account, stranger, group, .. } = &stage.cast;
    let verb = async |account: &str, verb: &str| stage.write(Method::POST, &format!("users/{account}/{verb}"), None).await;
    assert_eq!(verb(account, "suspend").await, said(204, ""));
    let suspended = stage.truth(account).await;
    assert_eq!((&suspended["status"], &suspended["groups"]), (&json!("suspended"), &json!([group])));
    assert_eq!(verb(account, "suspend").await, said(204, ""));
    stage.world.switches(json!({"repeated_suspend": "reject"})).await;
    assert_eq!(verb(account, "suspend").await, said(400, "ADMIN-400-24"));
    assert_eq!(verb(account, "restore").await, said(204, ""));
    assert_eq!(stage.truth(account).await["status"], "active");
    stage.set_account(account, json!({"platformRoles": ["atlassian/org-admin"]})).await;
    assert_eq!(verb(account, "suspend").await, said(400, "ADMIN-400-24"));
    assert_eq!(verb("712020:nobody", "suspend").await, said(404, "ADMIN-404-8"));

    let remove = async |account: &str| stage.write(Method::DELETE, &format!("users/{account}"), None).await;
    assert_eq!(remove(account).await, said(204, ""));
    let removed = stage.truth(account).await;
    assert_eq!(
        (&removed["status"], &removed["groups"], &removed["platformRoles"]),
        (&json!("not_invited"), &json!([]), &json!([]))
    );
    assert_eq!(remove(account).await, said(404, "ADMIN-404-8"));
    stage.set_account(stranger, json!({"claimStatus": "unmanaged"})).await;
    assert_eq!(remove(stranger).await, said(204, ""));
    assert_eq!(stage.truth(stranger).await, Value::Null);
}

/// In an organisation with several directories an account is suspended where it was asked for, and as a whole once that is everywhere.
#[tokio::test]
async fn suspended_in_one_directory() {
    let config = orgmirror_orgsim::SimulatorConfig { users: 30, groups: 10, directories: 2, ..Default::default() };
    let world = World::with(config).await;
    let directories = world.get(&world.v2("directories")).await;
    let ids: Vec<&str> = (0..2).map(|at| directories["data"][at]["directoryId"].as_str().unwrap()).collect();
    world.post("/_sim/accounts/712020:both", json!({"directoryIds": ids})).await;
    let status = async || world.users(json!({"accountIds": ["712020:both"]})).await["data"][0]["membershipStatus"].clone();
    for (directory, expected) in [(ids[0], "active"), (ids[1], "suspended")] {
        let path = world.v2(&format!("directories/{directory}/users/712020:both/suspend"));
        assert_eq!(world.call(Method::POST, &path, None).await.0, 204);
        assert_eq!(status().await, expected);
    }
    let path = world.v2(&format!("directories/{}/users/712020:both/restore", ids[0]));
    assert_eq!(world.call(Method::POST, &path, None).await.0, 204);
    assert_eq!(status().await, "active");
}

/// No seat, no role: not by membership, by grant, by role or by invitation; and suspending somebody frees one.
#[tokio::test]
async fn licence_limits() {
    let stage = Stage::new().await;
    let Cast { account, stranger, group, resource, .. } = &stage.cast;
    let capacity = async |capacity: Value| {
        let path = "/_sim/capacity";
        stage.world.call(Method::PUT, path, Some(json!({"resourceId": resource, "capacity": capacity}))).await.1
    };
    let assign = async || {
        let path = format!("groups/{group}/role-assignments/assign");
        stage.write(Method::POST, &path, Some(json!({"resourceId": resource, "roleId": "atlassian/user"}))).await
    };
    let used = capacity(Value::Null).await["usage"].as_u64().unwrap();
    capacity(json!(used)).await;
    assert_eq!(assign().await, said(409, "ADMIN-UAM-409-3"));
    capacity(json!(used + 1)).await;
    assert_eq!(assign().await, said(200, ""));
    let add = async || stage.members(json!({"accountId": stranger})).await;
    assert_eq!(add().await, said(409, "ADMIN-UAM-409-3"));
    let path = format!("/admin/v1/orgs/{}/users/{stranger}/roles/assign", stage.world.config.org_id);
    let role = json!({"role": "atlassian/user", "resource": resource});
    assert_eq!(status_and_code(stage.world.call(Method::POST, &path, Some(role.clone())).await), said(409, "ADMIN-UAM-409-3"));
    let invite = async |groups: Value| {
        let body = json!({"emails": ["late@example.com"], "permissionRules": [role], "additionalGroups": groups});
        stage.world.call(Method::POST, &stage.world.v2("users/invite"), Some(body)).await
    };
    assert_eq!(status_and_code(invite(json!([])).await), said(409, "ADMIN-UAM-409-3"));
    assert_eq!(stage.write(Method::POST, &format!("users/{account}/suspend"), None).await, said(204, ""));
    assert_eq!(add().await, said(204, ""));
}

/// An invitation tells of each person and each thing whether it was done, and what could be done is done.
#[tokio::test]
async fn invitations() {
    let stage = Stage::new().await;
    let Cast { group, synced_group, resource, account, .. } = &stage.cast;
    let invite = async |body: Value| stage.world.call(Method::POST, &stage.world.v2("users/invite"), Some(body)).await;
    let rules = json!([{"resource": resource, "role": "atlassian/user"}]);
    let known = stage.truth(account).await["email"].clone();
    let (status, body) =
        invite(json!({"emails": ["new@example.com", known], "permissionRules": rules, "additionalGroups": [group]})).await;
    assert_eq!((status.as_u16(), &body["data"][1]["id"]), (200, &json!(account)));
    let invited = stage.truth(body["data"][0]["id"].as_str().unwrap()).await;
    assert_eq!(
        (&invited["status"], &invited["groups"], &invited["claimStatus"]),
        (&json!("active"), &json!([group]), &json!("managed"))
    );
    assert_eq!(invited["productAccess"][0]["id"], *resource);
    let (status, body) =
        invite(json!({"emails": ["other@partner.example.org"], "additionalGroups": [group, synced_group, "nothing"]})).await;
    let results = body["data"][0]["results"][0]["groupAssignmentResult"].as_array().unwrap().clone();
    let words: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!((status.as_u16(), words), (206, vec!["INVITED", "ERROR", "ERROR"]));
    for wrong in [json!([]), json!(["no-address"]), json!(vec!["a@example.com"; 26]), json!("a@example.com")] {
        assert_eq!(status_and_code(invite(json!({"emails": wrong})).await), said(400, "ADMIN-UAM-400-1"));
    }
    stage.world.switches(json!({"paid": false})).await;
    assert_eq!(status_and_code(invite(json!({"emails": ["a@example.com"]})).await), said(402, "ADMIN-UAM-402-1"));
}

/// The lifecycle of managed accounts, and of no others.
#[tokio::test]
async fn lifecycle() {
    let stage = Stage::new().await;
    let Cast { account, stranger, .. } = &stage.cast;
    let message = || Some(json!({"message": "left"}));
    assert_eq!(stage.lifecycle(account, "disable", None).await, said(400, "badRequest"));
    assert_eq!(stage.lifecycle(account, "disable", message()).await, said(204, ""));
    assert_eq!(stage.truth(account).await["status"], "deactivated");
    assert_eq!(stage.lifecycle(account, "disable", message()).await, said(409, "conflict.lifecycleErrors"));
    assert_eq!(stage.lifecycle(account, "enable", None).await, said(204, ""));
    assert_eq!(stage.lifecycle(account, "enable", None).await, said(409, "conflict.lifecycleErrors"));
    assert_eq!(stage.lifecycle(account, "cancel-delete", None).await, said(404, "notFound"));
    assert_eq!(stage.lifecycle(account, "delete", None).await, said(200, ""));
    assert_eq!(stage.truth(account).await["status"], "for_deletion");
    assert_eq!(stage.lifecycle(account, "delete", None).await, said(409, "conflict.lifecycleErrors"));
    assert_eq!(stage.lifecycle(account, "cancel-delete", None).await, said(200, ""));
    stage.set_account(account, json!({"managementSource": "synced"})).await;
    assert_eq!(stage.lifecycle(account, "disable", message()).await, said(403, "forbidden.action"));
    stage.set_account(stranger, json!({"emailVerified": false})).await;
    assert_eq!(stage.lifecycle(stranger, "delete", None).await, said(403, "forbidden.targetUnverified"));
    stage.set_account(stranger, json!({"claimStatus": "unmanaged"})).await;
    assert_eq!(stage.lifecycle(stranger, "delete", None).await, said(403, "forbidden"));
    assert_eq!(stage.lifecycle("712020:nobody", "delete", None).await, said(404, "accountNotFound"));
    stage.world.switches(json!({"scoped_key": true})).await;
    assert_eq!(stage.lifecycle(account, "delete", None).await, said(403, "forbidden.insufficientScope"));
    let permissions = stage.world.get("/_sim/switches").await;
    assert_eq!(permissions["scoped_key"], true);
}

/// The record tells of each write whether it took effect and what its caller heard of it: what is lost is lost before or after the effect.
#[tokio::test]
async fn the_record_of_writes() {
    let stage = Stage::new().await;
    let Cast { stranger, group, .. } = &stage.cast;
    let path = stage.world.v2(&format!("directories/{}/groups/{group}/memberships", stage.cast.directory));
    let add = async || {
        stage
            .world
            .try_call(Method::POST, &path, Some(json!({"accountId": stranger})))
            .await
            .map(|answer| answer.status().as_u16())
    };
    stage.world.faults(json!({"per_operation": {"addUserToGroup": {"drop_rate": 1.0, "effect_rate": 0.0, "times": 1}}})).await;
    assert!(add().await.is_err());
    assert_eq!(stage.truth(stranger).await["groups"], json!([]));
    stage.world.faults(json!({"per_operation": {"addUserToGroup": {"error_rate": 1.0, "effect_rate": 1.0, "times": 1}}})).await;
    assert!(add().await.unwrap() >= 500);
    assert_eq!(stage.truth(stranger).await["groups"], json!([group]));
    assert_eq!(add().await.unwrap(), 204);
    stage.world.faults(json!({"key_state": "expired"})).await;
    assert_eq!(add().await.unwrap(), 401);
    let writes = stage.world.get("/_sim/writes").await;
    let told: Vec<(u64, &Value, bool)> = writes
        .as_array()
        .unwrap()
        .iter()
        .map(|write| (write["sequence"].as_u64().unwrap(), &write["status"], write["changed"].as_bool().unwrap()))
        .collect();
    let (null, done) = (Value::Null, json!(204));
    assert_eq!(told, [(1, &null, false), (2, &done, true), (3, &done, false), (4, &null, false)]);
    assert_eq!(writes[0]["answered"], "dropped");
    assert!(["500", "502", "503"].contains(&writes[1]["answered"].as_str().unwrap()));
    assert_eq!((&writes[2]["answered"], &writes[3]["answered"]), (&json!("204"), &json!("401")));
    assert_eq!(writes[1]["operation"], "addUserToGroup");
    assert_eq!(writes[1]["target"]["accountId"], *stranger);
    assert_eq!(writes[1]["target"]["groupId"], *group);
    stage.world.call(Method::DELETE, "/_sim/writes", None).await;
    assert_eq!(stage.world.get("/_sim/writes").await, json!([]));
}
