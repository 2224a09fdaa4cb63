//! Where in a trace somebody asked from: the header `traceparent` of W3C Trace Context, version 00.

use std::fmt;
use std::str::FromStr;

/// `00-<trace id>-<span id>-<flags>`, in lower-case hexadecimal digits, neither id zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    trace: u128,
    span: u64,
    flags: u8,
}

/// A text that is no `traceparent` of version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent is written 00-<32 digits>-<16 digits>-<2 digits>, in hexadecimal, and neither id is zero")]
pub struct NoTraceparent;

impl Traceparent {
    /// The trace's id.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace.to_be_bytes()
    }

    /// The span's id.
    pub fn span_id(&self) -> [u8; 8] {
        self.span.to_be_bytes()
    }

    /// Bit 0: the trace is kept.
    pub fn flags(&self) -> u8 {
        self.flags
    }
}

impl FromStr for Traceparent {
    type Err = NoTraceparent;

    fn from_str(text: &str) -> Result<Self, NoTraceparent> {
        let digits = |text: &str, length| {
            let known = text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            known.then(|| u128::from_str_radix(text, 16).ok()).flatten().ok_or(NoTraceparent)
        };
        let parts: Vec<&str> = text.split('-').collect();
        let ["00", trace, span, flags] = parts[..] else { return Err(NoTraceparent) };
        let (trace, span, flags) = (digits(trace, 32)?, digits(span, 16)?, digits(flags, 2)?);
        if trace == 0 || span == 0 {
            return Err(NoTraceparent);
        }
        // As many digits as these types hold.
        let (span, flags) = (u64::try_from(span).map_err(|_| NoTraceparent)?, u8::try_from(flags).map_err(|_| NoTraceparent)?);
        Ok(Self { trace, span, flags })
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written_alike() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(text.parse::<Traceparent>().map(|read| read.to_string()), Ok(text.to_owned()));
    }

    #[test]
    fn anything_else_is_refused() {
        let zero = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        for text in ["", "00-1-2-3", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &zero] {
            assert_eq!(text.parse::<Traceparent>(), Err(NoTraceparent), "{text}");
        }
        assert!("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse::<Traceparent>().is_err());
    }
}
