//! What is refused, and in which words.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

/// Bodies that the specification forbids are refused with 400 and a code.
#[tokio::test]
async fn wrong_bodies() {
    let world = World::of(20, 5).await;
    let many = |count: usize| json!((0..count).map(|number| number.to_string()).collect::<Vec<_>>());
    for (what, body) in [
        ("users", json!({"limit": 0})),
        ("users", json!({"limit": 101})),
        ("users", json!({"limit": "10"})),
        ("users", json!({"accountIds": []})),
        ("users", json!({"accountIds": many(11)})),
        ("users", json!({"emails": many(101)})),
        ("users", json!({"groupIds": [1]})),
        ("users", json!({"mfaEnabled": "true"})),
        ("users", json!({"status": ["closed"]})),
        ("users", json!({"claimStatus": ["managed"]})),
        ("users", json!({"roleIds": ["atlassian/king"]})),
        ("users", json!({"expand": ["everything"]})),
        ("users", json!({"searchTerm": "a", "emails": ["a@example.com"]})),
        ("users", json!({"sortBy": [{"field": "name", "direction": "asc"}]})),
        ("users", json!({"sortBy": [{"field": "nick_name"}]})),
        ("users", json!({"sortBy": [{"field": "nick_name", "direction": "asc"}, {"field": "nick_name", "direction": "desc"}]})),
        ("users", json!([])),
        ("groups", json!({"groupIds": ["a"], "groupNames": ["b"]})),
        ("groups", json!({"searchTerm": "a", "groupNames": ["b"]})),
        ("groups", json!({"sortBy": [{"field": "nick_name", "direction": "asc"}]})),
        ("groups", json!({"expand": ["groups"]})),
    ] {
        let (status, answer) =
            world.call(Method::POST, &world.v2(&format!("directories/-/{what}/search")), Some(body.clone())).await;
        assert_eq!((status.as_u16(), &answer["errors"][0]["code"]), (400, &json!("ADMIN-400-24")), "{body}: {answer}");
        assert_eq!(answer["errors"][0]["status"], "400");
    }
    for body in [json!({"somethingNew": 1}), json!({"accountIds": null})] {
        world.users(body).await;
    }
    let twice = [("users", json!({"emails": ["a@x.y", "a@x.y"]})), ("groups", json!({"groupIds": ["a", "a"]}))];
    for (choice, expected) in [("accept", 200), ("reject", 400)] {
        world.switches(json!({"duplicate_items": choice})).await;
        for (what, body) in &twice {
            let path = world.v2(&format!("directories/-/{what}/search"));
            assert_eq!(world.call(Method::POST, &path, Some(body.clone())).await.0, expected);
        }
    }
    world.faults(json!({"switches": {"unknown_properties": "reject", "empty_arrays": "accept", "unknown_expand": "accept", "error_status": "number"}})).await;
    world.users(json!({"accountIds": [], "expand": ["everything"]})).await;
    let (_, answer) = world.call(Method::POST, &world.v2("directories/-/users/search"), Some(json!({"somethingNew": 1}))).await;
    assert_eq!(answer["errors"][0]["status"], 400);
}

/// A cursor that is garbage, of another list or too old is refused with the code for cursors.
#[tokio::test]
async fn wrong_cursors() {
    let world = World::of(50, 30).await;
    let path = world.v2("directories/-/users/search");
    let users = world.users(json!({"limit": 10})).await["links"]["next"].clone();
    let groups = world.groups(json!({"limit": 10})).await["links"]["next"].clone();
    for cursor in [json!("garbage"), json!("e30="), groups] {
        let (status, body) = world.call(Method::POST, &path, Some(json!({"cursor": cursor}))).await;
        assert_eq!((status.as_u16(), &body["errors"][0]["code"]), (400, &json!("ADMIN-400-1")), "{cursor}");
    }
    world.faults(json!({"cursor_ttl_s": 0.05})).await;
    tokio::time::sleep(std::time::Duration::from_millis(80)).await;
    let (status, body) = world.call(Method::POST, &path, Some(json!({"cursor": users}))).await;
    assert_eq!((status.as_u16(), &body["errors"][0]["code"]), (400, &json!("ADMIN-400-1")));
    assert!(body["errors"][0]["detail"].as_str().unwrap().contains("expired"));
}

/// The filter in a cursor wins over the body's.
#[tokio::test]
async fn the_cursor_remembers_the_filter() {
    let world = World::of(300, 30).await;
    let first = world.users(json!({"limit": 10, "claimStatus": "managed"})).await;
    let second = world.users(json!({"limit": 20, "claimStatus": "unmanaged", "cursor": first["links"]["next"]})).await;
    let rows = second["data"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| row["claimStatus"] == "managed"));
}

/// Keys, organisations and paths that don't exist.
#[tokio::test]
async fn wrong_callers() {
    let world = World::of(10, 5).await;
    let url = |path: &str| format!("{}{path}", world.simulator.base_url());
    let v1 = world.client.get(url("/admin/v1/orgs")).send().await.unwrap();
    assert_eq!(v1.status(), 401);
    assert_eq!(v1.json::<Value>().await.unwrap()["code"], 401);
    let v2 = world.client.get(url(&world.v2("directories"))).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(v2.status(), 401);
    assert_eq!(v2.json::<Value>().await.unwrap()["errors"][0]["code"], "ADMIN-401-2");
    let (status, body) = world.call(Method::GET, "/admin/v2/orgs/another/directories", None).await;
    assert_eq!((status.as_u16(), body["requestId"].is_string()), (404, true));
    let (status, _) = world.call(Method::GET, &world.v2("directories/-/users/search"), None).await;
    assert_eq!(status, 405);
    let (status, _) = world.call(Method::GET, &world.v2("nothing"), None).await;
    assert_eq!(status, 404);
    let (status, body) = world.call(Method::GET, &world.v2("directories/-/users/nobody"), None).await;
    assert_eq!((status.as_u16(), &body["errors"][0]["code"]), (404, &json!("ADMIN-404-8")));
    let (status, body) = world.call(Method::GET, &world.v2("directories/-/groups/nothing"), None).await;
    assert_eq!((status.as_u16(), &body["errors"][0]["code"]), (404, &json!("ADMIN-404-10")));

    let org = world.get(&format!("/admin/v1/orgs/{}", world.config.org_id)).await;
    assert_eq!(org["data"]["id"], world.config.org_id.as_str());
    assert_eq!(world.get("/admin/v1/orgs").await["data"][0], org["data"]);
}

/// A key that expired, was revoked, lacks a scope or was replaced.
#[tokio::test]
async fn key_states() {
    let world = World::of(10, 5).await;
    let directories = world.v2("directories");
    for (state, expected) in [("expired", 401), ("revoked", 401), ("no_scope", 403), ("valid", 200)] {
        world.faults(json!({"key_state": state})).await;
        assert_eq!(world.call(Method::GET, &directories, None).await.0.as_u16(), expected, "{state}");
    }
    world.faults(json!({"key_state": "no_scope"})).await;
    assert_eq!(world.get("/admin/v1/orgs").await["data"], json!([]));
    world.faults(json!({})).await;
    let (status, _) = world.call(Method::PUT, "/_sim/key", Some(json!({"api_key": "another"}))).await;
    assert_eq!(status, 200);
    assert_eq!(world.call(Method::GET, &directories, None).await.0, 401);
}
