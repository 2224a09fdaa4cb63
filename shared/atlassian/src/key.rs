//! API keys, and the names by which logs, people and the budget know them.

mod expiry;
mod origin;
mod sealed;

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use expiry::{KeyLife, StoredKey};
pub use origin::{KeyError, KeyOrigin, KeySource, KeyWatch};
pub use sealed::{KeyRing, SealError, SealingKey};

/// Names a key without telling it. Two keys differ in it, and it stays the same over restarts and workers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyFingerprint(pub String);

impl KeyFingerprint {
    /// Twelve hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An organisation API key.
#[derive(Clone)]
pub struct ApiKey {
    secret: SecretString,
    fingerprint: KeyFingerprint,
}

impl ApiKey {
    /// Takes a key as a person or a file gave it: surrounding white space, such as a file's last newline, is no part of it.
    pub fn new(secret: impl Into<SecretString>) -> Self {
        let given = secret.into();
        let key = given.expose_secret().trim();
        // The prefix keeps this hash apart from any other hash of the same key that may lie around elsewhere.
        let digest = Sha256::new().chain_update(b"orgmirror key fingerprint\0").chain_update(key.as_bytes()).finalize();
        let fingerprint = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { secret: SecretString::from(key), fingerprint: KeyFingerprint(fingerprint) }
    }

    /// The name of this key for logs, errors and the budget.
    pub fn fingerprint(&self) -> &KeyFingerprint {
        &self.fingerprint
    }

    /// A text without this key, wherever it stands: a proxy may send back what it was sent.
    pub(crate) fn redact(&self, text: String) -> String {
        let key = self.expose();
        if key.is_empty() || !text.contains(key) { text } else { text.replace(key, "<the API key>") }
    }

    /// The key itself, for the one header that carries it.
    pub(crate) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_and_never_told() {
        let key = ApiKey::new("ATCTT3xFfGN0-secret\n");
        assert_eq!(key.expose(), "ATCTT3xFfGN0-secret");
        assert_eq!(key.fingerprint(), ApiKey::new("ATCTT3xFfGN0-secret").fingerprint());
        assert_ne!(key.fingerprint(), ApiKey::new("ATCTT3xFfGN0-other").fingerprint());
        assert_eq!(key.fingerprint().as_str().len(), 12);
        assert!(!format!("{key:?}").contains("secret"));
    }
}
