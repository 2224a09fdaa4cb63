//! The audit log: one event for each change, whoever made it.
//!
//! It holds the latest events only, so that churn can go on for ever. Events are in the order in which they were processed, and their instants
//! of processing never fall; an event is visible from that instant on.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::journal::{Aspect, Change};

/// How many events are kept.
const KEPT: usize = 20_000;

/// Who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A call to the simulated API.
    Api,
    /// The organisation changed by itself.
    Churn,
    /// The control API.
    Control,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    Account(Arc<str>),
    Group(Uuid),
}

/// One entry of the log.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Counts up without gaps.
    pub(crate) number: u64,
    pub(crate) at_ms: i64,
    pub(crate) processed_ms: i64,
    pub(crate) action: &'static str,
    pub(crate) origin: Origin,
    pub(crate) subjects: Vec<Subject>,
}

/// The actions that events have: id, name, name of its group.
pub(crate) const ACTIONS: &[(&str, &str, &str)] = &[
    ("user_added_to_org", "User added to organization", "Users"),
    ("user_removed_from_org", "User removed from organization", "Users"),
    ("user_added_to_directory", "User added to directory", "Users"),
    ("user_removed_from_directory", "User removed from directory", "Users"),
    ("user_suspended", "Suspended user's access", "Users"),
    ("user_restored", "Restored user's access", "Users"),
    ("user_profile_updated", "Updated user's profile", "Users"),
    ("user_granted_role", "Granted role to user", "Roles"),
    ("user_revoked_role", "Revoked role from user", "Roles"),
    ("account_deactivated", "Deactivated managed account", "Managed accounts"),
    ("account_reactivated", "Reactivated managed account", "Managed accounts"),
    ("account_deletion_scheduled", "Scheduled deletion of managed account", "Managed accounts"),
    ("account_deletion_cancelled", "Cancelled deletion of managed account", "Managed accounts"),
    ("group_created", "Created group", "Groups"),
    ("group_deleted", "Deleted group", "Groups"),
    ("group_updated", "Updated group", "Groups"),
    ("group_roles_changed", "Changed roles of group", "Roles"),
    ("user_added_to_group", "Added user to group", "Groups"),
    ("user_removed_from_group", "Removed user from group", "Groups"),
];

/// The latest events.
#[derive(Debug)]
pub(crate) struct AuditLog {
    seed: u64,
    events: VecDeque<Arc<Event>>,
    next: u64,
}

impl AuditLog {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, events: VecDeque::new(), next: 1 }
    }

    /// Tells what changed. It becomes visible so much later.
    pub(crate) fn record(&mut self, changes: &[Change], origin: Origin, now_ms: i64, lag_ms: u64) {
        for change in changes {
            let Some((action, subjects)) = told(change) else { continue };
            let earliest = self.events.back().map_or(i64::MIN, |event| event.processed_ms);
            let processed_ms = now_ms.saturating_add_unsigned(lag_ms).max(earliest);
            let event = Event { number: self.next, at_ms: now_ms, processed_ms, action, origin, subjects };
            self.next += 1;
            self.events.push_back(Arc::new(event));
            if self.events.len() > KEPT {
                self.events.pop_front();
            }
        }
    }

    /// The events that are visible at an instant, oldest first.
    pub(crate) fn visible(&self, now_ms: i64) -> Vec<Arc<Event>> {
        let until = self.events.partition_point(|event| event.processed_ms <= now_ms);
        self.events.range(..until).cloned().collect()
    }

    /// The id of an event, from which its number can be read.
    pub(crate) fn id(&self, number: u64) -> String {
        let hash = xxh3_128_with_seed(&number.to_be_bytes(), self.seed).to_be_bytes();
        let hash: String = hash[..10].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{}-{}-{number:012x}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20])
    }

    /// The visible event with this id.
    pub(crate) fn by_id(&self, id: &str, now_ms: i64) -> Option<Arc<Event>> {
        let number = u64::from_str_radix(id.rsplit('-').next()?, 16).ok()?;
        let first = self.events.front()?.number;
        let event = self.events.get(usize::try_from(number.checked_sub(first)?).ok()?)?;
        (self.id(number) == id && event.processed_ms <= now_ms).then(|| Arc::clone(event))
    }
}

/// The action and the subjects of a change. Activity is no event.
fn told(change: &Change) -> Option<(&'static str, Vec<Subject>)> {
    let account = |id: &Arc<str>| Subject::Account(Arc::clone(id));
    Some(match change {
        Change::AccountAdded(id) => ("user_added_to_org", vec![account(id)]),
        Change::AccountRemoved(id) => ("user_removed_from_org", vec![account(id)]),
        Change::Account(id, aspect) => {
            let action = match aspect {
                Aspect::Activity => return None,
                Aspect::AddedToDirectory => "user_added_to_directory",
                Aspect::Deactivated => "account_deactivated",
                Aspect::DeletionCancelled => "account_deletion_cancelled",
                Aspect::DeletionScheduled => "account_deletion_scheduled",
                Aspect::Profile => "user_profile_updated",
                Aspect::Reactivated => "account_reactivated",
                Aspect::RemovedFromDirectory => "user_removed_from_directory",
                Aspect::Restored => "user_restored",
                Aspect::RolesGranted => "user_granted_role",
                Aspect::RolesRevoked => "user_revoked_role",
                Aspect::Suspended => "user_suspended",
            };
            (action, vec![account(id)])
        }
        Change::GroupAdded(id) => ("group_created", vec![Subject::Group(*id)]),
        Change::GroupRemoved(id) => ("group_deleted", vec![Subject::Group(*id)]),
        Change::GroupProfile(id) => ("group_updated", vec![Subject::Group(*id)]),
        Change::GroupGrants(id) => ("group_roles_changed", vec![Subject::Group(*id)]),
        Change::Joined(id, group) => ("user_added_to_group", vec![account(id), Subject::Group(*group)]),
        Change::Left(id, group) => ("user_removed_from_group", vec![account(id), Subject::Group(*group)]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_events_are_kept_and_ids_still_find_them() {
        let mut log = AuditLog::new(7);
        let group = Change::GroupAdded(Uuid::nil());
        for ms in 0..25_000 {
            log.record(std::slice::from_ref(&group), Origin::Api, ms, 0);
        }
        let visible = log.visible(i64::MAX);
        assert_eq!((visible.len(), visible[0].number), (KEPT, 5_001));
        assert_eq!(log.by_id(&log.id(5_001), i64::MAX).unwrap().number, 5_001);
        assert!(log.by_id(&log.id(5_000), i64::MAX).is_none());
        assert!(log.by_id("nothing", i64::MAX).is_none());
    }

    #[test]
    fn instants_of_processing_never_fall() {
        let mut log = AuditLog::new(7);
        let group = Change::GroupAdded(Uuid::nil());
        log.record(std::slice::from_ref(&group), Origin::Api, 1_000, 500);
        log.record(std::slice::from_ref(&group), Origin::Api, 1_001, 0);
        assert_eq!(log.visible(1_499).len(), 0);
        assert_eq!(log.visible(1_500).iter().map(|event| event.processed_ms).collect::<Vec<_>>(), [1_500, 1_500]);
    }

    #[test]
    fn every_action_is_listed() {
        let listed = |action: &str| ACTIONS.iter().any(|(id, _, _)| *id == action);
        let id: Arc<str> = "a".into();
        for change in [
            Change::AccountAdded(Arc::clone(&id)),
            Change::Account(Arc::clone(&id), Aspect::DeletionCancelled),
            Change::Account(Arc::clone(&id), Aspect::Restored),
            Change::GroupGrants(Uuid::nil()),
            Change::Left(id, Uuid::nil()),
        ] {
            assert!(listed(told(&change).unwrap().0), "{change:?}");
        }
    }
}
