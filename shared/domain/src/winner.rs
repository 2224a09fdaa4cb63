//! Which observation a row holds.
//!
//! A greater instant wins, whole. A page that found nothing to change leaves no trace, unless somebody's gate could open on an
//! older answer that is still on its way: then the page writes the row although it is equal (a stamp).

use crate::ids::Instant;

/// The row as it stands, compared with what arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Instant of the observation that the row holds.
    pub observed: Instant,
    /// Whether what arrives says something else, presence included.
    pub differs: bool,
}

/// Who brings an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A look-up by id: always leaves its instant.
    LookUp,
    /// A page.
    Page {
        /// The row is the subject of a look-up that is pending, of a run that has not ended.
        awaited: bool,
        /// Watermark of the page's run.
        watermark: Instant,
    },
}

/// Whether an observation with instant `incoming` is written over the row (`None`: the mirror has no row).
pub fn wins(stored: Option<Stored>, incoming: Instant, source: Source) -> bool {
    let Some(row) = stored else { return true };
    if incoming <= row.observed {
        return false;
    }
    match source {
        Source::LookUp => true,
        Source::Page { awaited, watermark } => row.differs || awaited || row.observed >= watermark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(awaited: bool) -> Source {
        Source::Page { awaited, watermark: Instant(9) }
    }

    #[test]
    fn an_older_observation_never_wins() {
        let row = Stored { observed: Instant(10), differs: true };
        assert!(!wins(Some(row), Instant(10), Source::LookUp));
        assert!(!wins(Some(row), Instant(7), page(true)));
    }

    #[test]
    fn an_equal_page_writes_nothing_unless_somebody_waits() {
        let row = Stored { observed: Instant(5), differs: false };
        assert!(!wins(Some(row), Instant(10), page(false)));
        assert!(wins(Some(row), Instant(10), page(true)));
        assert!(wins(Some(row), Instant(10), Source::LookUp));
    }

    #[test]
    fn a_page_stamps_what_others_wrote_during_its_run() {
        let row = Stored { observed: Instant(9), differs: false };
        assert!(wins(Some(row), Instant(10), page(false)));
    }

    proptest::proptest! {
        /// In whatever order observations arrive, the row never goes back behind the newest look-up.
        #[test]
        fn rows_never_go_back(arrivals in proptest::collection::vec((1i64..50, 0u8..4), 1..30)) {
            let mut row: Option<(i64, u8)> = None;
            let mut newest_lookup = 0;
            for (instant, kind) in arrivals {
                let value = u8::from(instant % 3 == 0);
                let stored = row.map(|(observed, held)| Stored { observed: Instant(observed), differs: held != value });
                let source = if kind == 0 { Source::LookUp } else { Source::Page { awaited: kind == 1, watermark: Instant(20) } };
                if wins(stored, Instant(instant), source) {
                    row = Some((instant, value));
                }
                if kind == 0 { newest_lookup = newest_lookup.max(instant); }
                assert!(row.is_some_and(|(observed, _)| observed >= newest_lookup));
            }
        }
    }
}
