//! Bulk operations: each item acts once, on a reading newer than the request, and settles when the API shows it.

use anyhow::Result;
use orgmirror_domain::action::Action;
use orgmirror_domain::item::{ItemState, SkipReason};
use orgmirror_domain::operation::OperationState;
use orgmirror_tests::{Size, World};
use serde_json::json;

/// An operation over many accounts makes each change once, and says that the API shows it.
#[tokio::test(flavor = "multi_thread")]
async fn members_are_added_once_and_seen() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 40)).await?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(25).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.done), (OperationState::Settled, 25));
    world.each_was_written_once(&accounts).await?;
    let told = "SELECT count(*) FROM operation_attempt WHERE fresh > asked";
    assert_eq!(world.count(told).await?, 25);
    // The mirror has been told by the readings after the calls.
    world.assert_mirror_equals_truth().await?;

    let again = world.operate(Action::AddToGroup { group }, &accounts).await?;
    let ended = world.operation_ended(again).await?;
    assert_eq!((ended.state, ended.items.already_so), (OperationState::Settled, 25));
    world.each_was_written_once(&accounts).await
}

/// The SCIM group. The mirror still believes that the group may be changed; the identity provider has taken it over since.
/// Method: change the group after the sync; no call may reach the API.
#[tokio::test(flavor = "multi_thread")]
async fn the_scim_group() -> Result<()> {
    let (world, _services) = World::of(Size::of(200, 30)).await?;
    world.sync().await?;
    let (group, accounts) = world.group_and_strangers(3).await?;
    world.sim.set_group(&group.to_string(), json!({ "managedBy": "external" })).await?;
    let asked = world.operate(Action::AddToGroup { group }, &accounts).await?;
    let ended = world.operation_ended(asked).await?;
    assert_eq!((ended.state, ended.items.skipped), (OperationState::Settled, 3));
    for item in world.items(asked).await?.values() {
        assert_eq!((item.state, item.reason), (ItemState::Skipped, Some(SkipReason::ScimGroup)));
    }
    assert!(world.sim.writes().await?.is_empty());
    Ok(())
}
