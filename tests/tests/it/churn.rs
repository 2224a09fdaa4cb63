//! An organisation that changes: between two syncs, and while one runs.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use orgmirror_tests::{Size, World, until};
use serde_json::{Value, json};
use sqlx::Row;

/// What the mirror shows of each account and group, times of activity and freshness aside.
type Shown = BTreeMap<(String, String), Value>;

async fn shown(world: &World) -> Result<Shown> {
    let rows = sqlx::query(
        "WITH members AS (
            SELECT account_id, jsonb_agg(group_id ORDER BY group_id) AS groups FROM mirror.memberships GROUP BY account_id
        ),
        access AS (
            SELECT account_id, jsonb_agg(resource_id || ' ' || product ORDER BY resource_id, product) AS access
            FROM mirror.product_access GROUP BY account_id
        )
        SELECT 'account' AS kind, a.account_id AS id, (to_jsonb(a) - 'last_active_at' - 'fresh_as_of')
            || jsonb_build_object('groups', coalesce(members.groups, '[]'), 'access', coalesce(access.access, '[]')) AS shown
        FROM mirror.accounts AS a LEFT JOIN members USING (account_id) LEFT JOIN access USING (account_id)
        UNION ALL
        SELECT 'group', g.group_id, to_jsonb(g) - 'fresh_as_of' FROM mirror.groups AS g",
    );
    let rows = rows.fetch_all(&world.pool).await?;
    rows.iter().map(|row| Ok(((row.try_get("kind")?, row.try_get("id")?), row.try_get("shown")?))).collect()
}

/// A row of `mirror.changes`: kind, id, change, groups joined, groups left.
type Changed = (String, String, String, Vec<String>, Vec<String>);

/// What must stand in `mirror.changes` after the mirror went from `before` to `after`.
fn expected_changes(before: &Shown, after: &Shown) -> BTreeSet<Changed> {
    let groups = |shown: Option<&Value>| -> BTreeSet<String> {
        let groups = shown.and_then(|shown| shown["groups"].as_array());
        groups.into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect()
    };
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter_map(|key| {
            let (old, new) = (before.get(key), after.get(key));
            let whole = |change: &str| Some((key.0.clone(), key.1.clone(), change.to_owned(), Vec::new(), Vec::new()));
            let change = match (old, new) {
                (None, _) => return whole("added"),
                (_, None) => return whole("removed"),
                (old, new) if old == new => return None,
                _ => "changed",
            };
            let (had, has) = (groups(old), groups(new));
            let (joined, left) = (has.difference(&had).cloned().collect(), had.difference(&has).cloned().collect());
            Some((key.0.clone(), key.1.clone(), change.to_owned(), joined, left))
        })
        .collect()
}

/// After any changes the next sync tells exactly these, and where those went who left.
/// Method: show the mirror, churn, sync, show it again; `mirror.changes` must be the difference, nothing more.
async fn churn_between_two_syncs(seed: u64) -> Result<()> {
    let (world, _services) = World::of(Size::of(620, 140).seed(seed).directories(2)).await?;
    world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    let before = shown(&world).await?;

    world.sim.churn(300).await?;
    let run = world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    let after = shown(&world).await?;

    let expected = expected_changes(&before, &after);
    let rows = sqlx::query("SELECT kind, entity_id, change, joined, departed FROM mirror.changes WHERE run_id = $1");
    let rows = rows.bind(run.run_id.0).fetch_all(&world.pool).await?;
    let mut logged = BTreeSet::new();
    for row in &rows {
        let (kind, change): (String, String) = (row.try_get("kind")?, row.try_get("change")?);
        let (joined, left) = (row.try_get("joined")?, row.try_get("departed")?);
        ensure!(logged.insert((kind, row.try_get("entity_id")?, change, joined, left)), "a change is logged twice");
    }
    let missing: Vec<_> = expected.difference(&logged).collect();
    let invented: Vec<_> = logged.difference(&expected).collect();
    ensure!(missing.is_empty() && invented.is_empty(), "seed {seed}: not logged {missing:#?}, invented {invented:#?}");

    let gone: BTreeSet<(String, String)> = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    let departed: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, entity_id FROM mirror.departed").fetch_all(&world.pool).await?;
    assert_eq!(departed.into_iter().collect::<BTreeSet<_>>(), gone);
    assert!(gone.len() > 5 && expected.len() > 100, "the churn was no churn: {} left, {} changes", gone.len(), expected.len());
    assert_eq!(usize::try_from(run.rows_removed)?, gone.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_tells_what_changed() -> Result<()> {
    for seed in [3, 4, 5] {
        churn_between_two_syncs(seed).await?;
    }
    Ok(())
}

/// Versions of all rows: any write, even of equal values, shows.
async fn row_versions(world: &World) -> Result<String> {
    let statement = "SELECT concat_ws('/',
            (SELECT md5(string_agg(account_key || ':' || xmin, ',' ORDER BY account_key)) FROM account),
            (SELECT md5(string_agg(group_key || ':' || xmin, ',' ORDER BY group_key)) FROM org_group),
            (SELECT md5(string_agg(group_key || ':' || xmin, ',' ORDER BY group_key)) FROM group_grants))";
    Ok(sqlx::query_scalar(statement).fetch_one(&world.pool).await?)
}

/// A sync that finds nothing new writes no row and logs nothing.
/// Method: compare the versions of all rows, which change with any write.
#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_sync_writes_nothing() -> Result<()> {
    let (world, _services) = World::of(Size::of(900, 200)).await?;
    world.sync().await?;
    let before = row_versions(&world).await?;
    let run = world.sync().await?;
    assert_eq!(row_versions(&world).await?, before);
    assert_eq!((run.rows_added, run.rows_changed, run.rows_removed), (0, 0, 0));
    assert_eq!(world.count("SELECT count(*) FROM mirror.changes").await?, 0);
    world.assert_mirror_equals_truth().await
}

/// Times of activity are mirrored and no news.
/// Method: everybody was active; then the mirror follows and no change is logged.
#[tokio::test(flavor = "multi_thread")]
async fn activity_is_mirrored_and_not_logged() -> Result<()> {
    let (world, _services) = World::of(Size::of(500, 60)).await?;
    world.sync().await?;
    world.sim.churn_as(json!({ "activity_percent": 100 })).await?;
    let run = world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    assert!(run.rows_changed > 100, "only {} rows took the new activity", run.rows_changed);
    assert_eq!(world.count("SELECT count(*) FROM mirror.changes").await?, 0);
    Ok(())
}

/// Ids of whatever the truth shows otherwise than `then`.
async fn changed_since(world: &World, then: &BTreeMap<String, Value>) -> Result<BTreeSet<String>> {
    let now = truth(world).await?;
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    Ok(keys.into_iter().filter(|key| then.get(*key) != now.get(*key)).cloned().collect())
}

async fn truth(world: &World) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    for (what, field) in [("accounts", "accountId"), ("groups", "id"), ("grants", "groupId")] {
        for line in world.sim.truth(what).await? {
            let id = line[field].as_str().unwrap_or_default();
            let entry = all.entry(format!("{what} {id}")).or_insert_with(|| json!([]));
            entry.as_array_mut().into_iter().for_each(|lines| lines.push(line.clone()));
        }
    }
    Ok(all)
}

/// What differs after a sync over a changing organisation is only what changed meanwhile, and the next quiet sync ends equal.
/// Method: churn as fast as the scan reads, looking at the truth again and again; compare the differences with what moved.
async fn churn_while_it_syncs(world: &World) -> Result<()> {
    let then = truth(world).await?;
    let mut moved = BTreeSet::new();
    world.sim.faults(json!({ "latency_ms": 40, "switches": { "cursor_position": cursor(world).await? } })).await?;
    let ticket = world.request().await?;
    world.sim.churn_as(json!({ "rate_per_s": 150 })).await?;
    until("the run ends", async || {
        moved.extend(changed_since(world, &then).await?);
        Ok(world.run(ticket).await?.phase.has_ended().then_some(()))
    })
    .await?;
    world.sim.churn_as(json!({ "rate_per_s": 0 })).await?;
    world.completed(ticket).await?;
    // A change that was under way when the churn was stopped may still come: compare with a truth that stands still.
    let differences = until("the truth stands still", async || {
        let before = world.sim.digest().await?;
        let differences = world.differences().await?;
        Ok((world.sim.digest().await? == before).then_some(differences))
    })
    .await?;
    moved.extend(changed_since(world, &then).await?);
    assert!(moved.len() > 50, "only {} things changed meanwhile", moved.len());

    // Whatever moved and came back between two looks is known from the events alone.
    let events = world.sim.subjects_of_events().await?;
    let moved: BTreeSet<&str> =
        moved.iter().filter_map(|key| key.split_once(' ')).map(|(_, id)| id).chain(events.iter().map(String::as_str)).collect();
    for difference in &differences {
        ensure!(moved.iter().any(|id| difference.contains(id)), "nothing changed there, and yet {difference}");
    }
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}

async fn cursor(world: &World) -> Result<&'static str> {
    // Whoever is known is asked for by id if it slid over a page's boundary; a first sync has no such list.
    Ok(if world.count("SELECT count(*) FROM account").await? > 0 { "offset" } else { "keyset" })
}

#[tokio::test(flavor = "multi_thread")]
async fn churn_during_the_first_sync() -> Result<()> {
    let (world, _services) = World::of(Size::of(2_600, 400).seed(21)).await?;
    churn_while_it_syncs(&world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn churn_during_a_later_sync_with_pages_that_slide() -> Result<()> {
    let (world, _services) = World::of(Size::of(2_600, 400).seed(22)).await?;
    world.sync().await?;
    churn_while_it_syncs(&world).await
}
