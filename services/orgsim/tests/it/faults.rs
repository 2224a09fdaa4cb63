//! Each fault shows, and shows again with the same seed.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

/// How each of ten calls ended.
async fn endings(world: &World) -> Vec<String> {
    let path = world.v2("directories/-/users/count");
    let mut endings = Vec::new();
    for _ in 0..10 {
        endings.push(match world.try_call(Method::GET, &path, None).await {
            Err(_) => "dropped".to_owned(),
            Ok(response) => {
                let status = response.status();
                match response.text().await {
                    Err(_) => "truncated".to_owned(),
                    Ok(text) if status == 200 && serde_json::from_str::<Value>(&text).is_err() => "malformed".to_owned(),
                    Ok(_) => status.as_u16().to_string(),
                }
            }
        });
    }
    endings
}

/// Every rate at 1 does what it says on every call, and nothing else does.
#[tokio::test]
async fn each_fault_shows() {
    let world = World::of(20, 5).await;
    for (fault, expected) in [("drop_rate", "dropped"), ("truncate_rate", "truncated"), ("malformed_rate", "malformed")] {
        world.faults(json!({fault: 1.0})).await;
        assert_eq!(endings(&world).await, vec![expected; 10], "{fault}");
    }
    world.faults(json!({"error_rate": 1.0})).await;
    let errors = endings(&world).await;
    assert!(errors.iter().all(|ending| ["500", "502", "503"].contains(&ending.as_str())), "{errors:?}");
    world.faults(json!({"down": true})).await;
    assert_eq!(endings(&world).await, vec!["503"; 10]);
    world.faults(json!({"down": "drop"})).await;
    assert_eq!(endings(&world).await, vec!["dropped"; 10]);
    world.faults(json!({})).await;
    assert_eq!(endings(&world).await, vec!["200"; 10]);
}

/// The n-th call of an operation meets the same fate each time, whatever was called in between.
#[tokio::test]
async fn faults_are_reproducible() {
    let world = World::of(20, 5).await;
    let state = json!({"error_rate": 0.3, "drop_rate": 0.2, "malformed_rate": 0.2, "quirks": {"rate_limited": 0.2}});
    world.faults(state.clone()).await;
    let first = endings(&world).await;
    world.faults(state).await;
    let _ = world.try_call(Method::GET, &world.v2("directories"), None).await;
    assert_eq!(endings(&world).await, first);
    assert!(first.iter().any(|ending| ending == "200") && first.iter().any(|ending| ending != "200"), "{first:?}");
}

/// One operation can have faults of its own, for its first calls only.
#[tokio::test]
async fn one_operation_alone() {
    let world = World::of(20, 5).await;
    world.faults(json!({"per_operation": {"getDirectoryUsersCount": {"status": 404, "times": 3}}})).await;
    let expected = [vec!["404"; 3], vec!["200"; 7]].concat();
    assert_eq!(endings(&world).await, expected);
    world.get(&world.v2("directories")).await;
    let (status, body) = world.call(Method::PUT, "/_sim/faults", Some(json!({"per_operation": {"getNothing": {}}}))).await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("getNothing"));
    for (wrong, named) in [
        (json!({"latency": 5}), "latency"),
        (json!({"switches": {"sideways": 1}}), "sideways"),
        (json!({"error_rate": 2.0}), "error_rate"),
    ] {
        let (status, body) = world.call(Method::PUT, "/_sim/faults", Some(wrong)).await;
        assert_eq!(status, 400);
        assert!(body["error"].as_str().unwrap().contains(named), "{body}");
    }
}

/// Ids that must fail take down every call that touches them, and no other.
#[tokio::test]
async fn failing_ids() {
    let world = World::of(60, 20).await;
    let first = world.get("/_sim/first?limit=1").await[0].as_str().unwrap().to_owned();
    let last = world.get("/_sim/first?limit=1&sort=desc").await[0].as_str().unwrap().to_owned();
    let group = world.truth("groups").await[0]["id"].as_str().unwrap().to_owned();
    world.faults(json!({"fail_ids": [first, format!("ari:cloud:identity::group/{group}")]})).await;
    let search = world.v2("directories/-/users/search");
    for body in [json!({"limit": 10}), json!({"accountIds": [last, first]}), json!({"groupIds": [group]})] {
        assert_eq!(world.call(Method::POST, &search, Some(body)).await.0, 500);
    }
    for path in [format!("users/{first}"), format!("users/{first}/role-assignments"), format!("groups/{group}/role-assignments")]
    {
        assert_eq!(world.call(Method::GET, &world.v2(&format!("directories/-/{path}")), None).await.0, 500);
    }
    world.users(json!({"accountIds": [last]})).await;
    world.users(json!({"limit": 10, "sortBy": [{"field": "nick_name", "direction": "desc"}]})).await;
}

/// The limit is told on every answer, and a refusal says when to come back.
#[tokio::test]
async fn rate_limits() {
    let world = World::of(20, 5).await;
    let path = world.v2("directories");
    world.faults(json!({"rate_limit_per_minute": 60, "rate_limit_burst": 2})).await;
    let mut headers = Vec::new();
    for expected in [200, 200, 429] {
        let response = world.try_call(Method::GET, &path, None).await.unwrap();
        assert_eq!(response.status(), expected);
        headers.push(response.headers().clone());
    }
    assert_eq!(headers[0]["x-ratelimit-limit"], "60");
    assert_eq!(headers[0]["x-ratelimit-remaining"], "1");
    assert!(!headers[1].contains_key("retry-after"));
    assert_eq!(headers[2]["retry-after"], "1");
    assert!(headers[2]["x-ratelimit-reset"].to_str().unwrap().ends_with('Z'));
    for (variant, retry_after, reset) in [
        ("retry_after", true, false),
        ("reset_minutes", false, true),
        ("reset_seconds", false, true),
        ("retry_after_date", true, false),
        ("none", false, false),
    ] {
        let switches = json!({"rate_limit_headers": variant, "rate_limit_body": "empty"});
        world.faults(json!({"rate_limit_per_minute": 0, "rate_limit_burst": 2, "switches": switches})).await;
        let mut response = world.try_call(Method::GET, &path, None).await.unwrap();
        while response.status() == 200 {
            response = world.try_call(Method::GET, &path, None).await.unwrap();
        }
        let has = |name: &str| response.headers().contains_key(name);
        assert_eq!((has("retry-after"), has("x-ratelimit-reset")), (retry_after, reset), "{variant}");
        assert_eq!(response.text().await.unwrap(), "");
    }
    assert_eq!(world.get("/_sim/calls").await["rate_limited"].as_u64(), Some(6));
}

/// A held answer was computed before what happens while it waits.
#[tokio::test]
async fn held_answers() {
    let world = World::of(20, 5).await;
    world.faults(json!({"hold": {"getDirectoryUsersCount": 1}})).await;
    let path = world.v2("directories/-/users/count");
    let (held, ()) = tokio::join!(world.get(&path), async {
        while world.get("/_sim/held").await["getDirectoryUsersCount"] != 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        world.post("/_sim/accounts/712020%3Anew", json!({})).await;
        assert_eq!(world.get(&path).await["count"], 21);
        assert_eq!(world.post("/_sim/release", json!({})).await["released"], 1);
    });
    assert_eq!(held["count"], 20);
}

/// Latency is waited for, and calls are counted with their bytes and how many were in flight.
#[tokio::test]
async fn latency_and_calls() {
    let world = World::of(20, 5).await;
    world.faults(json!({"latency_ms": 40, "jitter_ms": 5})).await;
    let path = world.v2("directories/-/users/count");
    let begin = Instant::now();
    tokio::join!(world.get(&path), world.get(&path), world.get(&path));
    assert!(begin.elapsed() >= Duration::from_millis(40));
    let calls = world.get("/_sim/calls").await;
    assert_eq!(calls["operations"]["getDirectoryUsersCount"]["200"], json!({"calls": 3, "bytes": 36}));
    assert_eq!((&calls["total"], &calls["max_in_flight"], &calls["max_per_second"]), (&json!(3), &json!(3), &json!(3)));
    world.call(Method::DELETE, "/_sim/calls", None).await;
    assert_eq!(world.get("/_sim/calls").await["total"], 0);
}

/// A stopped simulator answers nobody.
#[tokio::test]
async fn stopping() {
    let World { simulator, client, .. } = World::of(5, 2).await;
    let url = format!("{}/_sim/digest", simulator.base_url());
    assert!(client.get(&url).send().await.is_ok());
    simulator.stop().await;
    assert!(client.get(&url).send().await.is_err());
}

/// Each quirk shows in the way it says, on pages that are otherwise right.
#[tokio::test]
async fn quirks() {
    let world = World::of(60, 5).await;
    let path = world.v2("directories/-/users/search");
    let search = async || world.try_call(Method::POST, &path, Some(json!({"limit": 10}))).await.unwrap();
    let with = async |quirk: &str| {
        world.faults(json!({"quirks": {quirk: 1.0}, "slow_body_ms": 40})).await;
        search().await
    };
    let page = with("repeated_cursor").await.json::<Value>().await.unwrap();
    assert_eq!(page["links"]["next"], page["links"]["self"]);
    let page = with("early_end").await.json::<Value>().await.unwrap();
    assert_eq!((page["data"].as_array().unwrap().len(), page["links"].get("next")), (10, None));
    let page = with("large_page").await.json::<Value>().await.unwrap();
    assert_eq!(page["data"].as_array().unwrap().len(), 20);
    let page = with("new_fields").await.json::<Value>().await.unwrap();
    assert!(page["data"][9].get("alsoUnknown").is_some());
    let begin = Instant::now();
    assert!(with("slow_body").await.json::<Value>().await.is_ok());
    assert!(begin.elapsed() >= Duration::from_millis(40));
    assert!(with("swollen").await.bytes().await.unwrap().len() > 32 * 1024 * 1024);
    for (quirk, small) in [("gzip", true), ("gzip_bomb", false)] {
        // The client of these tests asks for compressed answers, and opens them.
        let whole = with(quirk).await.bytes().await.unwrap();
        assert_eq!(whole.len() < 1024 * 1024, small);
        assert!(serde_json::from_slice::<Value>(&whole).is_ok());
    }
    world.faults(json!({"quirks": {"rate_limited": 1.0}})).await;
    let mut forms = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let answer = search().await;
        assert_eq!(answer.status(), 429);
        let headers = ["retry-after", "x-ratelimit-reset"].map(|name| answer.headers().contains_key(name));
        let text = answer.text().await.unwrap();
        forms.insert((headers, text.get(..8).unwrap_or_default().to_owned()));
    }
    assert!(forms.len() >= 10, "{forms:?}");
    let (status, _) = world.call(Method::PUT, "/_sim/faults", Some(json!({"quirks": {"gzip": 2.0}}))).await;
    assert_eq!(status, 400);
}

/// A few rows say less or something else, in the same way for the same seed, and their ids stay.
#[tokio::test]
async fn odd_rows() {
    let world = World::of(60, 5).await;
    let body = json!({"limit": 50, "expand": ["groups"], "sortBy": [{"field": "nick_name", "direction": "asc"}]});
    // What these rows lack the document asks for: they are not held against it.
    let told = async |method, path: &str, body| {
        let text = world.try_call(method, &world.v2(path), body).await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let rows = async || {
        let page = told(Method::POST, "directories/-/users/search", Some(body.clone())).await;
        page["data"].as_array().unwrap().clone()
    };
    let whole = rows().await;
    for quirk in ["missing_fields", "null_fields", "unknown_words"] {
        let state = json!({"per_operation": {"searchDirectoryUsers": {"quirks": {quirk: 1.0}}}});
        world.faults(state.clone()).await;
        let odd = rows().await;
        let differing: Vec<_> = odd.iter().zip(&whole).filter(|(odd, whole)| odd != whole).collect();
        assert_eq!(differing.len(), 3, "{quirk}: one of twenty");
        for (odd, whole) in differing {
            assert_eq!(odd["accountId"], whole["accountId"]);
            let lost = whole.as_object().unwrap().iter().filter(|(name, _)| odd.get(*name).is_none());
            assert_eq!(lost.count(), usize::from(quirk == "missing_fields"));
            assert_eq!(odd.to_string().contains("unheard-of"), quirk == "unknown_words");
        }
        world.faults(state).await;
        assert_eq!(rows().await, odd, "{quirk} is drawn from the seed");
    }
    world.faults(json!({"quirks": {"odd_types": 1.0}})).await;
    assert!(rows().await[0]["mfaEnabled"].is_string());
    assert_eq!(told(Method::GET, "directories/-/users/count", None).await["count"], "60");
}
