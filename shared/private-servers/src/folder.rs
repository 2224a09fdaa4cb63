//! The folder that holds everything one server owns.
//!
//! The lock file is never removed: a lock on a file that another process has just unlinked would protect nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::geteuid;

use tokio::time::{Instant, sleep};

use crate::StartError;

/// A process that is just being started holds copies of all locks of its parent, until its own program begins.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// A data folder that this process alone uses while the value lives.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Held, never read: closing it gives the folder free.
    _lock: File,
}

impl DataFolder {
    /// Creates `path` if needed and takes it for this process.
    pub(crate) async fn take(path: &Path) -> Result<Self, StartError> {
        fs::DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(StartError::folder("create the folder", path))?;
        let path = path.canonicalize().map_err(StartError::folder("find the folder", path))?;
        let lock_path = path.join("owner.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(StartError::folder("open the lock file", &lock_path))?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path, _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => return Err(StartError::FolderInUse { folder: path }),
                Err(TryLockError::Error(source)) => return Err(StartError::Folder { action: "lock", path: lock_path, source }),
            }
        }
    }

    /// The folder, absolute and without links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets other accounts pass through the folder (not list it), so that an unprivileged server reaches its part.
    pub(crate) fn open_for_passage(&self) -> Result<(), StartError> {
        let found = fs::metadata(&self.path).map_err(StartError::folder("look at", &self.path))?;
        // Only a folder of our own: somebody else's is theirs to open, and the check of the way says so.
        if found.uid() != geteuid().as_raw() || found.mode() & 0o001 != 0 {
            return Ok(());
        }
        let opened = fs::Permissions::from_mode((found.mode() & 0o7777) | 0o011);
        fs::set_permissions(&self.path, opened).map_err(StartError::folder("change the permissions of", &self.path))
    }
}
