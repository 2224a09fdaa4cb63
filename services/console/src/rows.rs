//! Users and groups as rows of a table: the same columns on the command line, in exports of the console, and in its API.

use chrono::{DateTime, Utc};
use orgmirror_store::filter::User;
use orgmirror_store::groups::Group;
use orgmirror_store::operation::view::ItemView;

/// Something that can be a row.
pub trait Row: serde::Serialize + Send + 'static {
    /// Headings, in the order of the cells.
    const COLUMNS: &'static [&'static str];

    /// One cell for each column.
    fn cells(&self) -> Vec<String>;
}

impl Row for User {
    const COLUMNS: &'static [&'static str] =
        &["account", "name", "email", "status", "claim", "last active", "added", "billable", "groups", "products"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.account_id.clone(),
            self.name.clone().unwrap_or_default(),
            self.email.clone().unwrap_or_default(),
            self.status.clone().unwrap_or_default(),
            self.claim_status.clone().unwrap_or_default(),
            self.last_active_at.map_or_else(|| "never".to_owned(), day),
            self.added_to_org_at.map(day).unwrap_or_default(),
            self.billable.to_string(),
            self.groups.to_string(),
            self.products.join(" "),
        ]
    }
}

impl Row for Group {
    const COLUMNS: &'static [&'static str] = &["group", "name", "directory", "scim", "members", "resources", "description"];

    fn cells(&self) -> Vec<String> {
        let number = |number: Option<i32>| number.map(|number| number.to_string()).unwrap_or_default();
        vec![
            self.group_id.clone(),
            self.name.clone().unwrap_or_default(),
            self.directory.clone().unwrap_or_default(),
            if self.scim_managed { "yes" } else { "no" }.to_owned(),
            number(self.members),
            number(self.resources),
            self.description.clone().unwrap_or_default(),
        ]
    }
}

impl Row for ItemView {
    const COLUMNS: &'static [&'static str] =
        &["account_id", "name", "email", "state", "reason", "words", "difference", "attempts", "written_at", "settled_at"];

    fn cells(&self) -> Vec<String> {
        let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
        vec![
            self.account_id.clone(),
            self.name.clone().unwrap_or_default(),
            self.email.clone().unwrap_or_default(),
            self.state.as_str().to_owned(),
            self.reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
            self.words.clone().unwrap_or_default(),
            self.difference.clone().unwrap_or_default(),
            self.attempts.to_string(),
            time(self.written_at),
            time(self.settled_at),
        ]
    }
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// A spreadsheet would run what begins like a formula. A quote in front makes it text; names may be chosen by strangers.
pub fn defused(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("{}{cell}", if formula { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_becomes_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert_eq!(defused(cell), format!("'{cell}"));
        }
        assert_eq!(defused("a=b"), "a=b");
        assert_eq!(defused(""), "");
    }
}
