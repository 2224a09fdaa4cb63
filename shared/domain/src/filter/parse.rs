//! Text to tree: recursive descent over the text itself, since what a character means depends on where it stands.
//!
//! ```text
//! filter    = [ any ]
//! any       = all { "OR" all }
//! all       = not { [ "AND" ] not }
//! not       = ( "-" | "NOT" ) not | "(" any ")" | condition
//! ```
//!
//! What a condition is stands in `condition`; `docs/filters.md` has the whole grammar.

use std::ops::Range;
use std::str::FromStr;

use super::{DEPTH_MAX, Expression, Filter, FilterError, LENGTH_MAX};

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0 };
        if text.len() > LENGTH_MAX {
            return Err(parser.wrong(0..0, format!("{} bytes are too long", text.len()), format!("at most {LENGTH_MAX}")));
        }
        parser.skip_space();
        if parser.rest().is_empty() {
            return Ok(Self(None));
        }
        let expression = parser.any(0)?;
        if let Some(close) = parser.peek() {
            let place = parser.at..parser.at + close.len_utf8();
            return Err(parser.wrong(place, "there is no `(` for this", "a condition, `OR`, or the end".to_owned()));
        }
        Ok(Self(Some(expression)))
    }
}

/// Reads from `at`, a character border of the text.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

/// What may stand where a condition begins.
pub(super) const CONDITION: &str = "a condition such as `status:active`, or words to search for";

impl<'a> Parser<'a> {
    fn any(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut members = vec![self.all(depth)?];
        while self.keyword("or") {
            members.push(self.all(depth)?);
        }
        Expression::any(members).ok_or_else(|| self.missing(CONDITION))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, FilterError> {
        let mut members = vec![self.not(depth)?];
        loop {
            let said = self.keyword("and");
            if !said && (matches!(self.peek(), None | Some(')')) || self.at_keyword("or").is_some()) {
                break;
            }
            members.push(self.not(depth)?);
        }
        Expression::all(members).ok_or_else(|| self.missing(CONDITION))
    }

    fn not(&mut self, depth: usize) -> Result<Expression, FilterError> {
        self.skip_space();
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(self.wrong(start..start, "this nests too deep", format!("at most {DEPTH_MAX} levels")));
        }
        if self.eat('-') || self.keyword("not") {
            if self.rest().starts_with(char::is_whitespace) && self.text[start..self.at].starts_with('-') {
                return Err(self.wrong(start..self.at, "`-` stands alone", "what it excludes right after it".to_owned()));
            }
            return Ok(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.eat('(') {
            let inner = self.any(depth + 1)?;
            self.skip_space();
            if !self.eat(')') {
                let place = start..start + 1;
                return Err(self.wrong(place, "this `(` is not closed", "`)` after its conditions".to_owned()));
            }
            return Ok(inner);
        }
        match self.peek() {
            None => Err(self.missing(CONDITION)),
            Some(')') => Err(self.wrong(start..start + 1, "nothing stands before this `)`", CONDITION.to_owned())),
            Some(_) => match ["or", "and"].iter().find_map(|word| self.at_keyword(word)) {
                Some(word) => {
                    Err(self.wrong(word, "nothing stands before this word", format!("{CONDITION}; in quotes it is searched for")))
                }
                None => self.condition().map(Expression::Is),
            },
        }
    }

    /// The place of a keyword that stands here, in capitals or small letters, as a word of its own.
    fn at_keyword(&self, word: &str) -> Option<Range<usize>> {
        let end = self.at + word.len();
        let here = self.text.get(self.at..end)?;
        let ends = self.text[end..].chars().next().is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')' | '"'));
        (here.eq_ignore_ascii_case(word) && ends).then_some(self.at..end)
    }

    fn keyword(&mut self, word: &str) -> bool {
        self.skip_space();
        let Some(place) = self.at_keyword(word) else { return false };
        self.at = place.end;
        true
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    pub(super) fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Characters from here on that `belongs` accepts.
    pub(super) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !belongs(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn wrong(&self, place: Range<usize>, problem: impl Into<String>, expected: String) -> FilterError {
        FilterError { text: self.text.to_owned(), place, problem: problem.into(), expected }
    }

    /// Something is missing here.
    pub(super) fn missing(&self, expected: &str) -> FilterError {
        self.wrong(self.at..self.at, "something is missing", expected.to_owned())
    }
}
