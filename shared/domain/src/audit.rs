//! The audit log: who did what, and the chain of hashes that shows a change.
//!
//! Each entry's hash is over all that it says and over the hash of the entry before it. So whoever changes, removes or inserts an entry has
//! to write all later ones anew, and the newest hash, kept elsewhere, tells.
//!
//! Absent: where entries are kept, and that an entry is written with what it records (`store::audit`).

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::words::words;

words! {
    /// What happened.
    Event {
        /// Somebody asked for a sync.
        SyncRequested = "sync_requested",
        /// Somebody agreed to what a run would remove from the mirror.
        RunApproved = "run_approved",
        /// Somebody stopped a run.
        RunCancelled = "run_cancelled",
        /// Somebody let a held run go on.
        RunResumed = "run_resumed",
        /// A bulk operation was asked for.
        OperationRequested = "operation_requested",
        /// A second person agreed to its list.
        OperationApproved = "operation_approved",
        /// Accounts were taken off its list.
        OperationRevised = "operation_revised",
        /// Somebody stopped it.
        OperationCancelled = "operation_cancelled",
        /// Somebody asked for another try of what failed.
        OperationRetried = "operation_retried",
        /// It ended, with its results.
        OperationEnded = "operation_ended",
        /// A task was made.
        TaskCreated = "task_created",
        /// A task was switched on.
        TaskEnabled = "task_enabled",
        /// A task was switched off.
        TaskDisabled = "task_disabled",
        /// A task was deleted.
        TaskDeleted = "task_deleted",
        /// Somebody asked for a run of a task beside its schedule.
        TaskRunRequested = "task_run_requested",
        /// A run of a task ended, with whom it chose.
        TaskRunEnded = "task_run_ended",
        /// A filter was kept under a name.
        FilterSaved = "filter_saved",
        /// A saved filter was deleted.
        FilterDeleted = "filter_deleted",
        /// Somebody signed in to the console.
        SignedIn = "signed_in",
        /// A person was added to those who may use the console.
        PersonAdded = "person_added",
        /// What a person may do was changed.
        PersonChanged = "person_changed",
        /// A one-time link was made, by which a person chooses a password.
        LinkMade = "link_made",
        /// A person chose a password by their link.
        PasswordChosen = "password_chosen",
        /// A token for the HTTP API was made.
        TokenMade = "token_made",
        /// A token was revoked.
        TokenRevoked = "token_revoked",
    }
}

words! {
    /// What kind of somebody acted.
    ActorKind {
        /// Somebody at the command line or the console.
        Person = "person",
        /// A program that asked over the queue or the API.
        Program = "program",
        /// The schedule of a task or of syncs.
        Schedule = "schedule",
        /// The product itself, by its own rules.
        System = "system",
    }
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of somebody.
    pub kind: ActorKind,
    /// A person's or program's name; empty if there is none.
    pub name: String,
}

impl Actor {
    /// A person, by the name that they gave.
    pub fn person(name: impl Into<String>) -> Self {
        Self { kind: ActorKind::Person, name: name.into() }
    }

    /// A program, by what it called itself.
    pub fn program(name: impl Into<String>) -> Self {
        Self { kind: ActorKind::Program, name: name.into() }
    }

    /// The product itself.
    pub fn system() -> Self {
        Self { kind: ActorKind::System, name: String::new() }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() { f.write_str(self.kind.as_str()) } else { f.write_str(&self.name) }
    }
}

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first entry.
    pub const NONE: Self = Self([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// All that an entry's hash is over.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Hash of the entry before.
    pub previous: Hash,
    /// The organisation's id.
    pub org: &'a str,
    /// Its number.
    pub number: i64,
    /// When, in whole microseconds.
    pub at: DateTime<Utc>,
    /// A word of [`ActorKind`].
    pub actor_kind: &'a str,
    /// The actor's name.
    pub actor: &'a str,
    /// A word of [`Event`].
    pub event: &'a str,
    /// Id or name of what it happened to.
    pub subject: &'a str,
    /// JSON, exactly as it is kept.
    pub detail: &'a str,
}

impl Entry<'_> {
    /// Its hash. Each field is preceded by its length, so that no two entries give the same bytes.
    pub fn hash(&self) -> Hash {
        let mut hash = Sha256::new();
        hash.update(b"orgmirror audit 1\n");
        hash.update(self.previous.0);
        let (number, at) = (self.number.to_string(), self.at.to_rfc3339_opts(SecondsFormat::Micros, true));
        for field in [self.org, &number, &at, self.actor_kind, self.actor, self.event, self.subject, self.detail] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Hash(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            previous: Hash::NONE,
            org: "o",
            number: 1,
            at: DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap_or_default(),
            actor_kind: "person",
            actor: "ann",
            event: "run_cancelled",
            subject: "r",
            detail: "{}",
        }
    }

    #[test]
    fn every_field_counts() {
        let first = entry();
        let others = [
            Entry { previous: Hash([1; 32]), ..first },
            Entry { org: "p", ..first },
            Entry { number: 2, ..first },
            Entry { at: first.at + chrono::TimeDelta::microseconds(1), ..first },
            Entry { actor_kind: "system", ..first },
            Entry { actor: "ben", ..first },
            Entry { event: "run_resumed", ..first },
            Entry { subject: "s", ..first },
            Entry { detail: "[]", ..first },
            // Characters that move from one field to the next.
            Entry { actor: "annr", event: "un_cancelled", ..first },
        ];
        for other in others {
            assert_ne!(other.hash(), first.hash(), "{other:?}");
        }
    }

    /// Fixed for ever: entries that were written by older versions are checked by newer ones.
    #[test]
    fn the_form_does_not_change() {
        assert_eq!(entry().hash().to_string(), "9f4efe1d8bea1c33465e7846735a076a3470e616d1b6aa0447ff3d6fed830b0c");
    }
}
