//! What changed between two observations of one thing.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

/// Fields whose values differ, as `{"field": [old, new]}`. A field that one side lacks counts as null there.
pub fn changed_fields(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    names
        .filter_map(|name| {
            let (before, after) = (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
            (before != after).then(|| (name.clone(), json!([before, after])))
        })
        .collect()
}

/// What `new` has and `old` has not, and the other way round. Both must be sorted and without repeats.
pub fn added_and_removed<T: Ord + Copy>(old: &[T], new: &[T]) -> (Vec<T>, Vec<T>) {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    let (mut at_old, mut at_new) = (0, 0);
    loop {
        match (old.get(at_old), new.get(at_new)) {
            (None, None) => return (added, removed),
            (Some(gone), None) => {
                removed.push(*gone);
                at_old += 1;
            }
            (None, Some(joined)) => {
                added.push(*joined);
                at_new += 1;
            }
            (Some(before), Some(after)) => match before.cmp(after) {
                Ordering::Less => {
                    removed.push(*before);
                    at_old += 1;
                }
                Ordering::Greater => {
                    added.push(*after);
                    at_new += 1;
                }
                Ordering::Equal => {
                    at_old += 1;
                    at_new += 1;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    proptest::proptest! {
        /// Applying a difference to the old set gives the new one, and nothing is both added and removed.
        #[test]
        fn a_difference_leads_from_old_to_new(old: BTreeSet<i32>, new: BTreeSet<i32>) {
            let (before, after): (Vec<_>, Vec<_>) = (old.iter().copied().collect(), new.iter().copied().collect());
            let (added, removed) = added_and_removed(&before, &after);
            let mut applied = old;
            for gone in &removed { assert!(applied.remove(gone)); }
            for joined in &added { assert!(applied.insert(*joined)); }
            assert_eq!(applied, new);
        }

        #[test]
        fn equal_observations_have_no_changed_field(fields: std::collections::BTreeMap<String, Option<bool>>) {
            let map: Map<String, Value> = fields.into_iter().map(|(name, value)| (name, json!(value))).collect();
            assert!(changed_fields(&map, &map).is_empty());
        }
    }

    #[test]
    fn a_missing_field_is_null() {
        let new = json!({"name": "Ada", "email": null});
        let (Some(old), Some(new)) = (json!({}).as_object().cloned(), new.as_object().cloned()) else { unreachable!() };
        assert_eq!(json!(changed_fields(&old, &new)), json!({"name": [null, "Ada"]}));
    }
}
