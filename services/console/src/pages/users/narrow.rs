//! Who may see only some sites sees only users who may use a product there.

use orgmirror_domain::access::Sites;
use orgmirror_domain::filter::{Condition, Expression, Filter};

/// The filter, within the visitor's sites. Somebody who may see none sees nobody.
pub(crate) fn narrowed(sites: &Sites, filter: Filter) -> Filter {
    let within = match sites {
        Sites::All => return filter,
        Sites::Only(ids) if ids.is_empty() => nobody(),
        Sites::Only(ids) => Expression::Is(Condition::Site(ids.clone())),
    };
    Filter(Expression::all([Some(within), filter.0].into_iter().flatten()))
}

/// What nobody fulfils: to be and not to be an admin.
fn nobody() -> Expression {
    let admin = || Expression::Is(Condition::Flag(orgmirror_domain::filter::Flag::Admin));
    Expression::All(vec![admin(), Expression::Not(Box::new(admin()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_the_visitor_does_not_widen_their_sites() {
        let filter: Filter = "status:active OR status:suspended".parse().expect("a filter");
        let check = |sites: Sites, expected: &str| assert_eq!(narrowed(&sites, filter.clone()).to_string(), expected);
        check(Sites::All, "status:active OR status:suspended");
        check(Sites::Only(vec!["a".to_owned(), "b".to_owned()]), "site:a,b (status:active OR status:suspended)");
        check(Sites::Only(Vec::new()), "is:admin -is:admin (status:active OR status:suspended)");
    }
}
