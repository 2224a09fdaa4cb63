//! How fresh an account is.

use crate::ids::Instant;

/// `Fresh(account)`: the greater of its row's instant and the watermark of the newest completed full run that has no exception
/// for it. `None` for both: never observed.
pub fn fresh(row: Option<Instant>, watermark_without_exception: Option<Instant>) -> Option<Instant> {
    row.max(watermark_without_exception)
}

/// `Fresh(scope)`: the least over its accounts; `None` if one was never observed.
pub fn fresh_scope(accounts: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    accounts.into_iter().min().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_as_fresh_as_its_stalest_account() {
        assert_eq!(fresh(Some(Instant(3)), Some(Instant(9))), Some(Instant(9)));
        assert_eq!(fresh_scope([Some(Instant(9)), Some(Instant(4))]), Some(Instant(4)));
        assert_eq!(fresh_scope([Some(Instant(9)), None]), None);
    }
}
