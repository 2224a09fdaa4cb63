//! Walking lists from either end.

use serde_json::{Value, json};

use crate::world::{World, by_id, ids, sorted_ids};

const EVERYTHING: [&str; 4] = ["platformRoles", "counts.resources", "productAccess", "groups"];

/// A walk lists everything exactly once, in order, and backwards as the exact reverse.
#[tokio::test]
async fn both_directions_cover_everything_once() {
    let world = World::of(730, 210).await;
    for (what, field) in [("users", "nick_name"), ("groups", "name")] {
        let truth = sorted_ids(&world.truth(what.replace("users", "accounts").as_str()).await);
        let sorted = |direction: &str| json!({"limit": 37, "sortBy": [{"field": field, "direction": direction}]});
        let ascending = world.walk(what, sorted("asc")).await;
        let mut descending = ids(&world.walk(what, sorted("desc")).await);
        assert_eq!(ids(&world.walk(what, json!({"limit": 100})).await), ids(&ascending));
        descending.reverse();
        assert_eq!(descending, ids(&ascending));
        assert_eq!(sorted_ids(&ascending), truth);
        let key = |row: &Value| {
            let text = row.get("nickname").unwrap_or(&row["name"]).as_str().unwrap_or_default().to_lowercase();
            (text, ids(std::slice::from_ref(row)))
        };
        assert!(ascending.is_sorted_by_key(key));
    }
}

/// What a search shows of an account, with everything expanded, is what the truth says.
#[tokio::test]
async fn search_agrees_with_the_truth() {
    let world = World::of(300, 80).await;
    let rows = world.walk("users", json!({"limit": 100, "expand": EVERYTHING})).await;
    assert_eq!(world.as_truth(rows), world.truth("accounts").await);
    let groups = by_id(world.walk("groups", json!({"limit": 100, "expand": ["counts.users", "counts.resources"]})).await);
    assert_eq!(groups, world.truth("groups").await);
}

/// A member count is the number of accounts that a search by that group finds, on both sides of the border between sorting and walking.
#[tokio::test]
async fn member_counts_agree_with_member_lists() {
    let world = World::of(5_000, 40).await;
    let groups = world.walk("groups", json!({"limit": 100, "expand": ["counts.users"]})).await;
    assert!(groups.iter().any(|group| group["counts"]["users"].as_u64().unwrap() > 2_000));
    for group in groups {
        let members = world.walk("users", json!({"limit": 100, "groupIds": [group["id"]]})).await;
        let mut seen = ids(&members);
        seen.sort();
        seen.dedup();
        assert_eq!(json!(seen.len()), group["counts"]["users"]);
        let path = world.v2(&format!("directories/-/users/count?groupIds={}", group["id"].as_str().unwrap()));
        assert_eq!(world.get(&path).await["count"], group["counts"]["users"]);
    }
}

/// The smallest organisations answer too.
#[tokio::test]
async fn nobody_and_nothing() {
    for (users, groups) in [(0, 0), (1, 0), (0, 5), (1, 1), (3, 4)] {
        let world = World::of(users, groups).await;
        assert_eq!(world.walk("users", json!({"limit": 1})).await.len(), users);
        assert_eq!(world.walk("groups", json!({"limit": 1})).await.len(), groups);
        let digest = world.get("/_sim/digest").await;
        assert_eq!((&digest["accounts"], &digest["groups"]), (&json!(users), &json!(groups)));
        assert_eq!(digest["granting_groups"], json!(usize::from(groups >= 4)));
        world.get(&world.v2("directories/-/users/stats")).await;
        world.get(&world.v2("directories/-/groups/stats")).await;
        world.post("/_sim/churn", json!({"mutations": 50})).await;
    }
}

/// Cursors that count rows list everything too, as long as nothing changes.
#[tokio::test]
async fn offsets_walk_as_well() {
    let world = World::of(250, 90).await;
    let keyset = ids(&world.walk("users", json!({"limit": 30})).await);
    world.faults(json!({"switches": {"cursor_position": "offset"}})).await;
    assert_eq!(ids(&world.walk("users", json!({"limit": 30})).await), keyset);
}
