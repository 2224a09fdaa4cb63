//! A free port on the loopback address.

use std::net::{Ipv4Addr, TcpListener};

use crate::StartError;

/// How many ports to try before the failure is shown.
pub(crate) const ATTEMPTS_MAX: usize = 5;

/// A port that was free a moment ago. Somebody may take it before the server does: the caller tries another then.
pub(crate) fn free() -> Result<u16, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(StartError::folder("find a free port on", "127.0.0.1"))
}
