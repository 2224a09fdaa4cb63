//! An organisation that changes while it is read.

use std::time::Duration;

use serde_json::json;

use crate::world::{World, ids};

/// A rate changes the organisation until it is set to nothing; whoever was there all the time is listed exactly once.
#[tokio::test]
async fn a_walk_during_churn() {
    let world = World::of(1_500, 200).await;
    let before = ids(&world.truth("accounts").await);
    world.post("/_sim/churn", json!({"rate_per_s": 500})).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let seen = ids(&world.walk("users", json!({"limit": 20, "expand": ["groups"]})).await);
    world.post("/_sim/churn", json!({"rate_per_s": 0})).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let digest = world.get("/_sim/digest").await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(world.get("/_sim/digest").await, digest);
    let after = world.truth("accounts").await;
    let stayed = after.iter().filter(|account| !account["name"].as_str().unwrap().starts_with("Renamed"));
    for account in stayed.filter(|account| before.contains(&account["accountId"].as_str().unwrap().to_owned())) {
        assert_eq!(seen.iter().filter(|id| account["accountId"] == id.as_str()).count(), 1);
    }
}

/// Counts of members agree with member lists after many changes.
#[tokio::test]
async fn counts_after_churn() {
    let world = World::of(300, 40).await;
    let made = world.post("/_sim/churn", json!({"mutations": 2_000})).await;
    assert!(made["applied"].as_u64().unwrap() > 1_800, "{made}");
    for group in world.walk("groups", json!({"limit": 100, "expand": ["counts.users"]})).await {
        let members = world.walk("users", json!({"limit": 100, "groupIds": [group["id"]]})).await;
        assert_eq!(group["counts"]["users"], json!(members.len()));
    }
}

/// Mutations of one kind leave everything else as it was, and activity moves for the share that was asked for.
#[tokio::test]
async fn only_activity() {
    let world = World::of(800, 60).await;
    let strip = |mut rows: Vec<serde_json::Value>| {
        for access in rows.iter_mut().flat_map(|row| row["productAccess"].as_array_mut().unwrap()) {
            access.as_object_mut().unwrap().remove("lastActiveTimestamp");
        }
        rows
    };
    let before = world.truth("accounts").await;
    let made = world.post("/_sim/churn", json!({"mutations": 50, "only": ["last_active"]})).await;
    assert_eq!(made["by_kind"], json!({"last_active": 50}));
    let made = world.post("/_sim/churn", json!({"activity_percent": 60})).await;
    let with_access = before.iter().filter(|row| !row["productAccess"].as_array().unwrap().is_empty()).count() as f64;
    let share = made["active_accounts"].as_f64().unwrap() / with_access;
    assert!((0.5..0.7).contains(&share), "{share}");
    let after = world.truth("accounts").await;
    assert_ne!(after, before);
    assert_eq!(strip(after), strip(before));
}
