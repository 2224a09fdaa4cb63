//! Suspending, restoring and removing the users of a directory.

use super::Writing;
use crate::account::{Account, Membership};
use crate::api::refusal::Refusal;
use crate::api::response::Reply;
use crate::role::{Role, RoleSet};
use crate::switches::{Leniency, Verdict};

/// `POST .../users/{accountId}/suspend` and `/restore`. Groups and roles stay as they are and come back to life with the account.
pub(super) fn set_suspended(writing: &mut Writing<'_>, suspended: bool) -> Result<Reply, Refusal> {
    let (slot, directories) = find(writing)?;
    let switches = &writing.faults.switches;
    let account = writing.org.accounts.get(slot);
    let is_admin = account.is_some_and(|account| account.platform_roles.contains(Role::OrgAdmin));
    if suspended && is_admin && switches.suspend_org_admin == Verdict::Reject {
        return Err(Refusal::management(400, "ADMIN-400-24", "An admin of the organisation can't be suspended."));
    }
    let differs = account
        .is_some_and(|account| directories.iter().any(|directory| (account.suspended_in & (1 << directory) != 0) != suspended));
    if differs {
        writing.org.change_account(slot, |account| {
            for directory in directories {
                account.set_suspended(directory, suspended);
            }
        });
    } else if switches.repeated_suspend == Leniency::Reject {
        let word = if suspended { "suspended" } else { "active" };
        return Err(Refusal::management(400, "ADMIN-400-24", format!("The user is {word} already.")));
    }
    Ok(Reply::empty(204))
}

/// `DELETE .../users/{accountId}`: roles and groups of the directory are lost. Only a managed account stays in the organisation without any directory.
pub(super) fn remove(writing: &mut Writing<'_>) -> Result<Reply, Refusal> {
    let (slot, directories) = find(writing)?;
    let mask = directories.iter().fold(0_u32, |mask, directory| mask | 1 << directory);
    let left = |account: &Account| account.directories & !mask;
    let gone = writing.org.accounts.get(slot).is_some_and(|account| left(account) == 0 && !account.managed);
    if gone {
        writing.org.remove_account(slot);
    } else {
        writing.org.change_account(slot, |account| {
            // Roles of its own belong to the first directory.
            if mask & (1 << account.directories.trailing_zeros()) != 0 {
                account.direct_roles.clear();
                account.platform_roles = RoleSet::default();
            }
            account.directories = left(account);
            if account.directories == 0 {
                account.membership = Membership::None;
                account.source = None;
            }
        });
    }
    Ok(Reply::empty(204))
}

/// The account of the path and the directories that the call is about.
fn find(writing: &Writing<'_>) -> Result<(u32, Vec<u8>), Refusal> {
    let id = &writing.request.id;
    let directory = writing.directory()?;
    let org = &*writing.org;
    let slot = org.account_slot(id).ok_or_else(|| Refusal::no_account(id))?;
    let own = org.accounts.get(slot).map_or(0, |account| account.directories);
    let directories: Vec<u8> =
        (0..32).filter(|number| own & (1 << number) != 0 && directory.is_none_or(|directory| directory == *number)).collect();
    if directories.is_empty() { Err(Refusal::no_account(id)) } else { Ok((slot, directories)) }
}
