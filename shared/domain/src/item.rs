//! Items of a bulk operation: what has become of the change of one account.
//!
//! ```text
//! pending -Marked-> running -Done-> done            running -Unanswered, Silent-> unknown
//!    |                  |---SaidSo-> already_so      unknown -ReadSo-> done
//!    |                  |---Refused-> failed         unknown -ReadNotSo-> pending
//!    |                  |---NotThere-> skipped
//!    |                  +---NotSent-> pending        unknown -Undecidable-> failed
//!    +-FoundSo-> already_so, -Dropped-> skipped      failed -RetryAsked-> pending
//! ```
//! An item is *open* while its call may be under way or may have happened: `running` and `unknown`. Nothing but a read that began after
//! the call's deadline takes an unknown item back to `pending`, and so to a second call.

use crate::words::words;

words! {
    /// Where an item stands.
    ItemState {
        /// Waits at the gate.
        Pending = "pending",
        /// Its attempt is marked; the call may be under way.
        Running = "running",
        /// The API did it, or shows it.
        Done = "done",
        /// Nothing had to be done.
        AlreadySo = "already_so",
        /// No call was made, with the reason.
        Skipped = "skipped",
        /// The API refused, with its words, or a person has to look.
        Failed = "failed",
        /// The call may have happened: it is read before anything else.
        Unknown = "unknown",
    }
}

words! {
    /// Why no call was made for an item.
    SkipReason {
        /// An identity provider owns the group; Atlassian refuses changes of its members.
        ScimGroup = "scim_group",
        /// An organisation admin is neither suspended, removed nor disabled in bulk.
        OrgAdmin = "org_admin",
        /// The settings protect the account.
        ProtectedAccount = "protected_account",
        /// The settings protect the group.
        ProtectedGroup = "protected_group",
        /// The organisation has not claimed the account's domain.
        NotManaged = "not_managed",
        /// The account is not in the organisation any more.
        NotInOrganisation = "not_in_organisation",
        /// The account is in no directory, or not in the action's.
        NotInDirectory = "not_in_directory",
        /// The group is not there any more.
        GroupGone = "group_gone",
        /// The account dropped out of the selection when it was read again.
        NoLongerMatches = "no_longer_matches",
        /// The account or group cannot be read.
        Unreadable = "unreadable",
        /// No fresh reading came in time.
        NotFresh = "not_fresh",
        /// A person stopped the operation.
        Cancelled = "cancelled",
    }
}

impl SkipReason {
    /// The reason in a person's words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::ScimGroup => "the group is managed by the identity provider; change its members there",
            Self::OrgAdmin => "an organisation admin; take the role away first",
            Self::ProtectedAccount => "the settings protect this account",
            Self::ProtectedGroup => "the settings protect this group",
            Self::NotManaged => "not a managed account: the organisation has not claimed its domain",
            Self::NotInOrganisation => "not in the organisation",
            Self::NotInDirectory => "not in the directory",
            Self::GroupGone => "the group is not there",
            Self::NoLongerMatches => "does not match the filter any more",
            Self::Unreadable => "cannot be read from the API, so nothing is known to act on",
            Self::NotFresh => "no fresh reading came in time; nothing was changed",
            Self::Cancelled => "the operation was cancelled",
        }
    }
}

/// What happens to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemEvent {
    /// The gate opened, and the attempt is marked.
    Marked,
    /// The fresh reading shows that nothing has to be done.
    FoundSo,
    /// No call is to be made.
    Dropped,
    /// The API did it.
    Done,
    /// The API said that it was so already.
    SaidSo,
    /// The API refused; nothing changed.
    Refused,
    /// The API says that the account is not where it should be changed: there is nothing to change.
    NotThere,
    /// Surely nothing reached the API, or it was turned away unread (429).
    NotSent,
    /// The call may have happened: no answer, or the server failed.
    Unanswered,
    /// Whoever marked the attempt was not heard of again until the call's deadline.
    Silent,
    /// A read that began after the deadline shows the result.
    ReadSo,
    /// Such a read shows that it did not happen, and the call may be made again.
    ReadNotSo,
    /// Such a read cannot tell, or the call may not be repeated: a person decides.
    Undecidable,
    /// A person asks for another try.
    RetryAsked,
}

impl ItemEvent {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Marked,
        Self::FoundSo,
        Self::Dropped,
        Self::Done,
        Self::SaidSo,
        Self::Refused,
        Self::NotThere,
        Self::NotSent,
        Self::Unanswered,
        Self::Silent,
        Self::ReadSo,
        Self::ReadNotSo,
        Self::Undecidable,
        Self::RetryAsked,
    ];
}

impl ItemState {
    /// The state after `event`; `None` where the event says nothing new (late or repeated), and is dropped.
    pub fn after(self, event: ItemEvent) -> Option<Self> {
        use ItemState::{AlreadySo, Done, Failed, Pending, Running, Skipped, Unknown};
        Some(match (self, event) {
            (Pending, ItemEvent::Marked) => Running,
            (Pending, ItemEvent::FoundSo) => AlreadySo,
            (Pending, ItemEvent::Dropped) => Skipped,
            // An answer that comes late is still the best evidence of what its own call did.
            (Running | Unknown, ItemEvent::Done) => Done,
            (Running | Unknown, ItemEvent::SaidSo) => AlreadySo,
            (Running | Unknown, ItemEvent::Refused) => Failed,
            (Running | Unknown, ItemEvent::NotThere) => Skipped,
            (Running, ItemEvent::NotSent) => Pending,
            (Running, ItemEvent::Unanswered | ItemEvent::Silent) => Unknown,
            (Unknown, ItemEvent::ReadSo) => Done,
            (Unknown, ItemEvent::ReadNotSo) => Pending,
            (Unknown, ItemEvent::Undecidable) => Failed,
            (Failed, ItemEvent::RetryAsked) => Pending,
            _ => return None,
        })
    }

    /// Whether its call may be under way or may have happened: nobody else acts on the account.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Unknown)
    }

    /// Whether nothing will happen to it by itself.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::AlreadySo | Self::Skipped | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole machine, so that a review sees each arrow.
    #[test]
    fn every_arrow() {
        let mut arrows = Vec::new();
        for state in ItemState::ALL {
            for event in ItemEvent::ALL {
                if let Some(next) = state.after(*event) {
                    arrows.push(format!("{state} -{event:?}-> {next}"));
                }
            }
        }
        assert_eq!(
            arrows,
            [
                "pending -Marked-> running",
                "pending -FoundSo-> already_so",
                "pending -Dropped-> skipped",
                "running -Done-> done",
                "running -SaidSo-> already_so",
                "running -Refused-> failed",
                "running -NotThere-> skipped",
                "running -NotSent-> pending",
                "running -Unanswered-> unknown",
                "running -Silent-> unknown",
                "failed -RetryAsked-> pending",
                "unknown -Done-> done",
                "unknown -SaidSo-> already_so",
                "unknown -Refused-> failed",
                "unknown -NotThere-> skipped",
                "unknown -ReadSo-> done",
                "unknown -ReadNotSo-> pending",
                "unknown -Undecidable-> failed",
            ]
        );
    }

    proptest::proptest! {
        /// Whatever happens in whatever order, a call that may have happened is never followed by another mark without a read or a
        /// person in between.
        #[test]
        fn no_second_call_without_a_read(events in proptest::collection::vec(0..ItemEvent::ALL.len(), 0..60)) {
            let (mut state, mut may_have_happened) = (ItemState::Pending, false);
            for index in events {
                let event = ItemEvent::ALL[index];
                let Some(next) = state.after(event) else { continue };
                match event {
                    ItemEvent::Marked => {
                        assert!(!may_have_happened);
                        may_have_happened = true;
                    }
                    ItemEvent::NotSent | ItemEvent::ReadNotSo | ItemEvent::RetryAsked => may_have_happened = false,
                    _ => {}
                }
                state = next;
                assert!(state != ItemState::Pending || !may_have_happened);
            }
        }
    }
}
