//! Each action from its request until the API shows it, and what a preview promises of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{AccountId, GroupId, ResourceId};
use orgmirror_domain::item::{ItemState, SkipReason};
use orgmirror_domain::operation::OperationState;
use orgmirror_store::operation::preview::Outcome;
use orgmirror_tests::{Size, World, limits};
use serde_json::Value;

/// Suspended, restored, disabled, enabled, taken out of a group and of the directory, given a role and relieved of it: each by one call, and
/// afterwards the mirror is as the organisation is.
#[tokio::test(flavor = "multi_thread")]
async fn each_action_is_made_once_and_seen() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 40)).await?;
    world.sync().await?;
    let people = world.sim.truth("accounts").await?;
    let ordinary = |managed: bool| {
        let claim = if managed { "managed" } else { "unmanaged" };
        let is_ordinary = |person: &&Value| {
            person["membershipStatus"] == "active"
                && person["accountStatus"] == "active"
                && person["claimStatus"] == claim
                && person["platformRoles"].as_array().is_none_or(Vec::is_empty)
        };
        let ids = people.iter().filter(is_ordinary).filter_map(|person| person["accountId"].as_str().map(str::to_owned));
        ids.collect::<Vec<_>>()
    };
    let (managed, unmanaged) = (ordinary(true), ordinary(false));
    let (directory, _) = world.store.directories(world.org).await?.into_iter().next().context("a directory")?;
    let (group, member) = people
        .iter()
        .filter(|person| unmanaged[4..].iter().any(|id| person["accountId"] == id.as_str()))
        .find_map(|person| {
            let group = person["groups"].as_array()?.iter().find_map(|group| GroupId::parse(group.as_str()?))?;
            Some((group, person["accountId"].as_str()?.to_owned()))
        })
        .context("somebody in a group")?;
    world.sim.set_group(&group.to_string(), serde_json::json!({ "managedBy": "admins", "externalSynced": false })).await?;
    let resource = people
        .iter()
        .find_map(|person| person["productAccess"].as_array()?.iter().find_map(|access| access["id"].as_str()))
        .map(ResourceId::from)
        .context("somebody uses a product")?;
    let role = || "atlassian/user".to_owned();
    let steps = [
        (Action::Suspend { directory: directory.clone() }, &managed[0]),
        (Action::Restore { directory: directory.clone() }, &managed[0]),
        (Action::Disable, &managed[1]),
        (Action::Enable, &managed[1]),
        (Action::RemoveFromGroup { group }, &member),
        (Action::RemoveFromDirectory { directory: directory.clone() }, &managed[2]),
        (Action::RemoveFromDirectory { directory }, &unmanaged[0]),
        (Action::GrantRole { resource: resource.clone(), role: role() }, &unmanaged[1]),
        (Action::RevokeRole { resource, role: role() }, &unmanaged[1]),
    ];
    for (action, account) in steps {
        world.sim.forget_writes().await?;
        let asked = world.operate(action.clone(), std::slice::from_ref(account)).await?;
        let ended = world.operation_ended(asked).await?;
        let items = world.items(asked).await?;
        ensure!((ended.state, ended.items.done) == (OperationState::Settled, 1), "{action}: {ended:?} {items:?}");
        world.each_was_written_once(std::slice::from_ref(account)).await?;
        let again = world.operate(action.clone(), std::slice::from_ref(account)).await?;
        let ended = world.operation_ended(again).await?;
        ensure!(ended.items.done + ended.items.already_so + ended.items.skipped == 1, "{action} again: {ended:?}");
    }
    // Who was removed left groups too, whose own counts the readings of accounts don't tell.
    world.sync().await?;
    world.assert_mirror_equals_truth().await
}

/// With several directories an account is suspended and restored in those that it is in; where it is not, nothing fails.
#[tokio::test(flavor = "multi_thread")]
async fn several_directories_one_after_the_other() -> Result<()> {
    let (world, _services) = World::of(Size::of(200, 30).directories(2)).await?;
    world.sync().await?;
    let accounts = world.sim.ordinary(4).await?;
    let directories = world.store.directories(world.org).await?;
    assert_eq!(directories.len(), 2);
    for (word, status) in [("suspend", "suspended"), ("restore", "active")] {
        let mut asked = Vec::new();
        // Asked for at once: an account's gate lets one after the other through.
        for (directory, _) in &directories {
            asked.push(world.operate(format!("{word} {directory}").parse()?, &accounts).await?);
        }
        let mut done: BTreeMap<String, usize> = BTreeMap::new();
        for asked in asked {
            assert_eq!(world.operation_ended(asked).await?.state, OperationState::Settled);
            for (account, item) in world.items(asked).await? {
                match (item.state, item.reason) {
                    (ItemState::Done | ItemState::AlreadySo, _) => *done.entry(account).or_default() += 1,
                    (ItemState::Skipped, Some(SkipReason::NotInDirectory)) => {}
                    other => anyhow::bail!("{word} {account}: {other:?} {item:?}"),
                }
            }
        }
        assert_eq!(done.len(), accounts.len(), "everybody is in a directory");
        for account in &accounts {
            let person = world.truth_of("accounts", "accountId", account).await?;
            assert_eq!(person["membershipStatus"], status, "{word} {account}");
        }
    }
    world.assert_mirror_equals_truth().await
}

/// A preview says which seats become free, and exactly those are free afterwards; it counts outcomes and tells the time that the calls take.
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_keeps_its_word() -> Result<()> {
    let (world, _services) = World::of(Size::of(300, 40)).await?;
    world.sync().await?;
    let mut accounts = world.sim.ordinary(25).await?;
    let admin = accounts.remove(0);
    world.sim.set_account(&admin, serde_json::json!({ "platformRoles": ["atlassian/org-admin"] })).await?;
    world.completed(world.request_accounts(&[&admin]).await?).await?;
    let (directory, _) = world.store.directories(world.org).await?.into_iter().next().context("a directory")?;
    let action = Action::Suspend { directory };
    let everybody: Vec<AccountId> = accounts.iter().chain([&admin]).map(|id| AccountId::from(id.as_str())).collect();
    let preview = world.store.preview_operation(world.org, &action, &everybody, &limits()).await?.at_rate(Some(60.0));
    assert_eq!(
        preview.outcomes,
        [
            Outcome { outlook: "call", reason: None, accounts: 24 },
            Outcome { outlook: "skipped", reason: Some(SkipReason::OrgAdmin), accounts: 1 }
        ]
    );
    assert_eq!(preview.duration_s, Some(3.0 + 24.0 + 3.0));
    assert!(!preview.seats_freed.is_empty(), "nobody of them has a seat: this was another story");

    let seats = async || -> Result<BTreeMap<(String, String), (u64, u64)>> {
        let licences = world.store.licences(world.org, world.store.now().await?).await?.into_iter();
        Ok(licences
            .map(|licence| {
                let seats = licence.seats;
                ((licence.product, licence.resource_id), (seats.billable, seats.billable + seats.billable_unknown))
            })
            .collect())
    };
    let before = seats().await?;
    let asked = world.operate(action, &accounts).await?;
    assert_eq!(world.operation_ended(asked).await?.state, OperationState::Settled);
    let after = seats().await?;
    let promised: BTreeMap<_, _> = preview
        .seats_freed
        .iter()
        .map(|seats| ((seats.product.clone(), seats.resource_id.clone()), (seats.freed.at_least, seats.freed.at_most)))
        .collect();
    for (place, (least, most)) in before {
        let freed = after.get(&place).map_or((least, most), |(after_least, after_most)| (least - after_least, most - after_most));
        assert_eq!(promised.get(&place).copied().unwrap_or_default(), freed, "{place:?}");
    }
    Ok(())
}
