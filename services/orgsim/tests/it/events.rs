//! The audit log hears of every change, whoever made it, and can be followed.

use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::conformance::Cast;
use crate::world::World;

fn path(world: &World, rest: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://unused").unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    format!("/admin/v1/orgs/{}/{rest}?{}", world.config.org_id, url.query().unwrap())
}

async fn world() -> World {
    let world = World::of(60, 20).await;
    world.switches(json!({"events_per_minute": null, "events_stream_per_minute": null})).await;
    world
}

/// Follows the stream from a cursor to its present end; gives the events and the cursor to go on from.
async fn follow(world: &World, mut cursor: Option<String>) -> (Vec<Value>, Option<String>) {
    let mut events = Vec::new();
    loop {
        let page = match &cursor {
            Some(cursor) => world.get(&path(world, "events-stream", &[("cursor", cursor)])).await,
            None => world.get(&path(world, "events-stream", &[("limit", "7")])).await,
        };
        cursor = page["meta"]["next"].as_str().map(str::to_owned).or(cursor);
        if page["data"] == json!([]) {
            return (events, cursor);
        }
        events.extend(page["data"].as_array().unwrap().iter().cloned());
    }
}

fn actions(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["attributes"]["action"].as_str().unwrap()).collect()
}

/// Writes of the API, churn and exact changes are all in the stream, in the order of processing, and the cursor at its end finds what comes later.
#[tokio::test]
async fn the_stream_hears_of_everything() {
    let world = world().await;
    let (before, cursor) = follow(&world, None).await;
    assert_eq!((before.len(), cursor.is_some()), (0, true));
    let cast = Cast::of(&world).await;
    let (made, cursor) = follow(&world, cursor).await;
    for action in ["group_created", "user_added_to_org", "user_added_to_group"] {
        assert!(actions(&made).contains(&action), "{action}: {:?}", actions(&made));
    }
    let remove = world.v2(&format!("directories/{}/groups/{}/memberships/{}", cast.directory, cast.group, cast.account));
    assert_eq!(world.call(Method::DELETE, &remove, None).await.0, 204);
    let (written, cursor) = follow(&world, cursor).await;
    assert_eq!(actions(&written), ["user_removed_from_group"]);
    assert_eq!(written[0]["attributes"]["actor"]["auth"]["authType"], "api-token");
    let context: Vec<&Value> = written[0]["attributes"]["context"].as_array().unwrap().iter().map(|about| &about["id"]).collect();
    assert_eq!(context, [&json!(cast.account), &json!(cast.group)]);
    let applied =
        world.post("/_sim/churn", json!({"mutations": 100, "only": ["join", "leave", "new_group"]})).await["applied"].as_u64();
    let (churned, _) = follow(&world, cursor).await;
    assert!(churned.len() as u64 >= applied.unwrap() && applied > Some(50));
    let all: Vec<&Value> = made.iter().chain(&written).chain(&churned).map(|event| &event["attributes"]["processedAt"]).collect();
    assert!(all.is_sorted_by_key(|at| at.as_str().unwrap()));
    let backwards = world.get(&path(&world, "events-stream", &[("sortOrder", "desc"), ("limit", "500")])).await;
    let mut backwards = backwards["data"].as_array().unwrap().clone();
    backwards.reverse();
    assert_eq!(backwards, [made, written, churned].concat());
}

/// Where the latest page has no next one, its own cursor is polled and finds the later events too.
#[tokio::test]
async fn the_cursor_of_the_last_page_can_be_polled() {
    let world = world().await;
    world.switches(json!({"stream_end": "absent", "events_stream_per_minute": null})).await;
    let first = world.get(&path(&world, "events-stream", &[])).await;
    assert_eq!((first["links"].get("next"), first["meta"].get("next")), (None, None));
    let own = Url::parse(first["links"]["self"].as_str().unwrap()).unwrap();
    world.post("/_sim/churn", json!({"mutations": 5, "only": ["new_group"]})).await;
    let again = world.get(&format!("{}?{}", own.path(), own.query().unwrap())).await;
    assert!(again["data"].as_array().unwrap().len() >= 5);
}

/// The search is newest first, narrowed by its parameters, and refuses wrong ones with the code of each.
#[tokio::test]
async fn searching_events() {
    let world = world().await;
    world.post("/_sim/churn", json!({"mutations": 60, "only": ["join", "leave", "rename_group"]})).await;
    world.post("/_sim/accounts/712020:someone", json!({})).await;
    let search = async |parameters: &[(&str, &str)]| world.get(&path(&world, "events", parameters)).await;
    let latest = search(&[("limit", "1")]).await["data"][0].clone();
    assert_eq!(latest["attributes"]["context"][0]["id"], "712020:someone");
    let id = latest["id"].as_str().unwrap();
    assert_eq!(world.get(&path(&world, &format!("events/{id}"), &[])).await["data"], latest);
    let listed = world.get(&path(&world, "event-actions", &[])).await["data"].as_array().unwrap().clone();
    let found = search(&[("action", "group_updated"), ("limit", "500")]).await;
    assert!(!found["data"].as_array().unwrap().is_empty());
    for event in found["data"].as_array().unwrap() {
        assert_eq!(event["attributes"]["action"], "group_updated");
        assert!(listed.iter().any(|action| action["id"] == "group_updated"));
    }
    let mine = search(&[("actor", "557058:orgsim-admin,557058:nobody"), ("q", "someone ORG")]).await;
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    for nothing in
        [("to", "1000"), ("from", "9000000000000"), ("product", "jira,loom"), ("ip", "192.0.2.1"), ("location", "Mars")]
    {
        assert_eq!(search(&[nothing]).await["data"], json!([]), "{nothing:?}");
    }
    for (wrong, code) in [
        (("from", "yesterday"), "ADMIN-400-3"),
        (("limit", "501"), "ADMIN-400-19"),
        (("limit", "0"), "ADMIN-400-19"),
        (("product", "jira,tetris"), "ADMIN-400-19"),
        (("q", "1 2 3 4 5 6 7 8 9 10 11"), "ADMIN-400-21"),
        (("cursor", "garbage"), "ADMIN-400-1"),
    ] {
        let (status, body) = world.call(Method::GET, &path(&world, "events", &[wrong]), None).await;
        assert_eq!((status.as_u16(), &body["errors"][0]["code"]), (400, &json!(code)), "{wrong:?}");
    }
    let page = search(&[("limit", "10")]).await;
    let next = page["meta"]["next"].as_str().unwrap();
    let second = search(&[("cursor", next), ("limit", "3")]).await;
    assert_eq!(second["data"].as_array().unwrap().len(), 10, "the cursor decides about everything");
    assert_ne!(second["data"][0], page["data"][9]);
}

/// Events that lag are found when their time has come.
#[tokio::test]
async fn events_lag() {
    let world = world().await;
    world.switches(json!({"lag": {"event_ms": 600_000}, "events_per_minute": null})).await;
    world.post("/_sim/accounts/712020:someone", json!({})).await;
    assert_eq!(world.get(&path(&world, "events", &[])).await["data"], json!([]));
}
