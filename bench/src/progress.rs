//! What is under way, for the person who waits: lines on standard error, with the time since the start.

use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Says what begins or what was found.
pub(crate) fn say(text: impl AsRef<str>) {
    let seconds = START.elapsed().as_secs();
    eprintln!("[{:3}:{:02}] {}", seconds / 60, seconds % 60, text.as_ref());
}
