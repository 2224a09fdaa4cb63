//! Passwords: how they are hashed and compared.
//!
//! Argon2id with the parameters that its crate recommends (19 MiB, two passes). Comparing one costs that memory and some tens of
//! milliseconds of a core, so few are compared at once, whoever asks.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Hashes being made at once: what bounds the memory of the console under a flood of sign-ins.
const AT_ONCE: usize = 2;
/// Characters that a password has at least (NIST SP 800-63B asks for 8 and more where it stands alone).
pub(crate) const MIN_LENGTH: usize = 12;
/// Bytes that a password has at most; only so that nobody sends a novel.
const MAX_BYTES: usize = 1_024;

/// What is compared where there is no such person, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// Hashes and compares passwords, few at once.
pub(crate) struct Passwords(Arc<Semaphore>);

/// A password that cannot be taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unfit {
    #[error("a password has at least {MIN_LENGTH} characters; a few words do well")]
    TooShort,
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    #[error("the password could not be hashed; try again")]
    NotHashed,
}

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    /// The hash to keep of a password that somebody chooses.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Unfit> {
        if password.chars().count() < MIN_LENGTH {
            return Err(Unfit::TooShort);
        }
        if password.len() > MAX_BYTES {
            return Err(Unfit::TooLong);
        }
        self.in_turn(move || hash_now(&password)).await.flatten().ok_or(Unfit::NotHashed)
    }

    /// Whether a password is the one of this hash; `None` for a person that is not there, who takes as long to refuse.
    pub(crate) async fn is_right(&self, password: String, hash: Option<String>) -> bool {
        let there = hash.is_some();
        let right = self.in_turn(move || {
            let hash = hash.as_deref().unwrap_or(&NOBODY);
            PasswordHash::new(hash).is_ok_and(|hash| {
                password.len() <= MAX_BYTES && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            })
        });
        right.await.unwrap_or(false) && there
    }

    /// On a thread that may be slow; `None` if that could not be had.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let turn = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.ok()
    }
}

fn hash_now(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".to_owned()).await.unwrap_or_else(|unfit| panic!("{unfit}"));
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(passwords.is_right("correct horse battery".to_owned(), Some(hash.clone())).await);
        assert!(!passwords.is_right("correct horse batterz".to_owned(), Some(hash)).await);
        assert!(!passwords.is_right("nobody has this password".to_owned(), None).await);
        assert!(!passwords.is_right("anything".to_owned(), Some("no hash".to_owned())).await);
        assert_eq!(passwords.hash("short".to_owned()).await, Err(Unfit::TooShort));
    }
}
