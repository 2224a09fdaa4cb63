//! What is wrong with a filter's text, and where.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

/// A text that is no filter. Its `Display` is for people: what is wrong, the line of the text with the place marked, and what would
/// fit there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// The whole text.
    pub text: String,
    /// The bytes that are wrong; empty where something is missing. On character borders.
    pub place: Range<usize>,
    /// What is wrong, as half a sentence.
    pub problem: String,
    /// What would fit there.
    pub expected: String,
}

impl Display for FilterError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let before = self.text.get(..self.place.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let indent = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = self.text.get(self.place.clone()).unwrap_or_default().lines().next().unwrap_or_default().chars().count();
        writeln!(f, "{}, at character {} of the filter:", self.problem, before.chars().count() + 1)?;
        writeln!(f, "  {}", line.replace('\t', " "))?;
        writeln!(f, "  {}{}", " ".repeat(indent), "^".repeat(marked.max(1)))?;
        write!(f, "expected {}", self.expected)
    }
}

/// The word of `known` that is most like `word`, if one is like it at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let likeness = |other: &str| strsim::jaro_winkler(&word, &other.to_lowercase());
    let (best, candidate) = known.into_iter().map(|other| (likeness(other), other)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best >= 0.8).then_some(candidate)
}
