//! Which accounts a command is about: by ids, by a filter, or by a file of ids and addresses.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use orgmirror_domain::filter::Filter;
use orgmirror_domain::ids::{AccountId, OrgKey};
use orgmirror_store::Store;

use crate::cli::Selection;
use crate::typed_filter;

/// What is not found is named; an error names so many.
const NAMED: usize = 5;

/// Accounts, and the filter that chose them if one did.
pub(super) struct Accounts {
    pub(super) ids: Vec<AccountId>,
    pub(super) filter: Option<Filter>,
}

/// The accounts, in the order given; of a filter's at most `max` and one, so that too many are known to be.
pub(super) async fn accounts(store: &Store, org: OrgKey, selection: &Selection, max: usize) -> Result<Accounts> {
    Ok(match (&selection.filter, &selection.file) {
        (Some(filter), _) => of_filter(store, org, filter, max).await?,
        (None, Some(file)) => Accounts { ids: of_words(store, org, read(file)?).await?, filter: None },
        (None, None) => Accounts { ids: of_words(store, org, selection.accounts.clone()).await?, filter: None },
    })
}

async fn of_filter(store: &Store, org: OrgKey, typed: &str, max: usize) -> Result<Accounts> {
    let (filter, selection) = typed_filter::select(store, org, typed).await?;
    let chosen = store.chosen(&selection, max.saturating_add(1)).await?;
    typed_filter::tell_caveats(&selection);
    if chosen.is_empty() {
        bail!("nobody in the mirror matches the filter; `orgmirror filters explain` tells how it was understood");
    }
    Ok(Accounts { ids: chosen.into_iter().map(|(_, id)| id).collect(), filter: Some(filter) })
}

/// An id is taken as it is; an address is looked up in the mirror, and must be one account's.
async fn of_words(store: &Store, org: OrgKey, words: Vec<String>) -> Result<Vec<AccountId>> {
    let words: Vec<&str> = words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        bail!("no account is named");
    }
    let emails: Vec<String> = words.iter().filter(|word| word.contains('@')).map(|word| (*word).to_owned()).collect();
    let known: HashMap<String, AccountId> = store.accounts_of_emails(org, &emails).await?.into_iter().collect();
    let unknown: Vec<&String> = emails.iter().filter(|email| !known.contains_key(&email.to_lowercase())).collect();
    if !unknown.is_empty() {
        let named: Vec<&str> = unknown.iter().take(NAMED).map(|email| email.as_str()).collect();
        let more = unknown.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        bail!(
            "the mirror knows no account, or several, with the address {}{more}; sync, or name them by account id",
            named.join(", ")
        );
    }
    Ok(words.into_iter().map(|word| known.get(&word.to_lowercase()).cloned().unwrap_or_else(|| AccountId::from(word))).collect())
}

/// The words of the file's column `account_id` or `email`; of its first column where there is no such heading.
fn read(file: &Path) -> Result<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_path(file);
    let reader =
        reader.as_mut().map_err(|error| anyhow::anyhow!("{error}")).with_context(|| format!("read {}", file.display()))?;
    let (mut column, mut words) = (0, Vec::new());
    for (number, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("read line {} of {}", number + 1, file.display()))?;
        let heading =
            |name: &str| record.iter().position(|field| field.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
        if number == 0
            && let Some(found) = heading("account_id").or_else(|| heading("email"))
        {
            column = found;
            continue;
        }
        words.extend(record.get(column).map(str::to_owned));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(content: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("a folder: {error}"));
        let file = folder.path().join("people.csv");
        std::fs::write(&file, content).unwrap_or_else(|error| panic!("a file: {error}"));
        read(&file).unwrap_or_else(|error| panic!("it can be read: {error}"))
    }

    #[test]
    fn the_column_is_found_by_its_heading() {
        assert_eq!(
            words("name,email\nAnn,ann@example.com\n\"Ben, B\",ben@example.com\n"),
            ["ann@example.com", "ben@example.com"]
        );
        assert_eq!(words("\u{feff}Account_ID;x\na-1;y\n".replace(';', ",").as_str()), ["a-1"]);
    }

    #[test]
    fn without_a_heading_it_is_the_first() {
        assert_eq!(words("a-1\n712020:b\n"), ["a-1", "712020:b"]);
    }
}
