//! The mirror equals the truth.

use anyhow::Result;
use orgmirror_tests::{Size, World};

async fn check(size: Size) -> Result<()> {
    let (world, _services) = World::of(size).await?;
    let run = world.sync().await?;
    world.assert_mirror_equals_truth().await?;
    world.assert_roles_equal_truth().await?;
    assert_eq!(run.discrepancies, [], "nothing changed meanwhile");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_without_anybody() -> Result<()> {
    check(Size::of(0, 0)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_user() -> Result<()> {
    check(Size::of(1, 0)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_page() -> Result<()> {
    check(Size::of(100, 100)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_two_pages() -> Result<()> {
    check(Size::of(200, 200)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn several_directories() -> Result<()> {
    check(Size::of(2_500, 2_300).directories(3)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_read_from_both_ends() -> Result<()> {
    check(Size::of(6_000, 2_600).seed(7)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_seeds() -> Result<()> {
    for seed in 10..18 {
        check(Size::of(430, 90).seed(seed)).await?;
    }
    Ok(())
}
