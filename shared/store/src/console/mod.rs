//! Who may use the console: people, one-time links, sessions, tokens, failed sign-ins.
//!
//! Invariants
//! - A secret never reaches the database: links, sessions and tokens are kept as their SHA-256 ([`SecretHash`]), passwords as argon2id.
//! - Everything belongs to an organisation and is looked up together with it: what opens one organisation's console opens no other's.

pub mod link;
pub mod person;
pub mod session;
pub mod sign_in;
pub mod token;

/// SHA-256 of a random secret of at least 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretHash(pub [u8; 32]);
