//! Where a key comes from, and when it has changed there.
//!
//! The text holds the key in its first line, as it is or sealed. A further line `expires 2027-03-01` tells the date of a key that
//! is not sealed; a sealed one has it inside.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use orgmirror_domain::ids::OrgId;
use secrecy::{ExposeSecret, SecretString};

use super::sealed::{KeyRing, SealError, is_envelope};
use super::{ApiKey, StoredKey};

/// Where a key is kept.
#[derive(Clone, Debug)]
pub enum KeyOrigin {
    /// A file, which may change at any time.
    File(PathBuf),
    /// A setting, which changes with a restart alone.
    Setting(SecretString),
}

/// Where an organisation's key comes from, and what is needed to read it.
#[derive(Clone, Debug)]
pub struct KeySource {
    /// Where it is kept.
    pub origin: KeyOrigin,
    /// Whose key it is: a sealed one opens for its own organisation alone.
    pub org: OrgId,
    /// What opens a sealed key.
    pub ring: Option<Arc<KeyRing>>,
    /// Its last day, where the text itself tells none.
    pub expires_on: Option<NaiveDate>,
}

/// Why there is no key. Tells nothing of what was read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error("cannot read the API key from the file {}; see that it exists and that this program may read it", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Nothing in it.
    #[error("there is no API key in {place}; make one at admin.atlassian.com, Settings, API keys")]
    Empty {
        /// The file or variable.
        place: String,
    },
    /// A line that says nothing known.
    #[error("the second line in {place} is no date of expiry; write it as `expires 2027-03-01`, or leave it out")]
    Expiry {
        /// The file or variable.
        place: String,
    },
    /// It is sealed, and nothing to open it is configured.
    #[error("the API key in {place} is sealed, and no sealing key is configured")]
    Sealed {
        /// The file or variable.
        place: String,
    },
    /// It is sealed and does not open.
    #[error("cannot open the API key in {place}")]
    Closed {
        /// The file or variable.
        place: String,
        /// Why.
        #[source]
        source: SealError,
    },
}

impl KeySource {
    /// The key as it is now.
    pub fn read(&self) -> Result<StoredKey, KeyError> {
        let (text, place) = match &self.origin {
            KeyOrigin::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| KeyError::File { path: path.clone(), source })?;
                (SecretString::from(text), path.display().to_string())
            }
            KeyOrigin::Setting(text) => (text.clone(), "the settings".to_owned()),
        };
        let stored = parse(&text, &self.org, self.ring.as_deref(), || place.clone())?;
        Ok(StoredKey { expires_on: stored.expires_on.or(self.expires_on), ..stored })
    }
}

fn parse(text: &SecretString, org: &OrgId, ring: Option<&KeyRing>, place: impl Fn() -> String) -> Result<StoredKey, KeyError> {
    let mut lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().ok_or_else(|| KeyError::Empty { place: place() })?;
    if is_envelope(first) {
        let ring = ring.ok_or_else(|| KeyError::Sealed { place: place() })?;
        return ring.open(org, first).map_err(|source| KeyError::Closed { place: place(), source });
    }
    let expiry = |line: &str| -> Option<NaiveDate> { line.strip_prefix("expires")?.trim().parse().ok() };
    let expires_on = match lines.next() {
        Some(line) => Some(expiry(line).ok_or_else(|| KeyError::Expiry { place: place() })?),
        None => None,
    };
    Ok(StoredKey { key: ApiKey::new(first), expires_on })
}

/// Tells when a key has changed where it is kept.
#[derive(Debug)]
pub struct KeyWatch {
    source: KeySource,
    last: StoredKey,
}

impl KeyWatch {
    /// Reads the key for the first time.
    pub fn start(source: KeySource) -> Result<Self, KeyError> {
        let last = source.read()?;
        Ok(Self { source, last })
    }

    /// The key as last read.
    pub fn key(&self) -> &StoredKey {
        &self.last
    }

    /// Reads again, and gives the key if it is another one or has another date. What cannot be read changes nothing: a file may
    /// be half written at this moment.
    ///
    /// It compares contents, not times: a file behind a link that is turned to another file keeps the time of that file.
    pub fn changed(&mut self) -> Result<Option<&StoredKey>, KeyError> {
        let read = self.source.read()?;
        if read.key.fingerprint() == self.last.key.fingerprint() && read.expires_on == self.last.expires_on {
            return Ok(None);
        }
        self.last = read;
        Ok(Some(&self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SealingKey;

    const SECRET: &str = "ATCTT3xFfGN0-never-to-be-told";

    fn org() -> OrgId {
        OrgId::from("8f3c")
    }

    fn check(text: &str) -> Result<StoredKey, KeyError> {
        parse(&SecretString::from(text), &org(), None, || "key.txt".to_owned())
    }

    #[test]
    fn a_key_comes_with_or_without_a_date() {
        let bare = check(&format!("  {SECRET}\r\n")).unwrap();
        assert_eq!((bare.key.expose(), bare.expires_on), (SECRET, None));
        let dated = check(&format!("{SECRET}\n\nexpires 2027-03-01\n")).unwrap();
        assert_eq!((dated.key.expose(), dated.expires_on), (SECRET, "2027-03-01".parse().ok()));
    }

    #[test]
    fn what_is_no_key_is_told_without_being_quoted() {
        let told = |text: &str| {
            let error = check(text).unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(!told.contains(SECRET) && told.contains("key.txt"), "{told}");
            error
        };
        assert!(matches!(told(" \n"), KeyError::Empty { .. }));
        assert!(matches!(told(&format!("{SECRET}\n{SECRET}")), KeyError::Expiry { .. }));
        assert!(matches!(told("orgmirror-sealed:1:a:AAAA"), KeyError::Sealed { .. }));
    }

    #[test]
    fn a_file_is_read_again_and_a_new_key_is_news_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, SECRET).unwrap();
        let sealing = || SealingKey::parse("a", &SecretString::from("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")).unwrap();
        let source = KeySource {
            origin: KeyOrigin::File(path.clone()),
            org: org(),
            ring: Some(Arc::new(KeyRing::new(sealing(), vec![]))),
            expires_on: "2027-01-01".parse().ok(),
        };
        let mut watch = KeyWatch::start(source).unwrap();
        assert_eq!(watch.key().expires_on, "2027-01-01".parse().ok(), "the setting tells what the file does not");
        assert!(watch.changed().unwrap().is_none());

        std::fs::write(&path, format!("{SECRET}\nexpires 2027-03-01")).unwrap();
        assert!(watch.changed().unwrap().is_some_and(|stored| stored.expires_on == "2027-03-01".parse().ok()));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(watch.changed(), Err(KeyError::Empty { .. })));
        assert_eq!(watch.key().key.expose(), SECRET, "a file that is being written takes no key away");

        let sealed =
            KeyRing::new(sealing(), vec![]).seal(&org(), &StoredKey { key: ApiKey::new("new"), expires_on: None }).unwrap();
        std::fs::write(&path, sealed).unwrap();
        assert_eq!(watch.changed().unwrap().map(|stored| stored.key.expose()), Some("new"));
        assert!(watch.changed().unwrap().is_none());
        assert!(!format!("{watch:?}").contains("\"new\""), "{watch:?}");
    }
}
