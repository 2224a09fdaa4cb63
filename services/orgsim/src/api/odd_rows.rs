//! Rows that say less, or something else, than the documents let expect. Ids stay: a row without one is no row.

use rand::seq::{IteratorRandom, index};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use crate::faults::Quirk;

/// One of so many rows of an answer is odd, and at least one.
const ONE_OF: usize = 20;
/// What no row loses: what says which row it is, and how to go on.
const KEPT: [&str; 8] = ["id", "accountId", "account_id", "directoryId", "resourceId", "type", "key", "links"];
/// What a row has at all times, and never as null.
const NEVER_NULL: [&str; 6] = ["status", "accountStatus", "membershipStatus", "claimStatus", "managedBy", "counts"];
/// Words from lists that the documents give.
const WORDS: [&str; 8] = [
    "accountType",
    "status",
    "accountStatus",
    "membershipStatus",
    "claimStatus",
    "managementSource",
    "managedBy",
    "resourceOwner",
];

/// Makes some rows of an answer odd, in the way of the quirk; which rows and properties is drawn from `draw`.
pub(super) fn spoil(answer: &mut Value, quirk: Quirk, draw: u64) {
    if quirk == Quirk::OddTypes {
        return as_texts(answer);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(draw);
    let Some(rows) = answer.get_mut("data").and_then(Value::as_array_mut) else { return };
    let odd = rows.len().div_ceil(ONE_OF);
    for at in index::sample(&mut rng, rows.len(), odd) {
        let Some(row) = rows[at].as_object_mut() else { continue };
        match quirk {
            Quirk::MissingFields => {
                if let Some(name) = any(row, &mut rng, |name| !KEPT.contains(&name)) {
                    row.remove(&name);
                }
            }
            Quirk::NullFields => {
                if let Some(name) = any(row, &mut rng, |name| NEVER_NULL.contains(&name)) {
                    row.insert(name, Value::Null);
                }
            }
            Quirk::UnknownWords => {
                if let Some(name) = any(row, &mut rng, |name| WORDS.contains(&name)) {
                    row.insert(name, Value::String(format!("unheard-of-{}", rng.random_range(0..10))));
                }
            }
            _ => {}
        }
    }
}

/// Any of a row's properties that has a value and a name that will do.
fn any(row: &Map<String, Value>, rng: &mut ChaCha8Rng, will_do: impl Fn(&str) -> bool) -> Option<String> {
    row.iter().filter(|(name, value)| !value.is_null() && will_do(name)).map(|(name, _)| name.clone()).choose(rng)
}

/// Every flag and number of an answer as a text.
fn as_texts(value: &mut Value) {
    match value {
        Value::Bool(_) | Value::Number(_) => *value = Value::String(value.to_string()),
        Value::Array(values) => values.iter_mut().for_each(as_texts),
        Value::Object(fields) => fields.values_mut().for_each(as_texts),
        Value::Null | Value::String(_) => {}
    }
}
