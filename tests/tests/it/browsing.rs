//! Lists and figures of the console: complete in every order, as long as they say, and true again after a change.

use std::collections::BTreeSet;

use anyhow::Result;
use orgmirror_domain::filter::Filter;
use orgmirror_domain::listing::{Direction, GroupSort, UserSort};
use orgmirror_store::browse::Place;
use orgmirror_store::browse::groups::GroupQuery;
use orgmirror_store::browse::users::UserQuery;
use orgmirror_tests::{Size, World, until};
use serde_json::json;

/// Method: every order from both ends, forward to the end and back to the start, in pages that do not divide the number.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_pages_through_a_list_meets_everybody_once() -> Result<()> {
    let world = World::empty(Size::of(230, 60)).await?;
    let services = [world.coordinator(), world.worker(4)];
    world.sync().await?;
    for sort in UserSort::ALL {
        for direction in Direction::ALL {
            let query = UserQuery { filter: Filter::default(), sort: *sort, direction: *direction };
            let forward = walk(&world, &query, true).await?;
            let back = walk(&world, &query, false).await?;
            assert_eq!(forward.iter().collect::<BTreeSet<_>>().len(), 230, "{query:?}");
            assert_eq!(forward.len(), 230, "{query:?}");
            assert_eq!(forward, back.into_iter().rev().collect::<Vec<_>>(), "{query:?}");
        }
    }
    let groups = |direction| GroupQuery { name: String::new(), scim: None, grants: None, sort: GroupSort::Members, direction };
    let largest = world.store.group_list(world.org, &groups(Direction::Descending), &Place::Start, 100).await?;
    assert_eq!((largest.groups.len(), largest.window.total), (60, 60));
    assert!(largest.groups.is_sorted_by_key(|group| std::cmp::Reverse(group.members)));
    for service in services {
        service.stop().await;
    }
    Ok(())
}

/// Ids in pages of 37, from the start to the end, or from the last page back.
async fn walk(world: &World, query: &UserQuery, forward: bool) -> Result<Vec<String>> {
    let mut met = Vec::new();
    let mut place = if forward { Place::Start } else { Place::At(usize::MAX) };
    let mut met_before = usize::MAX;
    loop {
        let page = world.store.user_list(world.org, query, &place, 37).await?;
        let mut ids: Vec<String> = page.users.into_iter().map(|user| user.account_id).collect();
        let window = page.window;
        let (Some(first), Some(last)) = (ids.first().cloned(), ids.last().cloned()) else { return Ok(met) };
        if forward {
            met.append(&mut ids);
            if !window.has_after() {
                return Ok(met);
            }
            place = Place::After { id: last, at: window.first + window.rows };
        } else {
            // The first page has as many rows as a page, whatever is left: what was met is left out.
            ids.truncate(met_before - window.first);
            met.extend(ids.into_iter().rev());
            met_before = window.first;
            if !window.has_before() {
                return Ok(met);
            }
            place = Place::Before { id: first, at: window.first };
        }
    }
}

/// Each number opens exactly the rows that it counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_and_the_list_that_it_opens_agree() -> Result<()> {
    let world = World::empty(Size::of(400, 60)).await?;
    let services = [world.coordinator(), world.worker(4)];
    world.sync().await?;
    let texts = ["", "status:active", "status:active inactive>90d", "is:never-active", "-is:admin product:confluence"];
    let doors: Vec<Filter> = texts.iter().map(|text| Ok(text.parse()?)).collect::<Result<_>>()?;
    let (figures, _) = world.store.figures(world.org, doors).await?;
    for door in &figures.doors {
        assert_eq!(usize::try_from(door.users)?, world.store.user_count(world.org, &door.filter).await?, "{}", door.filter);
    }
    assert_eq!(figures.doors[0].users, 400);
    assert!(figures.doors[2].users > 0, "or the story shows nothing");
    world.store.keep_licence_days().await?;
    let trend = world.store.licence_trend(world.org).await?;
    let total: u64 = figures.licences.iter().map(|licence| licence.seats.total).sum();
    assert_eq!(trend.iter().map(|point| point.total).collect::<Vec<_>>(), [i64::try_from(total)?]);
    for service in services {
        service.stop().await;
    }
    Ok(())
}

/// A list that is kept in memory shows what a sync has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_list_follows_the_mirror() -> Result<()> {
    let world = World::empty(Size::of(20, 5)).await?;
    let services = [world.coordinator(), world.worker(4)];
    world.sync().await?;
    let query = UserQuery { filter: "renamed-by-a-story".parse()?, sort: UserSort::Name, direction: Direction::Ascending };
    let listed =
        async || -> Result<usize> { Ok(world.store.user_list(world.org, &query, &Place::Start, 10).await?.window.total) };
    assert_eq!(listed().await?, 0);
    let id = world.sim.first("asc", 1).await?.remove(0);
    world.sim.set_account(&id, json!({ "name": "Renamed-by-a-story" })).await?;
    world.sync().await?;
    until("the list has the new name", async || Ok((listed().await? == 1).then_some(()))).await?;
    for service in services {
        service.stop().await;
    }
    Ok(())
}
