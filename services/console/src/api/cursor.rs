//! Where a list goes on. Opaque to whoever asks, so that what it is made of may change.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::problem::Problem;

/// The cursor after the row of that key.
pub(crate) fn after(key: i32) -> String {
    URL_SAFE_NO_PAD.encode(key.to_le_bytes())
}

/// The key that a cursor stands for.
pub(crate) fn read(cursor: &str) -> Result<i32, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    let key = bytes.map(i32::from_le_bytes).filter(|key| *key > 0);
    key.ok_or_else(|| Problem::unreadable("`cursor` is none that this console gave; begin again without one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_and_nothing_else_does() {
        assert_eq!(read(&after(120_000)).ok(), Some(120_000));
        for wrong in ["", "AAAA", "7", &after(-1), "ÄÖ"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
