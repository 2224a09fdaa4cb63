//! The directories of the organisation.

use serde_json::json;

use super::Context;
use super::filter::{text, texts};
use super::input::{Rule, Rules};
use super::paging::{list_page, list_start};
use super::refusal::Refusal;

const RULES: Rules = &[("accountId", Rule::Text), ("directoryIds", Rule::Texts(10)), ("searchTerm", Rule::Text)];

/// `GET .../directories`
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let (cursor, limit) = list_start(context, RULES)?;
    let ids = texts(&cursor.filter, "directoryIds");
    let term = text(&cursor.filter, "searchTerm").map(str::to_lowercase);
    // An unknown account is in no directory; the reference documents no 404 here.
    let of_account = match text(&cursor.filter, "accountId") {
        Some(id) => {
            context.touch(id)?;
            let account = context.org.account_slot(id).and_then(|slot| context.org.accounts.get(slot));
            account.map_or(0, |account| account.directories)
        }
        None => u32::MAX,
    };
    let rows: Vec<String> = (0..)
        .zip(&context.org.catalog.directories)
        .filter(|(number, directory)| {
            of_account & (1_u32 << number) != 0
                && ids.as_ref().is_none_or(|ids| ids.contains(&directory.id.as_str()))
                && term.as_ref().is_none_or(|term| directory.name.to_lowercase().contains(term))
        })
        .map(|(_, directory)| {
            let icon = "https://directory.example.net/icons/primary.svg";
            json!({"directoryId": directory.id, "name": directory.name, "icon": icon}).to_string()
        })
        .collect();
    Ok(list_page(context, &cursor, limit, &rows))
}
