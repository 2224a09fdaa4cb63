//! From the words of `orgmirror bulk` to actions: one, or one for each directory.

use anyhow::{Result, bail};
use orgmirror_domain::action::Action;
use orgmirror_domain::ids::{DirectoryId, GroupId, OrgKey, ResourceId};
use orgmirror_store::Store;

use crate::cli::{ActionWord, Bulk};

/// The actions, or what the command line lacks. An account is changed by one operation at a time, so those of several directories come one
/// after the other.
pub(super) async fn actions(store: &Store, org: OrgKey, arguments: &Bulk) -> Result<Result<Vec<Action>, &'static str>> {
    let group = || arguments.group.map(GroupId).ok_or("--group");
    let role = || {
        let role = arguments.resource.as_deref().map(ResourceId::from).zip(arguments.role.clone());
        role.ok_or("--resource and --role")
    };
    let of_directories = async |action: fn(DirectoryId) -> Action| -> Result<Result<Vec<Action>, &'static str>> {
        Ok(Ok(directories(store, org, arguments.directory.as_deref()).await?.into_iter().map(action).collect()))
    };
    let one = match arguments.action {
        ActionWord::AddToGroup => group().map(|group| Action::AddToGroup { group }),
        ActionWord::RemoveFromGroup => group().map(|group| Action::RemoveFromGroup { group }),
        ActionWord::GrantRole => role().map(|(resource, role)| Action::GrantRole { resource, role }),
        ActionWord::RevokeRole => role().map(|(resource, role)| Action::RevokeRole { resource, role }),
        ActionWord::Disable => Ok(Action::Disable),
        ActionWord::Enable => Ok(Action::Enable),
        ActionWord::Suspend => return of_directories(|directory| Action::Suspend { directory }).await,
        ActionWord::Restore => return of_directories(|directory| Action::Restore { directory }).await,
        ActionWord::RemoveFromDirectory => return of_directories(|directory| Action::RemoveFromDirectory { directory }).await,
    };
    Ok(one.map(|action| vec![action]))
}

/// The directory of that id or name, or all.
pub(super) async fn directories(store: &Store, org: OrgKey, wanted: Option<&str>) -> Result<Vec<DirectoryId>> {
    let all = store.directories(org).await?;
    if all.is_empty() {
        bail!("the mirror knows no directory of the organisation; `orgmirror sync --wait` brings them");
    }
    let Some(wanted) = wanted else { return Ok(all.into_iter().map(|(id, _)| id).collect()) };
    let is_it = |(id, name): &(DirectoryId, Option<String>)| {
        id.as_str() == wanted || name.as_deref().is_some_and(|name| name.to_lowercase() == wanted.to_lowercase())
    };
    let mut found: Vec<DirectoryId> = all.iter().filter(|directory| is_it(directory)).map(|(id, _)| id.clone()).collect();
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(vec![one]),
        (Some(_), false) => bail!("several directories are called {wanted:?}; name one by its id: {}", listed(&all)),
        (None, _) => bail!("there is no directory {wanted:?}; there are {}", listed(&all)),
    }
}

fn listed(all: &[(DirectoryId, Option<String>)]) -> String {
    let words: Vec<String> =
        all.iter().map(|(id, name)| format!("{id} ({})", name.as_deref().unwrap_or("without a name"))).collect();
    words.join(", ")
}
