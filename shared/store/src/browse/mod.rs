//! What the console shows: lists that feel instant, and pages of one user, group or run.
//!
//! A list is made once: the keys of all its rows, in order, kept in memory while the mirror says the same ([`remembered`]). A page
//! then costs a slice of it and a look-up of its rows by key, whatever the filter and the order; the total is exact; and somebody who
//! pages on stays in the list that the first page came from. The tables that syncs write need no index for any order.
//!
//! Invariants
//! - A list says of which moment it is, and is never older than [`LIST_GRACE`] once the mirror has changed.
//! - Rows themselves are read when a page is drawn; one that left the mirror meanwhile is not shown.
//! - What leaves this crate names accounts and groups by the API's ids.

pub mod changes;
pub mod dashboard;
pub mod groups;
pub mod places;
pub mod pulse;
mod remembered;
pub mod run;
pub mod trend;
pub mod user;
pub mod users;

use std::time::Duration;

use chrono::{DateTime, Utc};
use orgmirror_domain::listing::Direction;

use remembered::{Remembered, Weight};

/// How old a list may be while runs write.
const LIST_GRACE: Duration = Duration::from_secs(10);
/// How old figures may be while runs write: they cost a second of a processor.
const FIGURES_GRACE: Duration = Duration::from_secs(60);

/// What a store remembers for those who browse.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Keys of lists, in order. Four bytes each: at most 24 MB of users and 8 MB of groups.
    groups: Remembered<Vec<i32>>,
    users: Remembered<users::Listed>,
    figures: Remembered<std::sync::Arc<dashboard::Figures>>,
}

impl Weight for Vec<i32> {
    fn weight(&self) -> usize {
        // A short list has a question and a lock, too.
        self.len().max(200)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            users: Remembered::new(6_000_000, LIST_GRACE),
            groups: Remembered::new(2_000_000, LIST_GRACE),
            figures: Remembered::new(32, FIGURES_GRACE),
        }
    }
}

/// Where in a list a page begins. Positions count from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// With the first row.
    #[default]
    Start,
    /// At that position, by number.
    At(usize),
    /// After the row of this id; if that has left the list, at the position that it led to.
    After {
        /// The API's id.
        id: String,
        /// Where the page began when it was there.
        at: usize,
    },
    /// So that it ends before the row of this id.
    Before {
        /// The API's id.
        id: String,
        /// That row's position when it was there.
        at: usize,
    },
}

/// Which part of a list a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Position of the first row.
    pub first: usize,
    /// Rows of the page, as long as none left the mirror.
    pub rows: usize,
    /// Rows of the whole list.
    pub total: usize,
    /// The list was true at this moment.
    pub as_of: DateTime<Utc>,
}

impl Window {
    /// Whether rows stand before the page.
    pub fn has_before(self) -> bool {
        self.first > 0
    }

    /// Whether rows stand after it.
    pub fn has_after(self) -> bool {
        self.first + self.rows < self.total
    }
}

/// The part of `keys` that begins at `place` and has at most `limit` rows. `anchor` is the key of the place's id, where it has one. Lists
/// are kept with the least first; a descending page reads them from the end.
fn window(
    keys: &[i32],
    direction: Direction,
    place: &Place,
    anchor: Option<i32>,
    limit: usize,
    as_of: DateTime<Utc>,
) -> (Window, Vec<i32>) {
    let total = keys.len();
    let turned = |position: usize| match direction {
        Direction::Ascending => position,
        Direction::Descending => total - 1 - position,
    };
    let found = || anchor.and_then(|anchor| keys.iter().position(|key| *key == anchor)).map(turned);
    let first = match place {
        Place::Start => 0,
        Place::At(at) => *at,
        Place::After { at, .. } => found().map_or(*at, |position| position + 1),
        Place::Before { at, .. } => found().unwrap_or(*at).saturating_sub(limit),
    };
    let first = if first < total { first } else { total.saturating_sub(limit) };
    let rows = limit.min(total - first);
    let part = (first..first + rows).map(|position| keys[turned(position)]).collect();
    (Window { first, rows, total, as_of }, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(direction: Direction, place: &Place, anchor: Option<i32>) -> (usize, Vec<i32>) {
        let (window, keys) = window(&[10, 20, 30, 40, 50], direction, place, anchor, 2, DateTime::UNIX_EPOCH);
        (window.first, keys)
    }

    #[test]
    fn paging_forward_and_back_meets_every_row_once() {
        use Direction::{Ascending, Descending};
        let after = |at| Place::After { id: String::new(), at };
        let before = |at| Place::Before { id: String::new(), at };
        assert_eq!(page(Ascending, &Place::Start, None), (0, vec![10, 20]));
        assert_eq!(page(Ascending, &after(2), Some(20)), (2, vec![30, 40]));
        assert_eq!(page(Ascending, &after(4), Some(40)), (4, vec![50]));
        assert_eq!(page(Ascending, &before(2), Some(30)), (0, vec![10, 20]));
        assert_eq!(page(Descending, &Place::Start, None), (0, vec![50, 40]));
        assert_eq!(page(Descending, &after(2), Some(40)), (2, vec![30, 20]));
        assert_eq!(page(Descending, &before(4), Some(10)), (2, vec![30, 20]));
    }

    #[test]
    fn a_row_that_left_the_list_leaves_its_position() {
        let place = Place::After { id: String::new(), at: 2 };
        assert_eq!(page(Direction::Ascending, &place, Some(99)), (2, vec![30, 40]));
        // Rows that came before it moved it; the page follows the row and not the number.
        assert_eq!(page(Direction::Ascending, &place, Some(10)), (1, vec![20, 30]));
    }

    #[test]
    fn a_place_behind_the_end_shows_the_last_rows() {
        assert_eq!(page(Direction::Ascending, &Place::At(40), None), (3, vec![40, 50]));
        assert_eq!(window(&[], Direction::Descending, &Place::Start, None, 2, DateTime::UNIX_EPOCH).1, Vec::<i32>::new());
    }
}
