//! The gate: whether an item of a bulk operation may make its call.
//!
//! Asked in the transaction that marks the item's attempt, on what that transaction sees. It fails closed: whatever is not known, or
//! makes no sense, keeps it shut, with words for a person. Nothing opens it but an observation that is newer than the request, newer
//! than our own last write to the account, and young.
//!
//! Absent: what the call would do (`action`), and the locks that keep two items of one account apart (`store`).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::freshness::Freshness;
use crate::ids::Instant;

/// The newest attempt of ours that may have changed the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnWrite {
    /// Drawn after its answer: older observations of the account are void.
    pub instant: Instant,
    /// The API has not shown its result yet: until it does, what the API tells may be from before the write.
    pub unsettled: bool,
}

/// Whether the operation as a whole may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing stands against it.
    Admitted,
    /// A second person has not agreed to this list.
    AwaitingApproval,
    /// Cancelled, or over.
    Ended,
}

/// What the gate looks at, as one transaction sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateView {
    /// The operation.
    pub admission: Admission,
    /// Instant of the request that the item belongs to.
    pub asked: Instant,
    /// `Fresh(account)`; `None`: never observed.
    pub account: Option<Freshness>,
    /// `Fresh(group)` of a group that the action is about; the outer `None`: it is about none.
    pub group: Option<Option<Freshness>>,
    /// Our newest write to the account, by whatever operation.
    pub own_write: Option<OwnWrite>,
    /// Another item is open on the account: its call may be under way, or may have happened.
    pub open_elsewhere: bool,
    /// Observations that are older do not count.
    pub max_age: Duration,
    /// After that the item is given up.
    pub waits_until: DateTime<Utc>,
    /// The database's clock.
    pub now: DateTime<Utc>,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The attempt may be marked, on an observation of that freshness.
    Open(Freshness),
    /// Not yet.
    Waits {
        /// For what.
        awaited: Awaited,
        /// Then the item is given up.
        until: DateTime<Utc>,
    },
    /// Never, as things are.
    Closed(Closed),
}

/// What an item waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Another item of the same account is open.
    OtherItem,
    /// The API has not shown the result of our own last write to the account.
    OwnWriteShown,
    /// An observation of the account after our own last write to it.
    AfterOwnWrite,
    /// An observation after the request.
    Newer(Subject),
    /// An observation that is young enough.
    Younger(Subject),
}

/// Of what an observation is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The item's account.
    Account,
    /// The action's group.
    Group,
}

/// Why an item will not act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A second person has to agree first.
    NotApproved,
    /// The operation was cancelled or is over.
    Ended,
    /// Nothing fresh came in the time that the operation was given.
    WaitedTooLong,
}

/// Whether the item may act now.
pub fn may_act(view: &GateView) -> Gate {
    match view.admission {
        Admission::Admitted => {}
        Admission::AwaitingApproval => return Gate::Closed(Closed::NotApproved),
        Admission::Ended => return Gate::Closed(Closed::Ended),
    }
    if view.now >= view.waits_until {
        return Gate::Closed(Closed::WaitedTooLong);
    }
    let waits = |awaited| Gate::Waits { awaited, until: view.waits_until };
    if view.open_elsewhere {
        return waits(Awaited::OtherItem);
    }
    if view.own_write.is_some_and(|write| write.unsettled) {
        return waits(Awaited::OwnWriteShown);
    }
    let account = match observed(view, view.account, Subject::Account) {
        Ok(account) => account,
        Err(awaited) => return waits(awaited),
    };
    if view.own_write.is_some_and(|write| account.instant <= write.instant) {
        return waits(Awaited::AfterOwnWrite);
    }
    match view.group.map(|group| observed(view, group, Subject::Group)) {
        Some(Err(awaited)) => waits(awaited),
        Some(Ok(_)) | None => Gate::Open(account),
    }
}

/// An observation that counts, or what is awaited instead. One from the future says that the clock went back: nobody knows its age.
fn observed(view: &GateView, fresh: Option<Freshness>, subject: Subject) -> Result<Freshness, Awaited> {
    let fresh = fresh.filter(|fresh| fresh.instant > view.asked).ok_or(Awaited::Newer(subject))?;
    match (view.now - fresh.at).to_std() {
        Ok(age) if age <= view.max_age => Ok(fresh),
        Ok(_) | Err(_) => Err(Awaited::Younger(subject)),
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherItem => "another operation's change of this account is under way",
            Self::OwnWriteShown => "the API does not show our own last change of this account yet",
            Self::AfterOwnWrite => "the account has to be read again after our own last change of it",
            Self::Newer(Subject::Account) => "the account has to be read again since the operation was asked for",
            Self::Newer(Subject::Group) => "the group has to be read again since the operation was asked for",
            Self::Younger(Subject::Account) => "the account was read too long ago and has to be read again",
            Self::Younger(Subject::Group) => "the group was read too long ago and has to be read again",
        })
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotApproved => "a second person has to approve the list first",
            Self::Ended => "the operation was cancelled or is over",
            Self::WaitedTooLong => {
                "no fresh reading came in the time that the operation was given; look why syncs do not complete"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap_or_default()
    }

    fn open() -> GateView {
        GateView {
            admission: Admission::Admitted,
            asked: Instant(10),
            account: Some(Freshness { instant: Instant(11), at: at(0) }),
            group: None,
            own_write: None,
            open_elsewhere: false,
            max_age: Duration::from_secs(900),
            waits_until: at(3_600),
            now: at(10),
        }
    }

    fn awaited(view: &GateView) -> Option<Awaited> {
        match may_act(view) {
            Gate::Waits { awaited, .. } => Some(awaited),
            Gate::Open(_) | Gate::Closed(_) => None,
        }
    }

    #[test]
    fn what_is_fresh_enough_opens_it() {
        assert!(matches!(may_act(&open()), Gate::Open(_)));
    }

    #[test]
    fn each_reason_keeps_it_shut() {
        let newer = Awaited::Newer(Subject::Account);
        assert_eq!(awaited(&GateView { account: None, ..open() }), Some(newer));
        // Of the very request's instant: drawn before it, since no two draws are equal.
        assert_eq!(awaited(&GateView { asked: Instant(11), ..open() }), Some(newer));
        assert_eq!(awaited(&GateView { now: at(901), ..open() }), Some(Awaited::Younger(Subject::Account)));
        assert_eq!(awaited(&GateView { now: at(-1), ..open() }), Some(Awaited::Younger(Subject::Account)));
        assert_eq!(awaited(&GateView { group: Some(None), ..open() }), Some(Awaited::Newer(Subject::Group)));
        assert_eq!(awaited(&GateView { open_elsewhere: true, ..open() }), Some(Awaited::OtherItem));
        let write = |instant, unsettled| Some(OwnWrite { instant: Instant(instant), unsettled });
        assert_eq!(awaited(&GateView { own_write: write(11, false), ..open() }), Some(Awaited::AfterOwnWrite));
        assert_eq!(awaited(&GateView { own_write: write(5, true), ..open() }), Some(Awaited::OwnWriteShown));
        assert_eq!(may_act(&GateView { now: at(3_600), ..open() }), Gate::Closed(Closed::WaitedTooLong));
        let held = GateView { admission: Admission::AwaitingApproval, ..open() };
        assert_eq!(may_act(&held), Gate::Closed(Closed::NotApproved));
        assert_eq!(may_act(&GateView { admission: Admission::Ended, ..open() }), Gate::Closed(Closed::Ended));
    }

    fn freshness() -> impl Strategy<Value = Option<Freshness>> {
        proptest::option::of(
            (0..30i64, -2_000..2_000i64).prop_map(|(instant, seconds)| Freshness { instant: Instant(instant), at: at(seconds) }),
        )
    }

    proptest! {
        /// Whatever the view, an open gate means that every single condition holds.
        #[test]
        fn an_open_gate_has_all_it_needs(
            account in freshness(),
            group in proptest::option::of(freshness()),
            write in proptest::option::of((0..30i64, any::<bool>())),
            asked in 0..30i64,
            elsewhere in any::<bool>(),
            admission in 0..3u8,
            now in -2_000..4_000i64,
        ) {
            let admission = [Admission::Admitted, Admission::AwaitingApproval, Admission::Ended][usize::from(admission)];
            let own_write = write.map(|(instant, unsettled)| OwnWrite { instant: Instant(instant), unsettled });
            let view = GateView { admission, asked: Instant(asked), account, group, own_write, open_elsewhere: elsewhere, now: at(now), ..open() };
            if let Gate::Open(evidence) = may_act(&view) {
                prop_assert_eq!(Some(evidence), account);
                for fresh in [Some(account), group].into_iter().flatten() {
                    let fresh = fresh.ok_or_else(|| TestCaseError::fail("never observed"))?;
                    prop_assert!(fresh.instant.0 > asked);
                    prop_assert!((0..=900).contains(&(view.now - fresh.at).num_seconds()));
                }
                prop_assert!(write.is_none_or(|(instant, unsettled)| instant < evidence.instant.0 && !unsettled));
                prop_assert!(!elsewhere && admission == Admission::Admitted && view.now < view.waits_until);
            }
        }
    }
}
