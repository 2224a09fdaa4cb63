//! A graceful end: the first signal lets what is under way finish, the second ends it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGTERM or SIGINT. A second one ends the process at once.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        for received in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if received > 0 {
                tracing::warn!("a second signal: ending at once");
                std::process::exit(130);
            }
            tracing::info!("stopping: what is under way is finished first; a second signal ends it at once");
            stop.cancel();
        }
    });
    Ok(token)
}
