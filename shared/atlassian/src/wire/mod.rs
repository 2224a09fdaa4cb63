//! The API's JSON, and nothing of it outside this folder: what leaves is made of domain types.
//!
//! Read straight from bytes into structs. Nothing is required but ids, what a grant grants and whether groups were expanded; unknown
//! properties are skipped and unknown words kept. What single rows of users and groups leave out is named with them (`told`).

use serde::de::DeserializeOwned;

use crate::error::Flaw;

pub(crate) mod account;
pub(crate) mod activity;
pub(crate) mod event;
pub(crate) mod filter;
pub(crate) mod group;
mod lenient;
pub(crate) mod organisation;
pub(crate) mod page;
pub(crate) mod policy;
pub(crate) mod search;
pub(crate) mod time;
mod told;
pub(crate) mod user;
pub(crate) mod user_role;

/// A body that is not what was asked for.
pub(crate) enum Unread {
    /// It ends before its JSON does: the rest was lost on the way.
    Truncated(serde_json::Error),
    /// It is whole and wrong.
    Flawed(Flaw),
}

/// Reads a whole body.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unread> {
    serde_json::from_slice(body)
        .map_err(|error| if error.is_eof() { Unread::Truncated(error) } else { Unread::Flawed(where_wrong::<T>(body, &error)) })
}

/// The hash of a sort key exactly as listed. Only ever compared with others of the same kind: two ends of a list meet by it.
fn sort_hash(name: &str) -> i64 {
    xxhash_rust::xxh3::xxh3_64(name.as_bytes()).cast_signed()
}

/// Reads again, slowly, to learn the place. The parser's own message is left out, because it quotes values.
fn where_wrong<T: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> Flaw {
    let traced: Result<T, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body));
    let path = traced.err().map(|traced| traced.path().to_string()).filter(|path| path != ".");
    Flaw::Unreadable { path: path.unwrap_or_else(|| "the top".to_owned()), line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::page::Envelope;
    use crate::wire::user::User;

    fn flaw(body: &str) -> Option<Flaw> {
        match read::<Envelope<User>>(body.as_bytes()) {
            Err(Unread::Flawed(flaw)) => Some(flaw),
            _ => None,
        }
    }

    #[test]
    fn a_wrong_answer_is_placed_without_being_quoted() {
        let flaw = flaw(r#"{"data":[{"accountId":"a","groups":"Ada"}]}"#).unwrap();
        assert_eq!(flaw.to_string(), "unreadable at data[0].groups (line 1, column 40)");
    }

    #[test]
    fn html_is_flawed_and_a_cut_is_truncated() {
        assert!(flaw("<html></html>").is_some());
        assert!(flaw(r#"{"rows":[]}"#).is_some(), "no data at all is no empty page");
        for cut in ["", r#"{"data":["#, r#"{"data":[{"accountId":"a"#] {
            assert!(matches!(read::<Envelope<User>>(cut.as_bytes()), Err(Unread::Truncated(_))), "{cut}");
        }
    }
}
