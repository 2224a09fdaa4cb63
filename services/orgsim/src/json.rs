//! JSON by hand, into one growing text.
//!
//! A page of users is some 350 KB. Going through a tree of values would make the simulator the slowest part of a sync.

use uuid::Uuid;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A string with its quotes.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        // Only ASCII is ever replaced, so both ends of the slice are borders of characters.
        out.push_str(&text[from..at]);
        from = at + 1;
        if escape.is_empty() {
            out.push_str("\\u00");
            out.push(HEX[usize::from(byte >> 4)].into());
            out.push(HEX[usize::from(byte & 15)].into());
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// A string with its quotes, or null.
pub(crate) fn push_optional(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => push_text(out, text),
        None => out.push_str("null"),
    }
}

/// `,"key":"text"` or `,"key":null`; the key needs no escape.
pub(crate) fn push_field(out: &mut String, key: &str, text: Option<&str>) {
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
    push_optional(out, text);
}

/// `,"key":true` or false.
pub(crate) fn push_flag(out: &mut String, key: &str, flag: bool) {
    out.push_str(",\"");
    out.push_str(key);
    out.push_str(if flag { "\":true" } else { "\":false" });
}

/// A UUID with hyphens, no quotes.
pub(crate) fn push_uuid(out: &mut String, id: Uuid) {
    out.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

/// The 16 hexadecimal digits of a number.
pub(crate) fn push_hex(out: &mut String, number: u64) {
    for shift in (0..16).rev() {
        out.push(HEX[usize::try_from(number >> (shift * 4) & 15).unwrap_or_default()].into());
    }
}

/// A count in decimal.
pub(crate) fn push_count(out: &mut String, count: usize) {
    push_padded(out, i64::try_from(count).unwrap_or(i64::MAX), 1);
}

/// A number that isn't negative in decimal, with at least so many digits.
pub(crate) fn push_padded(out: &mut String, number: i64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = number.max(0);
    while rest > 0 || digits.len() - at < width.max(1) {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    for digit in &digits[at..] {
        out.push(char::from(*digit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back_as_it_was() {
        for text in ["", "plain", "\"q\" \\ \n\r\t\u{1}\u{1f}", "Ωλ 🦀 שלום", "<script>alert('x')</script>"] {
            let mut out = String::new();
            push_text(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn numbers_keep_their_width() {
        let mut out = String::new();
        push_padded(&mut out, 7, 3);
        push_padded(&mut out, 0, 1);
        push_count(&mut out, 1234);
        assert_eq!(out, "00701234");
    }
}
