//! The middle of several measurements: what a disturbed one can't move.

/// The one in the middle by `key`; of none, none.
pub(crate) fn median<T>(mut measured: Vec<T>, key: impl Fn(&T) -> f64) -> Option<T> {
    measured.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let middle = measured.len() / 2;
    measured.into_iter().nth(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_outlier_changes_nothing() {
        assert_eq!(median(vec![3.0, 900.0, 2.0], |seconds| *seconds), Some(3.0));
        assert_eq!(median(vec![], |seconds: &f64| *seconds), None);
    }
}
