//! The workspace as cargo sees it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

/// The package of the executable.
const EXECUTABLE: &str = "orgmirror";
/// The feature that compiles fail points in.
const FAIL_POINTS: &str = "failpoints";

/// Where things are, and what the executable's package offers.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Cargo's output folder.
    pub(crate) target: PathBuf,
    has_fail_points: bool,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) async fn find() -> Result<Self> {
        let mut command = cargo(Path::new(env!("CARGO_MANIFEST_DIR")));
        let output =
            command.args(["metadata", "--no-deps", "--format-version", "1"]).output().await.context("run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo could not read the workspace:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("read the answer of cargo metadata")?;
        let path = |key: &str| metadata[key].as_str().map(PathBuf::from).with_context(|| format!("cargo metadata has no {key}"));
        let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let executable = packages.iter().find(|package| package["name"] == EXECUTABLE);
        let has_fail_points = executable.is_some_and(|package| package["features"].get(FAIL_POINTS).is_some());
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, has_fail_points })
    }

    /// A cargo command in the workspace.
    pub(crate) fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// Features of every build for tests. Always the same ones, so that nothing is built twice.
    pub(crate) fn test_features(&self) -> Vec<String> {
        if self.has_fail_points { vec!["--features".to_owned(), format!("{EXECUTABLE}/{FAIL_POINTS}")] } else { Vec::new() }
    }

    /// Where a build with `profile` under `target` leaves the executable.
    pub(crate) fn executable(target: &Path, profile: &str) -> PathBuf {
        target.join(profile).join(format!("{EXECUTABLE}{}", env::consts::EXE_SUFFIX))
    }
}

/// Cargo in `folder`, with SQL checked against `.sqlx` unless the caller says otherwise, whatever the shell has set.
pub(crate) fn cargo(folder: &Path) -> Command {
    // The cargo that runs this task, so that a chosen toolchain stays chosen.
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).kill_on_drop(true);
    command.env_remove("DATABASE_URL").env_remove("SQLX_OFFLINE_DIR").env("SQLX_OFFLINE", "true");
    command
}
