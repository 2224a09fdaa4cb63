//! Random secrets: session cookies, one-time links, API tokens.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orgmirror_store::console::SecretHash;
use rand::RngExt;
use sha2::{Digest, Sha256};

/// 256 random bits as text. Shown once, kept as its hash; not printed by accident.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn random() -> Self {
        // rand's own generator: ChaCha, seeded by the operating system.
        let bytes: [u8; 32] = rand::rng().random();
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What somebody presents. Any text has a hash; only the right one is found.
    pub(crate) fn presented(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The secret itself, for the one place that shows it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
