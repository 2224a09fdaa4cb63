//! API keys encrypted at rest, so that whoever reads the database or a backup has no key.
//!
//! An envelope is `orgmirror-sealed:1:<id of the sealing key>:<base64 of nonce and ciphertext>`, XChaCha20-Poly1305 under a random
//! nonce. Version, sealing key and organisation are authenticated with it: an envelope that is moved to another organisation or
//! whose head is changed does not open. Rotation: put a new sealing key first in the ring, seal again what [`KeyRing::is_stale`]
//! names, then drop the old one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use chrono::NaiveDate;
use orgmirror_domain::ids::OrgId;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Deserialize, Serialize};

use super::{ApiKey, StoredKey};

const HEAD: &str = "orgmirror-sealed";
const VERSION: &str = "1";
const NONCE_BYTES: usize = 24;

/// A key that encrypts API keys.
pub struct SealingKey {
    id: String,
    secret: SecretBox<[u8; 32]>,
}

impl SealingKey {
    /// A name for it, of letters, digits and dashes, and 32 random bytes in base64, such as `openssl rand -base64 32` gives.
    pub fn parse(id: &str, base64: &SecretString) -> Result<Self, SealError> {
        let named = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !named {
            return Err(SealError::SealingKeyName);
        }
        let bytes = STANDARD.decode(base64.expose_secret().trim()).map_err(|_| SealError::SealingKey { id: id.to_owned() })?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| SealError::SealingKey { id: id.to_owned() })?;
        Ok(Self { id: id.to_owned(), secret: SecretBox::new(Box::new(bytes)) })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.secret.expose_secret().into())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

/// Sealing keys: the current one, which seals, and older ones, which still open.
#[derive(Debug)]
pub struct KeyRing {
    current: SealingKey,
    older: Vec<SealingKey>,
}

/// Why an API key could not be sealed or opened. Tells neither key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The name of a sealing key.
    #[error("a sealing key is written as a name of letters, digits and dashes, a space, and 32 bytes in base64")]
    SealingKeyName,
    /// Its bytes.
    #[error("the sealing key {id} is not 32 bytes in base64; make one by `openssl rand -base64 32`")]
    SealingKey {
        /// Its name.
        id: String,
    },
    /// Not an envelope, or of a version that this program does not know.
    #[error("the stored API key is no envelope that this version can read; store the key again")]
    Envelope,
    /// Sealed by a key that is not in the ring.
    #[error("the stored API key was sealed by the sealing key {id}, which is not configured; add it, or store the API key again")]
    UnknownSealingKey {
        /// Its name, as the envelope has it.
        id: String,
    },
    /// It does not open: another secret of the same name, another organisation, or changed bytes.
    #[error(
        "the stored API key does not open with the sealing key {id}: its secret is another one, or the stored text was changed or belongs to another organisation; store the API key again"
    )]
    Closed {
        /// The sealing key's name.
        id: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Content {
    key: String,
    expires_on: Option<NaiveDate>,
}

impl KeyRing {
    /// A ring that seals with `current` and also opens what `older` ones sealed.
    pub fn new(current: SealingKey, older: Vec<SealingKey>) -> Self {
        Self { current, older }
    }

    /// One sealing key a line, its name and its bytes in base64 with a space between them; the first one seals, the others still open.
    pub fn parse(text: &SecretString) -> Result<Self, SealError> {
        let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let mut keys = lines.map(|line| {
            let (id, secret) = line.split_once(char::is_whitespace).ok_or(SealError::SealingKeyName)?;
            SealingKey::parse(id, &SecretString::from(secret))
        });
        let current = keys.next().ok_or(SealError::SealingKeyName)??;
        Ok(Self::new(current, keys.collect::<Result<_, _>>()?))
    }

    /// Encrypts an API key for an organisation.
    pub fn seal(&self, org: &OrgId, stored: &StoredKey) -> Result<String, SealError> {
        let content = Content { key: stored.key.expose().to_owned(), expires_on: stored.expires_on };
        let closed = || SealError::Closed { id: self.current.id.clone() };
        let plain = SecretString::from(serde_json::to_string(&content).map_err(|_| closed())?);
        let nonce = XNonce::generate();
        let bound = bound_to(&self.current.id, org);
        let payload = Payload { msg: plain.expose_secret().as_bytes(), aad: &bound };
        let sealed = self.current.cipher().encrypt(&nonce, payload).map_err(|_| closed())?;
        let body = STANDARD.encode([nonce.as_slice(), &sealed].concat());
        Ok(format!("{HEAD}:{VERSION}:{}:{body}", self.current.id))
    }

    /// Decrypts an API key of an organisation.
    pub fn open(&self, org: &OrgId, envelope: &str) -> Result<StoredKey, SealError> {
        let (id, body) = parts(envelope)?;
        let unknown = || SealError::UnknownSealingKey { id: id.to_owned() };
        let sealing = std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id).ok_or_else(unknown)?;
        let bytes = STANDARD.decode(body).map_err(|_| SealError::Envelope)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::Envelope)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| SealError::Envelope)?;
        let closed = || SealError::Closed { id: id.to_owned() };
        let payload = Payload { msg: sealed, aad: &bound_to(id, org) };
        let plain = sealing.cipher().decrypt(&nonce, payload).map_err(|_| closed())?;
        let plain = SecretString::from(String::from_utf8(plain).map_err(|_| closed())?);
        let content: Content = serde_json::from_str(plain.expose_secret()).map_err(|_| SealError::Envelope)?;
        Ok(StoredKey { key: ApiKey::new(content.key), expires_on: content.expires_on })
    }

    /// Whether an envelope was sealed by an older key, and is to be sealed again.
    pub fn is_stale(&self, envelope: &str) -> Result<bool, SealError> {
        Ok(parts(envelope)?.0 != self.current.id)
    }
}

/// Whether a stored text is an envelope, and no key as it is.
pub(super) fn is_envelope(text: &str) -> bool {
    text.trim_start().starts_with(HEAD)
}

/// Sealing key's name and body.
fn parts(envelope: &str) -> Result<(&str, &str), SealError> {
    let mut parts = envelope.trim().splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(HEAD), Some(VERSION), Some(id), Some(body)) => Ok((id, body)),
        _ => Err(SealError::Envelope),
    }
}

fn bound_to(id: &str, org: &OrgId) -> Vec<u8> {
    // Ends by zero bytes, which neither has: no two pairs give the same text.
    format!("{HEAD}:{VERSION}\0{id}\0{org}\0").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "ATCTT3xFfGN0-never-to-be-told";

    fn sealing(id: &str, byte: u8) -> SealingKey {
        SealingKey::parse(id, &SecretString::from(STANDARD.encode([byte; 32]))).unwrap()
    }

    fn stored() -> StoredKey {
        StoredKey { key: ApiKey::new(SECRET), expires_on: "2027-03-01".parse().ok() }
    }

    #[test]
    fn a_sealed_key_opens_again_with_its_date() {
        let (ring, org) = (KeyRing::new(sealing("a", 1), vec![]), OrgId::from("8f3c"));
        let envelope = ring.seal(&org, &stored()).unwrap();
        assert!(envelope.starts_with("orgmirror-sealed:1:a:") && is_envelope(&envelope), "{envelope}");
        let opened = ring.open(&org, &format!(" {envelope}\n")).unwrap();
        assert_eq!((opened.key.expose(), opened.expires_on), (SECRET, stored().expires_on));
        assert_ne!(envelope, ring.seal(&org, &stored()).unwrap(), "no nonce comes twice");
    }

    #[test]
    fn sealing_keys_rotate() {
        let org = OrgId::from("8f3c");
        let before = KeyRing::new(sealing("a", 1), vec![]).seal(&org, &stored()).unwrap();
        let ring = KeyRing::new(sealing("b", 2), vec![sealing("a", 1)]);
        assert_eq!(ring.is_stale(&before), Ok(true));
        let after = ring.seal(&org, &ring.open(&org, &before).unwrap()).unwrap();
        assert_eq!(ring.is_stale(&after), Ok(false));
        let alone = KeyRing::new(sealing("b", 2), vec![]);
        assert!(alone.open(&org, &after).is_ok());
        assert_eq!(alone.open(&org, &before).unwrap_err(), SealError::UnknownSealingKey { id: "a".into() });
    }

    #[test]
    fn an_envelope_that_was_touched_or_moved_stays_closed() {
        let (ring, org) = (KeyRing::new(sealing("a", 1), vec![sealing("b", 1)]), OrgId::from("8f3c"));
        let envelope = ring.seal(&org, &stored()).unwrap();
        let closed = |id: &str| SealError::Closed { id: id.into() };
        assert_eq!(ring.open(&OrgId::from("other"), &envelope).unwrap_err(), closed("a"));
        assert_eq!(ring.open(&org, &envelope.replace(":a:", ":b:")).unwrap_err(), closed("b"), "its head is part of it");
        let other = KeyRing::new(sealing("a", 9), vec![]);
        assert_eq!(other.open(&org, &envelope).unwrap_err(), closed("a"));
        let mut bytes = STANDARD.decode(envelope.rsplit(':').next().unwrap()).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let touched = format!("orgmirror-sealed:1:a:{}", STANDARD.encode(&bytes));
            assert_eq!(ring.open(&org, &touched).unwrap_err(), closed("a"), "byte {at}");
            bytes[at] ^= 1;
        }
        for text in ["", SECRET, "orgmirror-sealed:2:a:AAAA", "orgmirror-sealed:1:a:AAAA", "orgmirror-sealed:1:a:?"] {
            assert_eq!(ring.open(&org, text).unwrap_err(), SealError::Envelope, "{text}");
        }
    }

    #[test]
    fn neither_key_is_told() {
        let ring = KeyRing::new(sealing("a", 1), vec![]);
        let envelope = ring.seal(&OrgId::from("8f3c"), &stored()).unwrap();
        let errors = [ring.open(&OrgId::from("x"), &envelope).unwrap_err(), ring.open(&OrgId::from("x"), SECRET).unwrap_err()];
        let told = format!("{ring:?} {:?} {envelope} {errors:?} {} {}", stored(), errors[0], errors[1]);
        assert!(!told.contains(SECRET) && !told.contains("AQEBAQEB"), "{told}");
        let wrong = SealingKey::parse("a", &SecretString::from("c2hvcnQ=")).unwrap_err();
        assert_eq!(wrong, SealError::SealingKey { id: "a".into() });
        assert!(!format!("{wrong} {wrong:?}").contains("c2hvcnQ"));
    }
}
