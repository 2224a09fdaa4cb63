//! Ends a process whose owner was killed and so could not end it itself.

use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::{Child, Command};

/// `read` returns when the pipe closes, however its other end's owner ended.
const SCRIPT: &str = r#"read -r _; kill -s KILL "$1""#;

/// A waiting shell. Dropping it calls it off, so it must not outlive the process that it watches over.
#[derive(Debug)]
pub(crate) struct Guard {
    _shell: Child,
}

impl Guard {
    /// Watches over the process of that id.
    pub(crate) fn over(pid: u32) -> Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT, "orgmirror-bench-guard", &pid.to_string()]);
        shell.current_dir("/").process_group(0).kill_on_drop(true);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { _shell: shell.spawn().context("start a guard")? })
    }
}
