//! From what somebody typed to a selection of users: saved names, mistakes with their place, notes on what limits the answer.

use anyhow::Result;
use orgmirror_domain::filter::{Filter, FilterError};
use orgmirror_domain::ids::OrgKey;
use orgmirror_store::filter::Selection;
use orgmirror_store::{Store, StoreError};

/// Reads a filter, or `@NAME` of a saved one, and finds what it names.
pub(crate) async fn select(store: &Store, org: OrgKey, typed: &str) -> Result<(Filter, Selection)> {
    let text = match typed.trim().strip_prefix('@') {
        Some(name) => store.saved_filter(org, name).await?.expression,
        None => typed.to_owned(),
    };
    let filter: Filter = text.parse()?;
    let selection = find(store, org, &filter, &text).await?;
    Ok((filter, selection))
}

/// Finds what a filter names; `text` is where a name that is not there is shown.
pub(crate) async fn find(store: &Store, org: OrgKey, filter: &Filter, text: &str) -> Result<Selection> {
    match store.select(org, filter, store.now().await?).await {
        Err(StoreError::UnknownName { what, name, near }) => Err(misnamed(text, what, &name, near.as_deref()).into()),
        other => Ok(other?),
    }
}

fn misnamed(text: &str, what: &str, name: &str, near: Option<&str>) -> FilterError {
    // A name with escapes is not found as it is; then the whole text is marked.
    let place = text.find(name).map_or(0..text.len(), |start| start..start + name.len());
    let expected = near.map_or_else(
        || format!("a {what} of the mirror; if it is newer than the last sync, `orgmirror sync --wait` brings it"),
        |near| format!("{near:?}, perhaps"),
    );
    FilterError { text: text.to_owned(), place, problem: format!("the mirror knows no {what} {name:?}"), expected }
}

/// Tells what limits the answer, where people look and programs do not.
pub(crate) fn tell_caveats(selection: &Selection) {
    for caveat in selection.caveats() {
        eprintln!("note: {}", caveat.in_words());
    }
}

/// Why a list is empty, and what to do.
pub(crate) async fn tell_empty(store: &Store, org: OrgKey, what: &str, remedy: &str) -> Result<()> {
    if store.watermark_at(org).await?.is_none() {
        eprintln!("The mirror is empty or not complete: no full sync has completed. `orgmirror sync --wait` fills it.");
    } else {
        eprintln!("No {what} matches. {remedy}");
    }
    Ok(())
}
