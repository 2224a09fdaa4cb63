//! From the text of a filter to the users it selects, as far as the visitor may see them.

use orgmirror_domain::access::{Lack, Sites};
use orgmirror_domain::filter::{Condition, Expression, Filter, FilterError};
use orgmirror_store::StoreError;
use orgmirror_store::filter::Selection;

use crate::Console;
use crate::problem::Problem;
use crate::visitor::Visitor;

/// Reads a filter, or `@NAME` of a saved one. The filter is as it was typed; the selection is narrowed to the visitor's sites.
pub(crate) async fn select(console: &Console, visitor: &Visitor, typed: &str) -> Result<(Filter, Selection), Problem> {
    let (store, org) = (console.store(), console.org());
    let text = match typed.trim().strip_prefix('@') {
        Some(name) => store.saved_filter(org, name).await?.expression,
        None => typed.to_owned(),
    };
    let filter: Filter = text.parse()?;
    let narrowed = within(&filter, &visitor.rights.sites)?;
    match store.select(org, &narrowed, store.now().await?).await {
        Ok(selection) => Ok((filter, selection)),
        Err(StoreError::UnknownName { what, name, near }) => Err(misnamed(text, what, &name, near.as_deref()).into()),
        Err(error) => Err(error.into()),
    }
}

/// The filter, and on one of these sites. Who may see no site at all sees nobody.
fn within(filter: &Filter, sites: &Sites) -> Result<Filter, Problem> {
    let Sites::Only(ids) = sites else { return Ok(filter.clone()) };
    if ids.is_empty() {
        return Err(Problem::lacking(Lack::AllSites));
    }
    let on_a_site = Expression::Is(Condition::Site(ids.clone()));
    Ok(Filter(Some(match filter.0.clone() {
        None => on_a_site,
        Some(own) => Expression::All(vec![on_a_site, own]),
    })))
}

fn misnamed(text: String, what: &str, name: &str, near: Option<&str>) -> FilterError {
    // A name with escapes is not found as it is; then the whole text is marked.
    let place = text.find(name).map_or(0..text.len(), |start| start..start + name.len());
    let expected =
        near.map_or_else(|| format!("a {what} of the mirror, as of its last sync"), |near| format!("{near:?}, perhaps"));
    FilterError { text, place, problem: format!("the mirror knows no {what} {name:?}"), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed(text: &str, sites: Sites) -> Option<String> {
        let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{error}"));
        within(&filter, &sites).ok().map(|filter| filter.to_string())
    }

    #[test]
    fn a_limit_to_sites_holds_whatever_is_asked() {
        let only = |ids: &[&str]| Sites::Only(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(narrowed("is:admin", Sites::All).as_deref(), Some("is:admin"));
        assert_eq!(narrowed("", only(&["a", "b"])).as_deref(), Some("site:a,b"));
        assert_eq!(narrowed("status:active OR is:admin", only(&["a"])).as_deref(), Some("site:a (status:active OR is:admin)"));
        assert_eq!(narrowed("status:active", only(&[])), None);
    }
}
