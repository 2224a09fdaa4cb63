//! Guards a walk through a list against going in circles. Pure.

use std::collections::HashSet;

use crate::error::Flaw;

/// The cursors of one walk. One call alone sees only that a page leads to itself; a longer circle shows here.
#[derive(Clone, Debug, Default)]
pub struct CursorTrail {
    /// Hashes: cursors are long, and a walk may have thousands. That two share a hash is no concern of a single walk.
    seen: HashSet<u64>,
}

impl CursorTrail {
    /// The next cursor, if the walk has not been there.
    pub fn follow(&mut self, next: Option<String>) -> Result<Option<String>, Flaw> {
        match next {
            Some(cursor) if !self.seen.insert(xxhash_rust::xxh3::xxh3_64(cursor.as_bytes())) => Err(Flaw::CursorLoop),
            next => Ok(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_any_length_is_seen() {
        let mut trail = CursorTrail::default();
        for cursor in ["a", "b", "c"] {
            assert_eq!(trail.follow(Some(cursor.into())), Ok(Some(cursor.into())));
        }
        assert_eq!(trail.follow(None), Ok(None));
        assert_eq!(trail.follow(Some("a".into())), Err(Flaw::CursorLoop));
    }
}
