//! Who may use the console, and who may not.

use anyhow::{Context, Result, ensure};
use orgmirror_console::{Access, Route, route_table};
use orgmirror_domain::access::{About, Role, Sites};
use orgmirror_domain::ids::OrgId;
use orgmirror_tests::{Caller, PASSWORD, ServedConsole, Size, World};
use reqwest::Method;
use serde_json::json;

/// A route's path with something in each place.
fn filled(route: &Route) -> String {
    let parts =
        route.path.split('/').map(|part| if part.starts_with('{') { "6a1e0b2c-0000-4000-8000-000000000001" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

async fn status(caller: &Caller, route: &Route) -> Result<u16> {
    let method: Method = route.method.parse()?;
    let request = caller.ask(method, &filled(route)).header("sec-fetch-site", "same-origin");
    let request = if route.method == "GET" { request } else { request.json(&json!({})) };
    Ok(request.send().await?.status().as_u16())
}

/// Nobody gets in.
fn is_shut(route: &Route, status: u16) -> bool {
    // A page leads to where one signs in.
    status == if route.path.starts_with("/api/") { 401 } else { 303 }
}

/// No route can be used with less than it needs, nor from a neighbouring organisation; each can be used with just what it needs.
/// Method: all routes of the table, so that one cannot be forgotten, each by sessions and by tokens.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_without_its_role() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let (here, neighbour) = (world.console().await?, neighbour(&world).await?);
    let stranger = here.stranger()?;
    let name = |role: Role| format!("{role}");
    let (mut whole, mut limited, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for role in Role::ALL.iter().copied() {
        let one_site = || Sites::Only(vec!["a-site".to_owned()]);
        whole.push([here.program(role, Sites::All).await?, here.person(&name(role), role, Sites::All).await?]);
        limited.push([here.program(role, one_site()).await?, here.person(&format!("{role} of a site"), role, one_site()).await?]);
        let guests = [neighbour.program(role, Sites::All).await?, neighbour.person(&name(role), role, Sites::All).await?];
        elsewhere.extend(guests.map(|guest| guest.at(&here)));
    }
    let table = route_table();
    ensure!(table.len() > 30, "the table is not whole: {table:?}");
    for route in &table {
        let Access::Needs(need) = route.access else { continue };
        let shut = status(&stranger, route).await?;
        assert!(is_shut(route, shut), "{route:?} for a stranger: {shut}");
        for guest in &elsewhere {
            let shut = status(guest, route).await?;
            assert!(is_shut(route, shut), "{route:?} from the neighbouring organisation: {shut}");
        }
        // It would end the sessions that the rest is asked with.
        if route.path == "/sign-out" {
            continue;
        }
        for (role, (whole, limited)) in Role::ALL.iter().zip(whole.iter().zip(&limited)) {
            for caller in whole {
                let refused = status(caller, route).await? == 403;
                assert_eq!(refused, *role < need.role, "{route:?} for {role}");
            }
            for caller in limited {
                let refused = status(caller, route).await? == 403;
                assert_eq!(refused, *role < need.role || need.about == About::Organisation, "{route:?} for {role} of one site");
            }
        }
    }
    Ok(())
}

/// What belongs to a neighbouring organisation is not there, whoever asks.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbours_runs_are_not_there() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let (here, neighbour) = (world.console().await?, neighbour(&world).await?);
    let (admin, their_admin) = (here.program(Role::Admin, Sites::All).await?, neighbour.program(Role::Admin, Sites::All).await?);
    let (made, run) = their_admin.post("/api/v1/runs", &json!({})).await?;
    assert_eq!(made, 202);
    let id = run["id"].as_str().context("a run has an id")?;
    assert_eq!(their_admin.json(&format!("/api/v1/runs/{id}")).await?["id"], run["id"]);
    for (method, path) in [(Method::GET, ""), (Method::POST, "/cancel"), (Method::POST, "/resume")] {
        let answer = admin.ask(method, &format!("/api/v1/runs/{id}{path}")).send().await?;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(admin.json("/api/v1/runs").await?, json!([]));
    assert_eq!(their_admin.json("/api/v1/runs").await?.as_array().map(Vec::len), Some(1));
    Ok(())
}

/// The first start prints a link that makes one administrator, once.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let (one, other) = (world.console().await?, world.console().await?);
    let link = one.console.set_up_link().await?.context("a link")?;
    let others = other.console.set_up_link().await?.context("a link of the other console")?;
    let path = link.strip_prefix(one.address()).context("the link leads to the console")?;
    let page = one.stranger()?.ask(Method::GET, path).send().await?;
    assert_eq!(page.status(), 200);
    assert!(page.text().await?.contains("first administrator"));
    let (_, code) = link.split_once("code=").context("a code")?;
    let short = one.stranger()?.form("/welcome", &[("code", code), ("name", "Ana"), ("password", "short")]).send().await?;
    assert_eq!(short.status(), 422);

    let ana = one.by_link(&link, "Ana").await?;
    assert_eq!(ana.ask(Method::GET, "/settings").send().await?.status(), 200);
    // Neither link makes a second one.
    assert!(one.by_link(&link, "Ben").await.is_err());
    assert!(other.by_link(&others, "Ben").await.is_err());
    assert_eq!(one.console.set_up_link().await?, None);
    let people = ana.json("/api/v1/people").await?;
    assert_eq!(people.as_array().map(Vec::len), Some(1), "{people}");
    assert!(!people.to_string().contains("argon2"), "no hash is shown");
    Ok(())
}

/// Guessing a password is slow, whether the name exists or not, and right passwords sign in.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slow() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let served = world.console().await?;
    served.person("ana", Role::Viewer, Sites::All).await?;
    let stranger = served.stranger()?;
    let sign_in = async |name: &str, password: &str| {
        let fields = [("name", name), ("password", password), ("back", "/users?filter=is:admin")];
        stranger.form("/sign-in", &fields).send().await
    };
    let signed_in = sign_in("Ana", PASSWORD).await?;
    assert_eq!((signed_in.status().as_u16(), &signed_in.headers()["location"]), (303, &"/users?filter=is:admin".parse()?));
    let cookie = signed_in.headers()["set-cookie"].to_str()?.to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    for name in ["ana", "nobody"] {
        let mut refused = None;
        for attempt in 1..=20 {
            let answer = sign_in(name, "a wrong password").await?;
            match answer.status().as_u16() {
                422 => {}
                429 => {
                    assert!(answer.headers().contains_key("retry-after"));
                    refused = Some(attempt);
                    break;
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(refused, Some(11), "{name}");
    }
    assert_eq!(sign_in("ana", PASSWORD).await?.status(), 429, "not even the right one, for a while");
    Ok(())
}

/// A session ends when its person signs out, may no longer, or chooses another password; a token when it is revoked.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_session() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let served = world.console().await?;
    let admin = served.person("admin", Role::Admin, Sites::All).await?;
    let is_in = async |caller: &Caller| -> Result<bool> { Ok(caller.ask(Method::GET, "/help").send().await?.status() == 200) };

    let ana = served.person("ana", Role::Viewer, Sites::All).await?;
    assert!(is_in(&ana).await?);
    assert_eq!(ana.form("/sign-out", &[]).send().await?.status(), 303);
    assert!(!is_in(&ana).await?);

    let ben = served.person("ben", Role::Viewer, Sites::All).await?;
    let (status, link) = admin.of_this_page().post("/api/v1/people/ben/link", &json!({})).await?;
    assert_eq!(status, 201);
    let again = served.by_link(link["link"].as_str().context("a link")?, "ben").await?;
    assert!(!is_in(&ben).await? && is_in(&again).await?);
    let off = json!({ "role": "viewer", "enabled": false });
    let changed = admin.of_this_page().ask(Method::PUT, "/api/v1/people/ben").json(&off).send().await?;
    assert_eq!(changed.status(), 204);
    assert!(!is_in(&again).await?);
    // Somebody must be left who could change that.
    let alone = admin.of_this_page().ask(Method::PUT, "/api/v1/people/admin").json(&json!({ "role": "viewer" })).send().await?;
    assert_eq!(alone.status(), 409);

    let (status, token) =
        admin.of_this_page().post("/api/v1/tokens", &json!({ "name": "x", "role": "viewer", "days": 1 })).await?;
    assert_eq!(status, 201);
    let program = served.stranger()?.with_token(token["token"].as_str().context("a token")?);
    assert!(is_in(&program).await?);
    let revoked = admin.of_this_page().ask(Method::DELETE, &format!("/api/v1/tokens/{}", token["id"])).send().await?;
    assert_eq!(revoked.status(), 204);
    assert!(!is_in(&program).await?);

    // The log says who did all that; the change that was refused is not in it.
    let log = admin.json("/api/v1/audit").await?;
    let mut told: Vec<(&str, &str)> = Vec::new();
    for entry in log["entries"].as_array().into_iter().flatten().rev() {
        told.push((entry["actor"].as_str().unwrap_or_default(), entry["event"].as_str().unwrap_or_default()));
    }
    let by_admin: Vec<&str> = told.iter().filter(|(actor, _)| *actor == "admin").map(|(_, event)| *event).collect();
    assert_eq!(by_admin, ["password_chosen", "signed_in", "link_made", "person_changed", "token_made", "token_revoked"]);
    let by_ben: Vec<&str> = told.iter().filter(|(actor, _)| *actor == "ben").map(|(_, event)| *event).collect();
    assert_eq!(by_ben, ["password_chosen", "signed_in", "password_chosen", "signed_in"]);
    assert_eq!(world.store.verify_audit(world.org, None).await?.faults, Vec::new());
    Ok(())
}

/// What another site makes a browser send changes nothing, whoever is signed in there; a program with a token is asked nothing.
#[tokio::test(flavor = "multi_thread")]
async fn other_sites_change_nothing() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let served = world.console().await?;
    let ana = served.person("ana", Role::Operator, Sites::All).await?;
    let asked = async |header: Option<(&str, &str)>| -> Result<u16> {
        let request = ana.ask(Method::POST, "/api/v1/runs").json(&json!({}));
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        Ok(request.send().await?.status().as_u16())
    };
    let home = served.address();
    assert_eq!(asked(Some(("sec-fetch-site", "cross-site"))).await?, 403);
    assert_eq!(asked(Some(("sec-fetch-site", "same-site"))).await?, 403);
    assert_eq!(asked(Some(("origin", "http://evil.example"))).await?, 403);
    assert_eq!(asked(Some(("origin", "null"))).await?, 403);
    assert_eq!(asked(None).await?, 403);
    assert_eq!(world.count("SELECT count(*) FROM sync_run").await?, 0);
    assert_eq!(asked(Some(("origin", home))).await?, 202);
    assert_eq!(asked(Some(("sec-fetch-site", "same-origin"))).await?, 202);
    let program = served.program(Role::Operator, Sites::All).await?;
    assert_eq!(program.post("/api/v1/runs", &json!({})).await?.0, 202);
    Ok(())
}

/// Every answer forbids what no page of the console needs.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_inline_is_allowed() -> Result<()> {
    let world = World::empty(Size::of(1, 0)).await?;
    let served = world.console().await?;
    let admin = served.person("<script>alert(1)</script>", Role::Admin, Sites::All).await?;
    for route in route_table().iter().filter(|route| route.method == "GET" && !route.path.contains("events")) {
        let answer = admin.ask(Method::GET, &filled(route)).send().await?;
        let policy = answer.headers()["content-security-policy"].to_str()?.to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{}: {policy}", route.path);
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let kind =
            answer.headers().get("content-type").map(|kind| kind.to_str().unwrap_or_default().to_owned()).unwrap_or_default();
        if kind.starts_with("text/html") {
            let page = answer.text().await?.to_lowercase();
            assert!(!page.contains("<script>") && !page.contains(" style=") && !page.contains("<style"), "{}", route.path);
            assert!(!page.contains(" onclick=") && !page.contains("javascript:"), "{}", route.path);
        }
    }
    Ok(())
}

/// A console of another organisation in the same database.
async fn neighbour(world: &World) -> Result<ServedConsole> {
    let id = "9f6d2c1e-0000-4000-8000-00000000000b";
    let org = world.store.ensure_org(&OrgId::from(id)).await?;
    world.console_of(org, id).await
}
