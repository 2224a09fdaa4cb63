//! Lists: their rows and the way to the next page.

use reqwest::Url;
use serde::Deserialize;

use crate::error::Flaw;

/// `data` and `links`, as every list has them.
#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    data: Vec<T>,
    links: Option<Links>,
}

#[derive(Deserialize)]
pub(crate) struct Links {
    next: Option<String>,
}

impl Links {
    /// The cursor of the next page, if it is another than the one just sent.
    pub(crate) fn next_after(links: Option<Self>, cursor: Option<&str>) -> Result<Option<String>, Flaw> {
        let next = match links.and_then(|links| links.next) {
            Some(link) => token(link)?,
            None => None,
        };
        if next.is_some() && next.as_deref() == cursor {
            return Err(Flaw::CursorLoop);
        }
        Ok(next)
    }
}

/// What every count answers.
#[derive(Deserialize)]
pub(crate) struct Count {
    #[serde(deserialize_with = "super::told::count")]
    pub(crate) count: u64,
}

impl<T> Envelope<T> {
    /// Rows and next cursor, if this is the page asked for with this limit after this cursor.
    pub(crate) fn into_parts(self, limit: u32, cursor: Option<&str>) -> Result<(Vec<T>, Option<String>), Flaw> {
        let (asked, got) = (limit as usize, self.data.len());
        if got > asked {
            return Err(Flaw::PageTooLarge { asked, got });
        }
        Ok((self.data, Links::next_after(self.links, cursor)?))
    }
}

/// The cursor in a link that is either the cursor itself or a URL with it. Empty means the end.
fn token(link: String) -> Result<Option<String>, Flaw> {
    if link.is_empty() {
        return Ok(None);
    }
    // Only a URL that says so is one: a token may hold slashes, also as its first character.
    if !link.starts_with("https://") && !link.starts_with("http://") {
        return Ok(Some(link));
    }
    let url = Url::parse(&link).map_err(|_| Flaw::NextWithoutCursor)?;
    let cursor = url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned());
    // Taking such a link as the end would silently lose every page but the first.
    cursor.filter(|cursor| !cursor.is_empty()).map(Some).ok_or(Flaw::NextWithoutCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(links: &str, expected: Result<Option<&str>, Flaw>) {
        let body = format!(r#"{{"data":[1,2]{links}}}"#);
        let page: Envelope<u8> = serde_json::from_str(&body).unwrap();
        let next = page.into_parts(2, Some("sent")).map(|(_, next)| next);
        assert_eq!(next, expected.map(|next| next.map(str::to_owned)), "{links}");
    }

    #[test]
    fn the_next_page_is_found_in_every_form() {
        check("", Ok(None));
        check(r#","links":null"#, Ok(None));
        check(r#","links":{"self":"a"}"#, Ok(None));
        check(r#","links":{"next":null}"#, Ok(None));
        check(r#","links":{"next":""}"#, Ok(None));
        check(r#","links":{"next":"/eyJ+a/b.c=="}"#, Ok(Some("/eyJ+a/b.c==")));
        check(r#","links":{"next":"https://api.example.com/x?a=1&cursor=a%2Bb%3D"}"#, Ok(Some("a+b=")));
    }

    #[test]
    fn a_page_that_leads_nowhere_is_refused() {
        check(r#","links":{"next":"sent"}"#, Err(Flaw::CursorLoop));
        check(r#","links":{"next":"https://api.example.com/x?cursor=sent"}"#, Err(Flaw::CursorLoop));
        check(r#","links":{"next":"https://api.example.com/x"}"#, Err(Flaw::NextWithoutCursor));
    }

    #[test]
    fn a_page_larger_than_asked_is_refused() {
        let page = Envelope { data: vec![1, 2, 3], links: None };
        assert_eq!(page.into_parts(2, None), Err(Flaw::PageTooLarge { asked: 2, got: 3 }));
    }
}
