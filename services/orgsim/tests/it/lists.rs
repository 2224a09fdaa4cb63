//! The lists of v1, the deprecated lists of v2, and who may read them.

use std::time::Duration;

use orgmirror_orgsim::{LastPageNext, SimulatorConfig, Switches};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::world::{World, ids};

fn query(parameters: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://unused").unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    url.query().unwrap().to_owned()
}

/// Managed accounts and no others are listed, page by page along whole URLs, and the total says how many they are.
#[tokio::test]
async fn managed_accounts() {
    let switches = Switches { v1_page_size: 17, last_page_next: LastPageNext::Null, ..Switches::default() };
    let world = World::with(SimulatorConfig { users: 200, groups: 40, switches, ..SimulatorConfig::default() }).await;
    let truth = world.truth("accounts").await;
    let managed: Vec<&Value> = truth.iter().filter(|account| account["claimStatus"] == "managed").collect();
    let mut path = format!("/admin/v1/orgs/{}/users", world.config.org_id);
    let mut seen = Vec::new();
    loop {
        let page = world.get(&path).await;
        assert_eq!(page["meta"]["total"], managed.len());
        assert!(page["data"].as_array().unwrap().len() <= 17);
        seen.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["links"]["next"].as_str() else {
            assert_eq!(page["links"]["next"], Value::Null);
            break;
        };
        let next = Url::parse(next).unwrap();
        path = format!("{}?{}", next.path(), next.query().unwrap());
    }
    assert_eq!(seen.len(), managed.len());
    for (row, account) in seen.iter().zip(managed) {
        assert_eq!((&row["account_id"], row.get("email")), (&account["accountId"], account.get("email")));
        assert_eq!(row["product_access"].as_array().unwrap().len(), account["productAccess"].as_array().unwrap().len());
    }
    assert!(
        seen.iter()
            .flat_map(|row| row["product_access"].as_array().unwrap())
            .any(|product| product["key"] == "jira-service-desk")
    );
}

/// Last-active dates are those of the truth, to the second.
#[tokio::test]
async fn last_active_dates() {
    let world = World::of(100, 30).await;
    let mut pages = 0;
    for account in world.truth("accounts").await {
        let id = account["accountId"].as_str().unwrap();
        let path = format!("/admin/v1/orgs/{}/directory/users/{id}/last-active-dates", world.config.org_id);
        let (mut used, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = match &cursor {
                Some(cursor) => world.get(&format!("{path}?{}", query(&[("cursor", cursor)]))).await,
                None => world.get(&path).await,
            };
            pages += 1;
            assert_eq!(
                page["data"]["added_to_org_timestamp"].as_str().unwrap()[..19],
                account["addedToOrg"].as_str().unwrap()[..19]
            );
            used.extend(page["data"]["product_access"].as_array().unwrap().iter().cloned());
            cursor = page["links"]["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        for access in account["productAccess"].as_array().unwrap() {
            let entry = used.iter().find(|entry| entry["id"] == access["id"]);
            let told = entry.map(|entry| entry["last_active_timestamp"].as_str().unwrap()[..19].to_owned());
            assert_eq!(told, access["lastActiveTimestamp"].as_str().map(|at| at[..19].to_owned()), "{id}");
        }
    }
    assert!(pages >= 100);
    let path = format!("/admin/v1/orgs/{}/directory/users/nobody/last-active-dates", world.config.org_id);
    assert_eq!(world.call(Method::GET, &path, None).await.0, 404);
}

/// The deprecated lists give what the searches give; their cursor decides about everything.
#[tokio::test]
async fn deprecated_lists() {
    let world = World::of(150, 60).await;
    let sorted = |field: &str, direction: &str| json!([{"field": field, "direction": direction}]).to_string();
    for (what, field) in [("users", "nick_name"), ("groups", "name")] {
        let sort = sorted(field, "desc");
        let mut parameters = vec![("limit", "40"), ("sortBy", sort.as_str())];
        if what == "groups" {
            parameters.push(("counts", r#"{"includeUsers":true,"includeResources":true}"#));
        }
        let mut rows = Vec::new();
        let mut path = world.v2(&format!("directories/-/{what}?{}", query(&parameters)));
        loop {
            let page = world.get(&path).await;
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["links"]["next"].as_str() else { break };
            assert_eq!(page["data"].as_array().unwrap().len(), 40);
            path =
                world.v2(&format!("directories/-/{what}?{}", query(&[("cursor", next), ("limit", "3"), ("sortBy", "nonsense")])));
        }
        let mut search = json!({"limit": 100, "sortBy": [{"field": field, "direction": "desc"}]});
        if what == "groups" {
            search["expand"] = json!(["counts.users", "counts.resources"]);
        }
        assert_eq!(rows, world.walk(what, search).await);
        let object = json!({"field": field, "direction": "asc"}).to_string();
        for wrong in
            ["name", "name:desc", "{", "[]", sorted("size", "asc").as_str(), sorted(field, "up").as_str(), object.as_str()]
        {
            let path = world.v2(&format!("directories/-/{what}?{}", query(&[("sortBy", wrong)])));
            assert_eq!(world.call(Method::GET, &path, None).await.0, 400, "{wrong}");
        }
        world.switches(json!({"sort_object": "accept"})).await;
        world.get(&world.v2(&format!("directories/-/{what}?{}", query(&[("sortBy", &object)])))).await;
        world.switches(json!({})).await;
    }
    let path = world.v2(&format!("directories/-/groups?{}", query(&[("counts", r#"{"includeUsers":"yes"}"#)])));
    assert_eq!(world.call(Method::GET, &path, None).await.0, 400);
}

/// Domains and policies are found in their lists and by id.
#[tokio::test]
async fn domains_and_policies() {
    let switches = Switches { v1_page_size: 2, ..Switches::default() };
    let world = World::with(SimulatorConfig { users: 5, groups: 2, switches, ..SimulatorConfig::default() }).await;
    for (what, least, codes) in [("domains", 5, ["ADMIN-400-2", "ADMIN-404-3"]), ("policies", 3, ["ADMIN-404-5", "ADMIN-404-5"])]
    {
        let list = format!("/admin/v1/orgs/{}/{what}", world.config.org_id);
        let (mut rows, mut path) = (Vec::new(), list.clone());
        loop {
            let page = world.get(&path).await;
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["links"]["next"].as_str() else { break };
            let next = Url::parse(next).unwrap();
            path = format!("{}?{}", next.path(), next.query().unwrap());
        }
        assert!(rows.len() >= least);
        for row in &rows {
            assert_eq!(world.get(&format!("{list}/{}", row["id"].as_str().unwrap())).await["data"], *row);
        }
        for (id, code) in ["%21%21", "bm90aGluZw"].iter().zip(codes) {
            let (_, body) = world.call(Method::GET, &format!("{list}/{id}"), None).await;
            assert_eq!(body["errors"][0]["code"], code);
        }
    }
    let list = format!("/admin/v1/orgs/{}/policies?type=", world.config.org_id);
    assert_eq!(world.get(&format!("{list}data-residency")).await["data"].as_array().unwrap().len(), 1);
    assert_eq!(world.get(&format!("{list}unheard-of")).await["data"], json!([]));
}

/// A scoped key reads what its scopes allow, sees no organisation in the list of them, and never gets at the account lifecycle.
#[tokio::test]
async fn scoped_keys() {
    let world = World::of(20, 5).await;
    world.switches(json!({"scoped_key": true, "key_scopes": ["read:orgs:admin", "read:domains:admin"]})).await;
    let v1 = |rest: &str| format!("/admin/v1/orgs/{}{rest}", world.config.org_id);
    let status = async |path: &str| world.call(Method::GET, path, None).await.0.as_u16();
    assert_eq!(world.get("/admin/v1/orgs").await["data"], json!([]));
    let id = ids(&world.truth("accounts").await)[0].clone();
    for (path, expected) in [
        (v1(""), 200),
        (v1("/domains"), 200),
        (v1("/users"), 403),
        (v1("/policies"), 403),
        (world.v2("directories"), 403),
        (v1(&format!("/directory/users/{id}/last-active-dates")), 403),
        (format!("/users/{id}/manage"), 403),
        (world.v2(&format!("directories/-/users/{id}")), 200),
    ] {
        assert_eq!(status(&path).await, expected, "{path}");
    }
    world.switches(json!({"scoped_key": true, "undocumented_scope": "reject", "scoped_last_active": "accept"})).await;
    for (path, expected) in [
        (world.v2("directories"), 200),
        (world.v2(&format!("directories/-/users/{id}")), 403),
        (v1(&format!("/directory/users/{id}/last-active-dates")), 200),
    ] {
        assert_eq!(status(&path).await, expected, "{path}");
    }
}

/// Each family has its own limit, and the hidden one can be moved while calls go on.
#[tokio::test]
async fn limits_of_families() {
    let world = World::of(20, 5).await;
    let granted = async |path: &str, calls: u32| {
        let mut granted = 0;
        for _ in 0..calls {
            granted += u32::from(world.call(Method::GET, path, None).await.0 == 200);
        }
        granted
    };
    let v1 = |rest: &str| format!("/admin/v1/orgs/{}{rest}", world.config.org_id);
    let id = ids(&world.truth("accounts").await)[0].clone();
    assert_eq!(granted(&v1("/events"), 15).await, 10);
    assert_eq!(granted(&v1("/event-actions"), 15).await, 10);
    assert_eq!(granted(&v1("/events-stream"), 60).await, 50);
    assert_eq!(granted(&v1(&format!("/directory/users/{id}/last-active-dates")), 210).await, 200);
    assert_eq!(granted(&v1("/domains"), 60).await, 60);
    let limit = async |per_minute: Value, burst: u32| {
        let (status, body) =
            world.call(Method::PUT, "/_sim/rate-limit", Some(json!({"per_minute": per_minute, "burst": burst}))).await;
        assert_eq!(status, 200, "{body}");
    };
    world.faults(json!({"latency_ms": 1})).await;
    limit(json!(1), 7).await;
    assert_eq!(granted(&v1("/domains"), 20).await, 7);
    limit(json!(60_000), 1).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(granted(&v1("/domains"), 20).await > 1);
    limit(Value::Null, 10).await;
    assert_eq!(granted(&v1("/domains"), 60).await, 60);
    assert_eq!(world.get("/_sim/faults").await["latency_ms"], 1, "nothing else changed");
}

/// Choices that are wrong are refused and named, at the start and later.
#[tokio::test]
async fn wrong_switches() {
    let world = World::of(5, 2).await;
    for (wrong, named) in [
        (json!({"sideways": 1}), "sideways"),
        (json!({"lag": {"lunch_ms": 1}}), "lunch_ms"),
        (json!({"v1_page_size": 0}), "v1_page_size"),
    ] {
        let (status, body) = world.call(Method::PUT, "/_sim/switches", Some(wrong)).await;
        assert_eq!(status, 400);
        assert!(body["error"].as_str().unwrap().contains(named), "{body}");
    }
    let switches = Switches { v1_page_size: 0, ..Switches::default() };
    let refused = orgmirror_orgsim::Simulator::start(SimulatorConfig { switches, ..SimulatorConfig::default() }).await;
    assert!(refused.unwrap_err().to_string().contains("v1_page_size"));
}
