//! The account that Postgres runs as.
//!
//! Postgres refuses to run as root. Containers and continuous integration often are root, so an unprivileged account takes over there;
//! everywhere else the server runs as whoever started us.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User, geteuid};

use crate::StartError;

/// Accounts to drop to, the best first.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// Who the server's process belongs to.
#[derive(Clone, Debug)]
pub(crate) enum Account {
    /// The caller's own account.
    Own,
    /// An unprivileged account instead of root.
    Other {
        /// Its name, for messages.
        name: String,
        /// User id.
        uid: u32,
        /// Primary group; all other groups are dropped.
        gid: u32,
    },
}

impl Account {
    /// The account for the Postgres of `cluster`, which may not exist yet. Data that is already there keeps its owner: Postgres insists.
    pub(crate) fn for_cluster(cluster: &Path) -> Result<Self, StartError> {
        if !geteuid().is_root() {
            return Ok(Self::Own);
        }
        let owner = fs::metadata(cluster).ok().map(|found| Uid::from_raw(found.uid())).filter(|uid| !uid.is_root());
        let owner = owner.and_then(|uid| User::from_uid(uid).ok().flatten());
        let fallback = || ACCOUNTS.iter().find_map(|name| User::from_name(name).ok().flatten());
        let user = owner.or_else(fallback).ok_or(StartError::NoAccount)?;
        Ok(Self::Other { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }

    /// Makes `command` run as this account.
    pub(crate) fn apply(&self, command: &mut Command) {
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
    }

    /// Gives `path` to this account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), StartError> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(StartError::folder("change the owner of", path))
            }
        }
    }

    /// Refuses a folder that this account cannot get to, naming the first closed door.
    pub(crate) fn check_reach(&self, folder: &Path) -> Result<(), StartError> {
        let Self::Other { name, uid, gid } = self else { return Ok(()) };
        let mut way: Vec<&Path> = folder.ancestors().collect();
        way.reverse();
        for step in way {
            let found = fs::metadata(step).map_err(StartError::folder("look at", step))?;
            let enter = match (found.uid() == *uid, found.gid() == *gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            if found.mode() & enter == 0 {
                return Err(StartError::FolderClosed { closed: step.to_owned(), account: name.clone() });
            }
        }
        Ok(())
    }
}
