//! The scripts that keep a family's budget, each one round trip and one moment: the time is Redis's own.

use redis::Script;

/// The text of a script: what all share, then its own.
macro_rules! script {
    ($name:literal) => {
        concat!(include_str!("model.lua"), include_str!($name))
    };
}

pub(super) const TAKE: &str = script!("take.lua");
pub(super) const REFUSED: &str = script!("refused.lua");
pub(super) const TOLD: &str = script!("told.lua");

/// All of them, ready to run.
pub(super) struct Scripts {
    pub(super) take: Script,
    pub(super) refused: Script,
    pub(super) told: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self { take: Script::new(TAKE), refused: Script::new(REFUSED), told: Script::new(TOLD) }
    }
}
