//! What planning found: the partitions of a run and the counts it started from.

use serde::{Deserialize, Serialize};

use crate::partition::Partition;
use crate::query::{GroupFilter, UserFilter};

/// The plan of a full run, stored with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Users counted at planning.
    pub users: u64,
    /// Groups counted at planning.
    pub groups: u64,
    /// Partitions of users; numbered from 0 in this order.
    pub user_partitions: Vec<Partition<UserFilter>>,
    /// Partitions of groups; numbered on from the last of users.
    pub group_partitions: Vec<Partition<GroupFilter>>,
}

/// A partition of either kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PartitionRef<'a> {
    /// Of users.
    Users(&'a Partition<UserFilter>),
    /// Of groups.
    Groups(&'a Partition<GroupFilter>),
}

impl Plan {
    /// The partition with that number.
    pub fn partition(&self, number: i32) -> Option<PartitionRef<'_>> {
        let number = usize::try_from(number).ok()?;
        if let Some(users) = self.user_partitions.get(number) {
            return Some(PartitionRef::Users(users));
        }
        self.group_partitions.get(number - self.user_partitions.len()).map(PartitionRef::Groups)
    }

    /// How many partitions there are.
    pub fn len(&self) -> usize {
        self.user_partitions.len() + self.group_partitions.len()
    }

    /// Whether nothing was planned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PartitionRef<'_> {
    /// Rows expected.
    pub fn expected(&self) -> u64 {
        match self {
            Self::Users(partition) => partition.expected,
            Self::Groups(partition) => partition.expected,
        }
    }

    /// Whether it is read from both ends.
    pub fn two_ended(&self) -> bool {
        match self {
            Self::Users(partition) => partition.two_ended,
            Self::Groups(partition) => partition.two_ended,
        }
    }
}
