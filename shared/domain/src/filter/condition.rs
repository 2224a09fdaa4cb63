//! Text to conditions.
//!
//! ```text
//! condition = key ":" value { "," value } | "inactive" [ ":" access ] ">" days | text
//! access    = value [ "@" value ]
//! role      = word [ "@" access ]
//! days      = number ( "d" | "w" )
//! value     = bare | '"' { any character, with \" for " and \\ for \ } '"'
//! ```

use std::str::FromStr;

use super::error::nearest;
use super::parse::{CONDITION, Parser};
use super::{Access, Billable, Claim, Condition, FilterError, Flag, GroupRef, Role, RoleAt, Status};
use crate::ids::GroupId;

/// What conditions begin with.
const KEYS: [&str; 11] =
    ["status", "claim", "product", "site", "role", "group", "domain", "directory", "inactive", "billable", "is"];

/// A value, and whether it stood in quotes.
struct Value {
    text: String,
    quoted: bool,
}

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Result<Condition, FilterError> {
        let start = self.at;
        let key = self.take_while(|letter| letter.is_ascii_alphabetic() || matches!(letter, '-' | '_'));
        if key.is_empty() || !matches!(self.peek(), Some(':' | '>' | '<' | '=')) {
            self.at = start;
            return self.search();
        }
        let Some(key) = KEYS.into_iter().find(|known| known.eq_ignore_ascii_case(key)) else {
            let near = nearest(key, KEYS).map(|near| format!("`{near}`, or ")).unwrap_or_default();
            let expected = format!("{near}one of {}; in quotes the words are searched for", KEYS.join(", "));
            return Err(self.wrong(start..start + key.len(), format!("there is no condition `{key}`"), expected));
        };
        if key == "inactive" {
            return self.inactive();
        }
        if !self.eat(':') {
            let operator = self.at..self.at + 1;
            return Err(self.wrong(operator, format!("`{key}` does not take this"), format!("`:` after `{key}`")));
        }
        Ok(match key {
            "status" => Condition::Status(self.list(|parser| parser.word("status", Status::ALL, Status::as_str))?),
            "claim" => Condition::Claim(self.list(|parser| parser.word("claim", Claim::ALL, Claim::as_str))?),
            "billable" => Condition::Billable(self.word("answer", Billable::ALL, Billable::as_str)?),
            "is" => Condition::Flag(self.word("property", Flag::ALL, Flag::as_str)?),
            "product" => Condition::Product(self.list(|parser| parser.access("a product, as `confluence`"))?),
            "role" => Condition::Role(self.list(Self::role)?),
            "group" => Condition::Group(self.list(Self::group)?),
            "site" => Condition::Site(self.list(|parser| Ok(parser.value("a site's name, address or id", "")?.text))?),
            "directory" => Condition::Directory(self.list(|parser| Ok(parser.value("a directory's name or id", "")?.text))?),
            _ => Condition::Domain(self.list(Self::domain)?),
        })
    }

    fn search(&mut self) -> Result<Condition, FilterError> {
        let start = self.at;
        let text = self.value(CONDITION, "<>=,")?.text;
        match self.peek() {
            Some(next @ ('<' | '>' | '=' | ',')) => {
                let place = self.at..self.at + next.len_utf8();
                Err(self.wrong(place, "this belongs to no condition", "words with such characters in quotes".to_owned()))
            }
            _ if self.at == start => Err(self.missing(CONDITION)),
            _ => Ok(Condition::Text(text)),
        }
    }

    fn inactive(&mut self) -> Result<Condition, FilterError> {
        let on = if self.eat(':') { Some(self.access("a product, as `inactive:confluence>90d`")?) } else { None };
        let at = self.at;
        if !self.eat('>') {
            let place = at..at + self.peek().filter(|next| !next.is_whitespace()).map_or(0, char::len_utf8);
            return Err(self.wrong(place, "how long is missing", "`>` and a number of days, as `inactive>90d`".to_owned()));
        }
        let start = self.at;
        let time = self.take_while(|letter| !letter.is_whitespace() && !matches!(letter, '(' | ')'));
        match time.parse() {
            Ok(longer_than) => Ok(Condition::Inactive { on, longer_than }),
            Err(remedy) => Err(self.wrong(start..self.at, "this is no length of time", remedy)),
        }
    }

    fn role(&mut self) -> Result<RoleAt, FilterError> {
        // The API's own form may be pasted.
        if self.rest().starts_with("atlassian/") {
            self.at += "atlassian/".len();
        }
        let role = self.word("role", Role::ALL, Role::as_str)?;
        let on = if self.eat('@') { Some(self.access("a product, as `role:admin@confluence`")?) } else { None };
        Ok(RoleAt { role, on })
    }

    fn access(&mut self, expected: &str) -> Result<Access, FilterError> {
        let product = self.value(expected, "@><=")?.text;
        let site = if self.eat('@') { Some(self.value("a site after `@`", "><=")?.text) } else { None };
        Ok(Access { product, site })
    }

    fn group(&mut self) -> Result<GroupRef, FilterError> {
        let value = self.value("a group's name or id; names with spaces in quotes", "")?;
        let id = if value.quoted { None } else { GroupId::parse(&value.text) };
        Ok(id.map_or(GroupRef::Name(value.text), GroupRef::Id))
    }

    fn domain(&mut self) -> Result<String, FilterError> {
        self.eat('@');
        let start = self.at;
        let domain = self.value("the part of an e-mail address after `@`", "")?.text.to_lowercase();
        if domain.contains(['@', ' ']) {
            let expected = "the part after `@`, as `example.com`".to_owned();
            return Err(self.wrong(start..self.at, "this is no domain", expected));
        }
        Ok(domain)
    }

    /// One of a closed set.
    fn word<T: FromStr + Copy>(&mut self, what: &str, all: &[T], spelling: fn(T) -> &'static str) -> Result<T, FilterError> {
        let known = || all.iter().map(|word| spelling(*word));
        let list = || known().collect::<Vec<_>>().join(", ");
        let start = self.at;
        let text = self.value(&format!("one of {}", list()), "@><=")?.text.to_lowercase();
        text.parse().map_err(|_unknown| {
            let near = nearest(&text, known()).map(|near| format!("`{near}`, or ")).unwrap_or_default();
            self.wrong(start..self.at, format!("there is no {what} `{text}`"), format!("{near}one of {}", list()))
        })
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, FilterError>) -> Result<Vec<T>, FilterError> {
        let mut items = vec![item(self)?];
        while self.eat(',') {
            items.push(item(self)?);
        }
        match self.peek() {
            Some(next) if !next.is_whitespace() && !matches!(next, '(' | ')') => {
                let place = self.at..self.at + next.len_utf8();
                Err(self.wrong(place, "this cannot follow", "a space, or `,` and a further value".to_owned()))
            }
            _ => Ok(items),
        }
    }

    /// A value that is not empty. Bare ones end before white space, `,`, parentheses, quotes and the characters of `ends`.
    fn value(&mut self, expected: &str, ends: &str) -> Result<Value, FilterError> {
        if self.peek() == Some('"') {
            return self.quoted(expected);
        }
        let bare = |letter: char| !letter.is_whitespace() && !matches!(letter, ',' | '(' | ')' | '"') && !ends.contains(letter);
        let text = self.take_while(bare).to_owned();
        if text.is_empty() { Err(self.missing(expected)) } else { Ok(Value { text, quoted: false }) }
    }

    fn quoted(&mut self, expected: &str) -> Result<Value, FilterError> {
        let start = self.at;
        self.eat('"');
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|letter| !matches!(letter, '"' | '\\')));
            if self.eat('"') {
                break;
            }
            if !self.eat('\\') {
                return Err(self.wrong(start..start + 1, "this quote is not closed", "`\"` after the words".to_owned()));
            }
            // Anything else after a backslash stays as it is, so that names with backslashes need no care.
            let escaped = ['"', '\\'].into_iter().find(|letter| self.eat(*letter));
            text.push(escaped.unwrap_or('\\'));
        }
        if text.is_empty() {
            return Err(self.wrong(start..self.at, "nothing is between these quotes", expected.to_owned()));
        }
        Ok(Value { text, quoted: true })
    }
}
