//! The Lua scripts: steps that must happen together or not at all. Each file says what it relies on.

use std::sync::LazyLock;

use redis::Script;

/// A script that is loaded once and invoked by its hash.
macro_rules! script {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
    };
}

script!(
    /// Takes over entries whose lease has run out.
    CLAIM, "lua/claim.lua"
);
script!(
    /// Counts a lane.
    DEPTH, "lua/depth.lua"
);
script!(
    /// Deletes consumers that are gone.
    FORGET, "lua/forget.lua"
);
script!(
    /// Deregisters a consumer without losing what it holds.
    LEAVE, "lua/leave.lua"
);
script!(
    /// Says that a worker is there.
    PRESENT, "lua/present.lua"
);
script!(
    /// Ends the wait of delayed entries.
    PROMOTE, "lua/promote.lua"
);
script!(
    /// Adds jobs as far as a window allows.
    PUBLISH_WITHIN, "lua/publish_within.lua"
);
script!(
    /// Renews leases.
    RENEW, "lua/renew.lua"
);
script!(
    /// Counts workers.
    WORKERS, "lua/workers.lua"
);

/// Ends a delivery that was not done. Sent whole, not by its hash: it goes inside a transaction, where an unknown hash could not be
/// answered by loading it.
pub(crate) const SETTLE: &str = include_str!("lua/settle.lua");
