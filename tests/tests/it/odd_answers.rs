//! Answers that say less than they should, or what no document lists: the mirror has all that was said, and what was not is named.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use orgmirror_domain::run::Phase;
use orgmirror_tests::{Size, World};
use serde_json::{Value, json};

/// These faults in the two lists that a sync lives on, by pages and by id.
fn in_both_lists(quirks: &Value) -> Value {
    let lists = ["searchDirectoryUsers", "searchDirectoryGroups"];
    Value::Object(lists.iter().map(|list| ((*list).to_owned(), json!({ "quirks": quirks }))).collect())
}

/// What the exceptions of a run say is missing, as `account <id>` or `group <id>` with the API's names.
async fn named(world: &World, run: orgmirror_domain::ids::RunKey) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut named = BTreeMap::new();
    for exception in world.store.exceptions(run, 10_000).await? {
        assert!(exception.incomplete, "{} {}: {}", exception.kind, exception.id, exception.reason);
        let fields = exception.reason.trim_start_matches("its answer came without ").split(", ").map(str::to_owned).collect();
        named.insert(format!("{} {}", exception.kind, exception.id), fields);
    }
    Ok(named)
}

/// Single rows lack a property, or have null where null is no answer: every row that differs from the truth is named with what it lacks,
/// most are whole again after one look-up, and the next sync without faults finds the rest.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_say_too_little() -> Result<()> {
    let (world, _services) = World::of(Size::of(1_600, 260)).await?;
    let quirks = json!({ "missing_fields": 0.4, "null_fields": 0.4, "new_fields": 0.2 });
    world.sim.faults(json!({ "per_operation": in_both_lists(&quirks) })).await?;
    let run = world.sync().await?;
    let (named, mut differing) = (named(&world, run.run).await?, world.differing_fields().await?);
    assert_eq!(run.exceptions, i64::try_from(named.len())?);
    for fields in differing.values_mut() {
        // An address may be hidden, so that nobody can tell one that was left out.
        fields.remove("email");
    }
    differing.retain(|_, fields| !fields.is_empty());
    for (row, fields) in &differing {
        assert!(
            named.get(row).is_some_and(|named| fields.is_subset(named)),
            "{row} lacks {fields:?}, named is {:?}",
            named.get(row)
        );
    }
    let incomplete =
        world.count("SELECT sum(cardinality(subjects)) FROM sync_job WHERE kind IN ('account_lookup', 'group_lookup')").await?;
    assert!(incomplete > 20, "only {incomplete} rows were asked for again");
    assert!(named.len() < usize::try_from(incomplete)? / 2, "{} of {incomplete} rows stayed incomplete", named.len());

    world.sim.calm().await?;
    let run = world.sync().await?;
    assert_eq!((run.exceptions, run.discrepancies.len()), (0, 0));
    world.assert_mirror_equals_truth().await
}

/// A row that never comes whole is named by every run, and the run completes.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_never_come_whole() -> Result<()> {
    let (world, _services) = World::of(Size::of(90, 30)).await?;
    world.sync().await?;
    world.sim.faults(json!({ "per_operation": in_both_lists(&json!({ "null_fields": 1.0 })) })).await?;
    let run = world.sync().await?;
    assert_eq!(run.phase, Phase::Completed);
    let named = named(&world, run.run).await?;
    assert!(!named.is_empty());
    let calls = world.sim.calls().await?["total"].as_u64().unwrap_or_default();
    assert!(calls < 80, "{calls} calls: what cannot be had is asked for again and again");
    world.sim.calm().await?;
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}

/// Flags and numbers that come as texts are what they say.
#[tokio::test(flavor = "multi_thread")]
async fn flags_and_numbers_as_texts() -> Result<()> {
    let (world, _services) = World::of(Size::of(420, 90)).await?;
    world
        .sim
        .faults(json!({ "quirks": { "odd_types": 0.6 }, "switches": { "error_status": "number" }, "error_rate": 0.1 }))
        .await?;
    let run = world.sync().await?;
    assert_eq!((run.exceptions, run.discrepancies.len()), (0, 0));
    world.assert_mirror_equals_truth().await
}

/// Words that no document lists are mirrored as they came, and everything beside them as ever.
#[tokio::test(flavor = "multi_thread")]
async fn words_that_nobody_knows() -> Result<()> {
    let (world, _services) = World::of(Size::of(420, 90)).await?;
    world.sim.faults(json!({ "per_operation": in_both_lists(&json!({ "unknown_words": 1.0 })) })).await?;
    let run = world.sync().await?;
    assert_eq!((run.exceptions, run.discrepancies.len()), (0, 0));
    let differing = world.differing_fields().await?;
    assert!(differing.len() > 10 && differing.values().all(|fields| fields.len() == 1), "{differing:?}");
    let unheard = "SELECT count(*) FROM (
            SELECT concat_ws(' ', account_type, status, account_status, membership_status, claim_status, management_source) AS words FROM mirror.accounts
            UNION ALL SELECT managed_by FROM mirror.groups
        ) AS rows WHERE words LIKE '%unheard-of%'";
    assert_eq!(world.count(unheard).await?, i64::try_from(differing.len())?);
    world.sim.calm().await?;
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}
