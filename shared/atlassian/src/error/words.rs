//! What the API itself says about an error, in whichever of its shapes.
//!
//! Gateway, routing layer, API and proxies each have their own; a body that fits none is kept as text, since it may be all there
//! is to tell a person.

use std::fmt;

use serde::Deserialize;

/// How much of a body of no known shape is kept.
const RAW_CHARS_MAX: usize = 500;

/// The API's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiWords {
    /// The machine-readable code: `ADMIN-400-1`, `forbidden.insufficientScope`, `401`.
    pub code: Option<String>,
    /// The text for people, or the first 500 characters of a body of no known shape.
    pub text: Option<String>,
}

impl ApiWords {
    /// Reads any body, of any shape, or none.
    pub fn read(body: &[u8]) -> Self {
        let shape = serde_json::from_slice::<Shape>(body).ok();
        shape.map(Shape::into_words).filter(|words| *words != Self::default()).unwrap_or_else(|| Self::raw(body))
    }

    /// Whether they are about a cursor. `ADMIN-400-1` says so where a cursor was sent; without one it means other things.
    pub(crate) fn speak_of_cursor(&self) -> bool {
        let mentions = |text: &Option<String>| text.as_ref().is_some_and(|text| text.to_ascii_lowercase().contains("cursor"));
        self.code.as_deref() == Some("ADMIN-400-1") || mentions(&self.code) || mentions(&self.text)
    }

    fn raw(body: &[u8]) -> Self {
        let text: String = String::from_utf8_lossy(body).trim().chars().take(RAW_CHARS_MAX).collect();
        Self { code: None, text: Some(text).filter(|text| !text.is_empty()) }
    }
}

impl fmt::Display for ApiWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.text, &self.code) {
            (Some(text), Some(code)) => write!(f, "\"{text}\" ({code})"),
            (Some(text), None) => write!(f, "\"{text}\""),
            (None, Some(code)) => f.write_str(code),
            (None, None) => f.write_str("it gave no reason"),
        }
    }
}

/// All shapes at once: they share no property with different meanings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    errors: Option<Vec<Shape>>,
    code: Option<Word>,
    key: Option<Word>,
    title: Option<Word>,
    detail: Option<Word>,
    error_detail: Option<Word>,
    message: Option<Word>,
    error: Option<Word>,
}

impl Shape {
    fn into_words(mut self) -> ApiWords {
        // The first of several decides; more than one has not been seen.
        if let Some(first) = self.errors.take().and_then(|errors| errors.into_iter().next()) {
            return first.into_words();
        }
        let [title, detail] = [self.title, self.detail.or(self.error_detail)].map(|word| word.and_then(Word::into_text));
        let text = match (title, detail) {
            (Some(title), Some(detail)) if title != detail => Some(format!("{title}: {detail}")),
            (title, detail) => detail.or(title),
        };
        let spoken = || self.message.and_then(Word::into_text).or_else(|| self.error.and_then(Word::into_text));
        ApiWords { code: self.code.or(self.key).and_then(Word::into_text), text: text.or_else(spoken) }
    }
}

/// A text, or a number where a text is documented; whatever else, it is no word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Number(i64),
    Other(serde::de::IgnoredAny),
}

impl Word {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text).filter(|text| !text.trim().is_empty()),
            Self::Number(number) => Some(number.to_string()),
            Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, code: Option<&str>, text: Option<&str>) {
        let expected = ApiWords { code: code.map(str::to_owned), text: text.map(str::to_owned) };
        assert_eq!(ApiWords::read(body.as_bytes()), expected, "{body}");
    }

    #[test]
    fn every_family_is_read() {
        check(
            r#"{"errors":[{"id":"1","status":"400","code":"ADMIN-400-1","title":"Bad cursor","detail":"It is stale"}]}"#,
            Some("ADMIN-400-1"),
            Some("Bad cursor: It is stale"),
        );
        check(r#"{"errors":[{"status":404,"code":"ADMIN-404-10","title":"No group"}]}"#, Some("ADMIN-404-10"), Some("No group"));
        check(r#"{"code":401,"message":"Unauthorized"}"#, Some("401"), Some("Unauthorized"));
        check(
            r#"{"timestamp":"2026-08-31T15:42:56.847+00:00","path":"/x","status":404,"error":"Not Found","requestId":"r","message":"TCS validation failed"}"#,
            None,
            Some("TCS validation failed"),
        );
        check(
            r#"{"id":"1","status":"400","code":"ADMIN-400-24","title":"Body","detail":"Body"}"#,
            Some("ADMIN-400-24"),
            Some("Body"),
        );
        check(
            r#"{"key":"forbidden.insufficientScope","context":{"a":1},"errorDetail":"needs manage:org"}"#,
            Some("forbidden.insufficientScope"),
            Some("needs manage:org"),
        );
    }

    #[test]
    fn what_fits_no_family_is_kept_as_text() {
        check("", None, None);
        check("{}", None, Some("{}"));
        check("[1]", None, Some("[1]"));
        check(r#"{"errors":null,"message":"No"}"#, None, Some("No"));
        check("<html>Bad gateway</html>", None, Some("<html>Bad gateway</html>"));
        assert_eq!(ApiWords::read("ä".repeat(9000).as_bytes()).text.map(|text| text.chars().count()), Some(500));
    }

    #[test]
    fn a_cursor_is_spoken_of_by_code_or_by_word() {
        assert!(ApiWords::read(br#"{"errors":[{"code":"ADMIN-400-1"}]}"#).speak_of_cursor());
        assert!(ApiWords::read(br#"{"errors":[{"code":"X","detail":"The Cursor is invalid"}]}"#).speak_of_cursor());
        assert!(!ApiWords::read(br#"{"errors":[{"code":"ADMIN-400-24","detail":"body"}]}"#).speak_of_cursor());
    }
}
