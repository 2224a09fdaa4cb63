//! Ends a server whose owner was killed.
//!
//! A killed process runs no code of its own, and asking the kernel for a signal at the parent's death needs unsafe code. So a shell waits
//! on a pipe whose other end only the owner holds: it closes with the owner, however that one ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use crate::account::Account;

/// `read` returns when the pipe closes. Nothing is ever written to it.
const SCRIPT: &str = r#"read -r _; kill -s "$1" "$2""#;

/// A waiting shell; dropping it calls it off.
#[derive(Debug)]
pub(crate) struct Guard(Option<Child>);

impl Guard {
    /// Watches over the server `pid`. Without a shell there is no guard, and the next start cleans up instead.
    pub(crate) fn over(pid: u32, signal: Signal, account: &Account) -> Self {
        let name = signal.as_str().trim_start_matches("SIG");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "orgmirror-guard", name, &pid.to_string()]);
        // Ctrl-C must not end the guard before its owner, and it must not keep a folder busy.
        command.current_dir("/").process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        account.apply(&mut command);
        match command.spawn() {
            Ok(shell) => Self(Some(shell)),
            Err(error) => {
                tracing::debug!(%error, "no shell to guard the private server; a leftover would be ended at the next start");
                Self(None)
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(shell) = &mut self.0 {
            // `kill` first: `wait` closes the pipe, which would set the guard off.
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}
