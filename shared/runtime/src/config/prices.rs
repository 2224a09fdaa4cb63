//! What seats cost, to say what unused ones would save.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Section `prices`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// Shown behind sums: `EUR`. No conversion is made.
    pub currency: Option<String>,
    /// Price of one seat by product, in the API's words (`confluence`, `jira-software`), for whatever period you pay: sums are for the
    /// same period. A product without a price has no savings.
    pub per_seat: BTreeMap<String, Price>,
}

/// A price, 0 or more.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Price(pub f64);

impl TryFrom<f64> for Price {
    type Error = String;

    fn try_from(price: f64) -> Result<Self, String> {
        if price.is_finite() && price >= 0.0 {
            Ok(Self(price))
        } else {
            Err(format!("{price} is no price; write 0 or more, as 5.50"))
        }
    }
}

impl From<Price> for f64 {
    fn from(price: Price) -> Self {
        price.0
    }
}
