//! Every operation with every status that the documents give it, and every family of errors.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::document::{self, OPERATIONS};
use crate::world::World;

/// The rows that the calls are about.
#[derive(Default)]
pub(crate) struct Cast {
    /// Managed, verified, invited, active and no admin; a member of `group`.
    pub(crate) account: String,
    /// In the directory and no member of `group`.
    pub(crate) stranger: String,
    /// Writable, without grants.
    pub(crate) group: String,
    /// Of the identity provider.
    pub(crate) synced_group: String,
    pub(crate) directory: String,
    pub(crate) resource: String,
    pub(crate) domain: String,
    pub(crate) policy: String,
    pub(crate) event: String,
}

impl Cast {
    /// Makes the rows and finds the others. One event is made with them.
    pub(crate) async fn of(world: &World) -> Self {
        let cast = Self {
            account: "712020:cast-account".to_owned(),
            stranger: "712020:cast-stranger".to_owned(),
            group: "6a1e0000-0000-4000-8000-000000000001".to_owned(),
            synced_group: "6a1e0000-0000-4000-8000-000000000002".to_owned(),
            ..Self::default()
        };
        cast.restore(world).await;
        let v1 = |rest: &str| format!("/admin/v1/orgs/{}/{rest}", world.config.org_id);
        let first = |page: &Value, name: &str| page["data"][0][name].as_str().unwrap().to_owned();
        Self {
            directory: first(&world.get(&world.v2("directories")).await, "directoryId"),
            resource: first(&world.post(&world.v2("workspaces"), json!({})).await, "id"),
            domain: first(&world.get(&v1("domains")).await, "id"),
            policy: first(&world.get(&v1("policies")).await, "id"),
            event: first(&world.get(&v1("events")).await, "id"),
            ..cast
        }
    }

    /// Makes the accounts and groups what they are at the beginning, whatever became of them.
    pub(crate) async fn restore(&self, world: &World) {
        world.post(&format!("/_sim/groups/{}", self.group), json!({"name": "cast", "managedBy": "admins"})).await;
        world.post(&format!("/_sim/groups/{}", self.synced_group), json!({"name": "synced cast", "managedBy": "external"})).await;
        for id in [&self.account, &self.stranger] {
            let account = json!({
                "email": format!("{}@example.com", id.replace(':', "-")),
                "claimStatus": "managed",
                "status": "active",
                "platformRoles": [],
                "groups": if *id == self.account { vec![&self.group] } else { Vec::new() },
            });
            world.post(&format!("/_sim/accounts/{id}"), account).await;
        }
    }

    /// The path of an operation, about these rows.
    pub(crate) fn path(&self, template: &str, org_id: &str) -> String {
        template
            .replace("{orgId}", org_id)
            .replace("{directoryId}", &self.directory)
            .replace("{userId}", &self.account)
            .replace("{accountId}", &self.account)
            .replace("{account_id}", &self.account)
            .replace("{groupId}", &self.group)
            .replace("{domainId}", &self.domain)
            .replace("{policyId}", &self.policy)
            .replace("{eventId}", &self.event)
    }

    /// A body with which the operation succeeds.
    pub(crate) fn body(&self, operation: &str) -> Option<Value> {
        Some(match operation {
            "createGroup" => json!({"name": "created", "description": "by a test"}),
            "addUserToGroup" => json!({"accountId": self.stranger}),
            "assignGroupRole" | "revokeGroupRole" => json!({"resourceId": self.resource, "roleId": "atlassian/guest"}),
            "assignRole" | "revokeRole" => json!({"role": "atlassian/guest", "resource": self.resource}),
            "assignOrganizationLevelRole" | "revokeOrganizationLevelRole" => json!({"role": "atlassian/org-admin"}),
            "inviteUsers" => json!({
                "emails": ["first@example.com", "second@partner.example.org"],
                "permissionRules": [{"resource": self.resource, "role": "atlassian/user"}],
                "additionalGroups": [self.group],
            }),
            "disableUser" => json!({"message": "left"}),
            "searchDirectoryUsers" => json!({"expand": ["platformRoles", "counts.resources", "productAccess", "groups"]}),
            "searchDirectoryGroups" => json!({"expand": ["counts.users", "counts.resources"]}),
            _ => return None,
        })
    }
}

/// The order in which the operations are called: what undoes another comes after it, what destroys comes last.
const LATE: [&str; 10] = [
    "revokeOrganizationLevelRole",
    "suspendUserInDirectory",
    "revokeRole",
    "revokeGroupRole",
    "restoreUserInDirectory",
    "enableUser",
    "cancelDeleteUser",
    "removeUserFromGroup",
    "removeUserFromDirectory",
    "deleteGroup",
];

fn in_order() -> Vec<&'static document::Operation> {
    let mut operations: Vec<_> = OPERATIONS.iter().collect();
    operations.sort_by_key(|operation| LATE.iter().position(|late| *late == operation.id).map_or(0, |at| at + 1));
    operations
}

/// Every documented status of every operation is given, in the documented form.
/// Method: each operation is called with each error as a fault, and then for its success; the answers are judged by `World::call`.
#[tokio::test]
async fn every_status_of_every_operation() {
    let world = World::of(60, 20).await;
    let cast = Cast::of(&world).await;
    let mut missing: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for operation in in_order() {
        let method: Method = operation.method.parse().unwrap();
        let path = cast.path(&operation.path, &world.config.org_id);
        let mut statuses: BTreeSet<u16> = operation.answers.keys().copied().collect();
        for status in operation.answers.keys().filter(|status| **status >= 400) {
            world.faults(json!({"per_operation": {&operation.id: {"status": status, "effect_rate": 0.0}}})).await;
            let (given, _) = world.call(method.clone(), &path, cast.body(&operation.id)).await;
            assert_eq!(given.as_u16(), *status, "{}", operation.id);
            statuses.remove(status);
        }
        world.faults(json!({})).await;
        let (given, body) = world.call(method.clone(), &path, cast.body(&operation.id)).await;
        assert!(given.is_success(), "{}: {given} {body}", operation.id);
        statuses.remove(&given.as_u16());
        missing.insert(&operation.id, statuses);
    }
    missing.retain(|_, statuses| !statuses.is_empty());
    // A part of an invitation fails only if there is something wrong with it.
    assert_eq!(missing, BTreeMap::from([("inviteUsers", BTreeSet::from([206]))]));
}

/// Whatever is wrong with the key, the organisation or the limit is said in the form of each operation, with each choice of form.
#[tokio::test]
async fn every_way_to_be_turned_away() {
    let world = World::of(60, 20).await;
    let cast = Cast::of(&world).await;
    for operation in OPERATIONS.iter() {
        let method: Method = operation.method.parse().unwrap();
        let path = cast.path(&operation.path, &world.config.org_id);
        let call = async |path: &str| world.call(method.clone(), path, cast.body(&operation.id)).await.0.as_u16();
        for (state, expected) in [("expired", 401), ("revoked", 401), ("no_scope", 403)] {
            world.faults(json!({"key_state": state})).await;
            if (state, operation.id.as_str()) != ("no_scope", "getOrgs") {
                assert_eq!(call(&path).await, expected, "{} {state}", operation.id);
            }
        }
        for body in ["documented", "proxy", "errors", "empty"] {
            let limits = json!({"rate_limit_body": body, "events_per_minute": 0, "events_stream_per_minute": 0, "last_active_per_minute": 0});
            world.faults(json!({"rate_limit_per_minute": 0, "rate_limit_burst": 1, "switches": limits})).await;
            while call(&path).await != 429 {}
        }
        world.faults(json!({"switches": {"error_status": "number"}, "per_operation": {&operation.id: {"status": 404, "effect_rate": 0}}})).await;
        if operation.answers.contains_key(&404) {
            assert_eq!(call(&path).await, 404);
        }
        world.faults(json!({"down": true})).await;
        assert_eq!(call(&path).await, 503);
        world.faults(json!({"switches": {"write_error_body": "empty"}})).await;
        if operation.path.contains("{orgId}") {
            assert_eq!(call(&cast.path(&operation.path, "not-the-org")).await, 404, "{}", operation.id);
        }
    }
}
