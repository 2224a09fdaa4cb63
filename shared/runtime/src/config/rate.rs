//! A rate of calls, as people write it.

use serde::{Deserialize, Serialize};

/// So many calls a minute: `200/min`, `5/s`, or a bare number a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub struct Rate {
    /// Calls a minute, at least 1.
    pub per_minute: u32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u32),
    Text(String),
}

impl TryFrom<Written> for Rate {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(per_minute) => Self::of(per_minute).ok_or_else(|| "a rate must be at least 1/min".to_owned()),
            Written::Text(text) => text.parse(),
        }
    }
}

impl Rate {
    fn of(per_minute: u32) -> Option<Self> {
        (per_minute > 0).then_some(Self { per_minute })
    }
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once('/').unwrap_or((text, "min"));
        let factor = match unit.trim() {
            "s" | "sec" => Some(60),
            "min" | "m" => Some(1),
            _ => None,
        };
        let number = number.trim().parse::<u32>().ok();
        number
            .zip(factor)
            .and_then(|(number, factor)| number.checked_mul(factor))
            .and_then(Self::of)
            .ok_or_else(|| format!("{text:?} is no rate; write 200/min or 5/s"))
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        format!("{}/min", rate.per_minute)
    }
}
