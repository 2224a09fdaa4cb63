//! Filters: every part must hold, any value inside a part is enough.

use orgmirror_orgsim::SimulatorConfig;
use serde_json::{Value, json};

use crate::world::{World, ids, sorted_ids};

/// Ids of the accounts of the truth that fit.
fn fitting(truth: &[Value], fits: impl Fn(&Value) -> bool) -> Vec<String> {
    truth.iter().filter(|account| fits(account)).map(|account| account["accountId"].as_str().unwrap().to_owned()).collect()
}

/// Each filter of users finds what the truth says, alone and together with others, and the count agrees.
#[tokio::test]
async fn users() {
    let world = World::of(900, 60).await;
    let truth = world.truth("accounts").await;
    let resource = truth.iter().find_map(|account| account["productAccess"][0]["id"].as_str()).unwrap().to_owned();
    let group = truth.iter().find_map(|account| account["groups"][0].as_str()).unwrap().to_owned();
    let other_group = truth.iter().rev().find_map(|account| account["groups"][0].as_str()).unwrap().to_owned();
    let on =
        |account: &Value| account["productAccess"].as_array().unwrap().iter().any(|access| access["id"] == resource.as_str());
    let within = |account: &Value, group: &str| account["groups"].as_array().unwrap().iter().any(|id| id == group);
    type Fits<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let cases: Vec<(Value, Fits<'_>)> = vec![
        (json!({"mfaEnabled": true}), Box::new(|account| account["mfaEnabled"] == true)),
        (json!({"claimStatus": "unmanaged"}), Box::new(|account| account["claimStatus"] == "unmanaged")),
        (
            json!({"status": ["suspended", "for_deletion"]}),
            Box::new(|account| account["status"] == "suspended" || account["status"] == "for_deletion"),
        ),
        (json!({"accountStatus": ["inactive", "closed"]}), Box::new(|account| account["accountStatus"] != "active")),
        (json!({"membershipStatus": ["no_membership"]}), Box::new(|account| account["membershipStatus"] == "no_membership")),
        (json!({"resourceIds": [resource]}), Box::new(on)),
        (
            json!({"groupIds": [group, format!("ari:cloud:identity::group/{other_group}")]}),
            Box::new(|account| within(account, &group) || within(account, &other_group)),
        ),
        (
            json!({"roleIds": ["atlassian/ai-access"]}),
            Box::new(|account| account["platformRoles"].as_array().unwrap().contains(&json!("atlassian/ai-access"))),
        ),
        (
            json!({"emailDomains": ["example.com"]}),
            Box::new(|account| account["email"].as_str().is_some_and(|email| email.ends_with("@example.com"))),
        ),
        (
            json!({"searchTerm": "MÜLLER"}),
            Box::new(|account| {
                account["name"].as_str().unwrap().to_lowercase().contains("müller")
                    || account["email"].as_str().is_some_and(|email| email.contains("müller"))
            }),
        ),
        (
            json!({"mfaEnabled": false, "claimStatus": "managed", "groupIds": [group], "status": ["active"]}),
            Box::new(|account| {
                account["mfaEnabled"] == false
                    && account["claimStatus"] == "managed"
                    && within(account, &group)
                    && account["status"] == "active"
            }),
        ),
    ];
    for (filter, fits) in cases {
        let mut body = filter.clone();
        body["limit"] = json!(100);
        let expected = fitting(&truth, fits);
        assert!(!expected.is_empty() && expected.len() < truth.len(), "{filter} tells nobody apart");
        assert_eq!(sorted_ids(&world.walk("users", body).await), expected, "{filter}");
        let mut url = reqwest::Url::parse("http://unused").unwrap();
        for (name, value) in filter.as_object().unwrap() {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values {
                url.query_pairs_mut().append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
        }
        let count = world.get(&world.v2(&format!("directories/-/users/count?{}", url.query().unwrap()))).await;
        assert_eq!(count["count"], json!(expected.len()), "{filter}");
    }
}

/// Look-ups by id and by address find those that exist and say nothing of the others.
#[tokio::test]
async fn look_ups() {
    let world = World::of(200, 60).await;
    let truth = world.truth("accounts").await;
    let wanted: Vec<&Value> = truth.iter().take(9).map(|account| &account["accountId"]).collect();
    let mut asked: Vec<Value> = wanted.iter().map(|id| (*id).clone()).collect();
    asked.push(json!("712020:nobody"));
    assert_eq!(json!(sorted_ids(&world.walk("users", json!({"accountIds": asked})).await)), json!(wanted));
    let email = truth.iter().find_map(|account| account["email"].as_str()).unwrap();
    let found = world.users(json!({"emails": [email.to_uppercase(), "nobody@example.com"]})).await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(found["data"][0]["email"], email);

    let groups = world.truth("groups").await;
    let found = world.groups(json!({"groupNames": [groups[3]["name"].as_str().unwrap().to_uppercase()]})).await;
    assert_eq!(ids(found["data"].as_array().unwrap()), ids(&groups[3..4]));
    let found = world.groups(json!({"groupIds": [groups[1]["id"], groups[0]["id"]]})).await;
    assert_eq!(sorted_ids(found["data"].as_array().unwrap()), ids(&groups[..2]));
    let member = truth.iter().find(|account| account["groups"].as_array().unwrap().len() > 1).unwrap();
    let found = world.walk("groups", json!({"accountIds": [member["accountId"]]})).await;
    assert_eq!(json!(sorted_ids(&found)), member["groups"]);
}

/// Groups that grant are found by what they grant, and their role assignments say it.
#[tokio::test]
async fn grants() {
    let world = World::of(400, 2_000).await;
    let grants = world.truth("grants").await;
    assert_eq!(grants.len(), 4);
    for grant in &grants {
        let found = world.walk("groups", json!({"resourceIds": [grant["resourceId"]], "roleIds": grant["roles"], "resourceOwners": [grant["resourceOwner"]]})).await;
        assert!(ids(&found).contains(&grant["groupId"].as_str().unwrap().to_owned()));
        let path = world.v2(&format!("directories/-/groups/{}/role-assignments", grant["groupId"].as_str().unwrap()));
        let assignments = world.get(&path).await;
        let mut expected = grant.clone();
        expected.as_object_mut().unwrap().remove("groupId");
        assert!(assignments["data"].as_array().unwrap().contains(&expected));
    }
    let member = world.users(json!({"groupIds": [grants[0]["groupId"]], "limit": 1})).await["data"][0]["accountId"].clone();
    let path = world.v2(&format!("directories/-/users/{}/role-assignments?limit=100", member.as_str().unwrap()));
    let assignments = world.get(&path).await;
    let of_resource =
        assignments["data"].as_array().unwrap().iter().find(|row| row["resourceId"] == grants[0]["resourceId"]).unwrap();
    let ways = &of_resource["roleAssignments"][0]["roleAssignmentMethods"];
    assert!(ways.as_array().unwrap().contains(&json!("group_direct")), "{of_resource}");
}

/// Several directories: each account with a membership is in exactly one, the others in none, and groups keep to their directory.
#[tokio::test]
async fn directories() {
    let world = World::with(SimulatorConfig {
        users: 600,
        groups: 90,
        directories: 3,
        equal_directories: true,
        ..SimulatorConfig::default()
    })
    .await;
    let listed = world.get(&world.v2("directories?limit=2")).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let next = listed["links"]["next"].as_str().unwrap();
    let mut url = reqwest::Url::parse("http://unused").unwrap();
    url.query_pairs_mut().append_pair("cursor", next);
    let rest = world.get(&world.v2(&format!("directories?{}", url.query().unwrap()))).await;
    let directories: Vec<Value> = [listed["data"].as_array().unwrap().clone(), rest["data"].as_array().unwrap().clone()].concat();
    assert_eq!(directories.len(), 3);
    let mut seen = Vec::new();
    for directory in &directories {
        let id = &directory["directoryId"];
        let members = world.walk("users", json!({"directoryIds": [id], "limit": 100})).await;
        let in_path =
            world.post(&world.v2(&format!("directories/{}/users/search", id.as_str().unwrap())), json!({"limit": 100})).await;
        assert_eq!(ids(in_path["data"].as_array().unwrap()), ids(&members)[..members.len().min(100)]);
        assert!((150..=220).contains(&members.len()), "{}", members.len());
        seen.extend(ids(&members));
        let groups = world.walk("groups", json!({"directoryIds": [id], "limit": 100})).await;
        assert_eq!(groups.len(), 30);
        assert!(groups.iter().all(|group| group["directoryId"] == *id));
    }
    let without = world.walk("users", json!({"membershipStatus": ["no_membership"], "limit": 100})).await;
    seen.extend(ids(&without));
    seen.sort();
    assert_eq!(seen, sorted_ids(&world.truth("accounts").await));
    let (status, body) = world.call(reqwest::Method::GET, &world.v2("directories/unknown/users/count"), None).await;
    assert_eq!((status.as_u16(), &body["errors"][0]["code"]), (404, &json!("ADMIN-404-1")));
}

/// Workspaces are products on sites; the query narrows them, the cursor comes alone.
#[tokio::test]
async fn workspaces() {
    let world = World::of(300, 60).await;
    let path = world.v2("workspaces");
    let all = world.post(&path, json!({"limit": 1_000})).await;
    assert_eq!((all["data"].as_array().unwrap().len(), &all["meta"]["total"]), (18, &json!(18)));
    assert_eq!(all["links"].get("next"), None);
    let query = json!({"and": [{"field": {"name": "attributes.type", "values": ["confluence"]}}, {"searchWorkspaces": "EMEA"}]});
    let found = world.post(&path, json!({"query": query, "sort": [{"field": "attributes.name", "order": "desc"}]})).await;
    assert_eq!(found["meta"]["total"], 1);
    let first = world.post(&path, json!({"limit": 10})).await;
    let rest = world.post(&path, json!({"cursor": first["links"]["next"]})).await;
    assert_eq!(
        [first["data"].as_array().unwrap().clone(), rest["data"].as_array().unwrap().clone()].concat(),
        *all["data"].as_array().unwrap()
    );
    let (status, body) =
        world.call(reqwest::Method::POST, &path, Some(json!({"cursor": first["links"]["next"], "limit": 10}))).await;
    assert_eq!((status.as_u16(), body["code"].is_string()), (400, true), "{body}");
    world.faults(json!({"switches": {"workspaces_next": "url"}})).await;
    let first = world.post(&path, json!({"limit": 10})).await;
    assert!(first["links"]["next"].as_str().unwrap().starts_with("https://"));
}

/// A search by group hides suspended members, and a term is a whole word, if that is chosen.
#[tokio::test]
async fn doubtful_filters() {
    let world = World::of(30, 5).await;
    let group = "6a1e0000-0000-4000-8000-000000000009";
    world.post(&format!("/_sim/groups/{group}"), json!({"name": "doubt of somebody"})).await;
    let account = json!({"name": "Zoë Doubtful", "status": "suspended", "groups": [group]});
    world.post("/_sim/accounts/712020:doubtful", account).await;
    let found = async |what: &str, body: Value| world.walk(what, body).await.len();
    for (choices, by_group, by_part) in [(json!({}), 1, 1), (json!({"suspended_members": "hidden", "search_term": "word"}), 0, 0)]
    {
        world.switches(choices).await;
        assert_eq!(found("users", json!({"groupIds": [group]})).await, by_group);
        assert_eq!(found("users", json!({"searchTerm": "DOUBTF"})).await, by_part);
        assert_eq!(found("users", json!({"searchTerm": "doubtful"})).await, 1);
        assert_eq!(found("groups", json!({"searchTerm": "doubt OF"})).await, by_part);
        assert_eq!(found("groups", json!({"searchTerm": "Somebody"})).await, 1);
    }
}
