//! Steps of a random story.

use proptest::prelude::*;

/// A step of the story; numbers choose among what there is at that moment.
#[derive(Clone, Debug)]
pub enum Step {
    /// An account is created or renamed.
    Put(u8, u8),
    /// An account leaves.
    Leave(u8),
    /// A full run is requested and, if it may, started and planned.
    Full,
    /// A scoped run over two accounts is requested and started.
    Scoped(u8, u8),
    /// A run over a group is requested and started; everybody is a member.
    Group,
    /// Somebody draws the instant of a pending job's read. Any number of readers may have the same job.
    Draw(u8),
    /// A reader that has drawn reads the world.
    Read(u8),
    /// A reader that has read commits.
    Commit(u8),
    /// A reader dies.
    Die(u8),
    /// A cursor is found expired.
    Expire(u8),
    /// A coordinator tries to move a run on, or to sweep it.
    Advance(u8),
    /// A person approves what a run would hide.
    Approve(u8),
    /// A person cancels a run.
    Cancel(u8),
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), any::<u8>()).prop_map(|(who, name)| Step::Put(who, name)),
        3 => any::<u8>().prop_map(Step::Leave),
        2 => Just(Step::Full),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(one, other)| Step::Scoped(one, other)),
        2 => Just(Step::Group),
        12 => any::<u8>().prop_map(Step::Draw),
        12 => any::<u8>().prop_map(Step::Read),
        12 => any::<u8>().prop_map(Step::Commit),
        1 => any::<u8>().prop_map(Step::Die),
        1 => any::<u8>().prop_map(Step::Expire),
        8 => any::<u8>().prop_map(Step::Advance),
        1 => any::<u8>().prop_map(Step::Approve),
        1 => any::<u8>().prop_map(Step::Cancel),
    ]
}
