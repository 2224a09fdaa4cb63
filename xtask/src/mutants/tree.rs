//! A copy of the tree as it lies here, uncommitted changes too, that can be broken and mended.
//!
//! Mending rewrites only files that differ. The others keep their times, so the next build compiles what the patch touched and no more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// The copy.
#[derive(Debug)]
pub(super) struct Tree {
    source: PathBuf,
    copy: PathBuf,
}

impl Tree {
    /// A copy of `source` at `copy`; nothing is written before [`restore`](Self::restore).
    pub(super) fn new(source: PathBuf, copy: PathBuf) -> Self {
        Self { source, copy }
    }

    /// Where the copy is.
    pub(super) fn path(&self) -> &Path {
        &self.copy
    }

    /// Makes the copy equal to the source.
    pub(super) async fn restore(&self) -> Result<()> {
        let wanted = self.sources().await?;
        for file in &wanted {
            let content = fs::read(self.source.join(file)).with_context(|| format!("read {}", file.display()))?;
            let target = self.copy.join(file);
            if fs::read(&target).ok().as_ref() == Some(&content) {
                continue;
            }
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
            }
            fs::write(&target, content).with_context(|| format!("write {}", target.display()))?;
        }
        self.remove_others(&self.copy, &wanted)
    }

    /// Applies the patch at `path` to the copy, wholly or not at all.
    pub(super) async fn apply(&self, path: &Path) -> Result<()> {
        let mut git = Command::new("git");
        // The copy lies inside a repository and is none; git would look at the outer one and skip every file.
        git.args(["apply", "--whitespace=nowarn"]).arg(path).current_dir(&self.copy);
        git.env("GIT_CEILING_DIRECTORIES", self.copy.parent().unwrap_or(&self.copy));
        let output = git.output().await.context("run git apply")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// What git knows or would know: no build output.
    async fn sources(&self) -> Result<BTreeSet<PathBuf>> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(&self.source);
        let output = git.output().await.context("run git ls-files")?;
        if !output.status.success() {
            bail!("git could not list the files: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
        let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        // Git also lists what it knows and somebody has just deleted.
        Ok(files.filter(|file| self.source.join(file).is_file()).collect())
    }

    fn remove_others(&self, folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                self.remove_others(&path, wanted)?;
            } else if !path.strip_prefix(&self.copy).is_ok_and(|file| wanted.contains(file)) {
                fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}
